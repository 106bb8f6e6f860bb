import { command } from './kubectl.ts'

/** The machine under a node: with kind, and with minikube's docker driver, a container that has the node's name. */
export class NodeMachine {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  /** As if the power had gone: everything on it is killed at once. */
  async stop(): Promise<void> {
    await command('docker', ['stop', '--time', '0', this.#name])
  }

  async start(): Promise<void> {
    await command('docker', ['start', this.#name])
  }

  /** Nothing on it runs any more, nothing is lost, and its connections stay open: it wakes where it stood. */
  async pause(): Promise<void> {
    await command('docker', ['pause', this.#name])
  }

  async wake(): Promise<void> {
    await command('docker', ['unpause', this.#name])
  }

  /** SIGKILL to every process of a container: from inside, the kernel shields the first one. */
  async kill(containerId: string): Promise<void> {
    const script = `files=$(grep -ls ${containerId} /proc/[0-9]*/cgroup); [ -n "$files" ] || exit 3
      for file in $files; do pid=\${file%/cgroup}; kill -9 "\${pid#/proc/}" || :; done`
    await command('docker', ['exec', this.#name, 'sh', '-c', script])
  }
}
