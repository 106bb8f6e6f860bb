import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '@bourse/local/config'
import { command, type Kubectl } from './kubectl.ts'
import { PortForward } from './port-forward.ts'

const NAMESPACE = 'bourse-git'
const GIT_PORT = 9_418
const READY_MS = 120_000
/** What a release by commits reads and writes. */
const KEPT = ['charts', 'k8s', 'package.json', 'tsconfig.json', '.gitignore', '.prettierrc.json']

/** A git server in the cluster, which Argo CD reads and this machine pushes to. It keeps nothing when it goes. */
export class GitServer {
  readonly url = `git://git.${NAMESPACE}.svc/bourse.git`
  /** A checkout of what it serves. */
  readonly folder: string
  readonly #kubectl: Kubectl

  private constructor(kubectl: Kubectl, folder: string) {
    this.#kubectl = kubectl
    this.folder = folder
  }

  /** @param image one that has git: Argo CD's own does */
  static async start(kubectl: Kubectl, image: string): Promise<GitServer> {
    const here = kubectl.in(NAMESPACE)
    const input = JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects(image) })
    await here.run(['apply', '-f', '-'], { input })
    await here.run(['rollout', 'status', 'deployment/git', '--timeout=120s'], { timeoutMs: READY_MS })
    const { port } = await PortForward.open(here, 'service/git', GIT_PORT)
    const folder = await mkdtemp(join(tmpdir(), 'bourse-git-'))
    const server = new GitServer(here, folder)
    await server.#git('init', '--quiet', '--initial-branch=main')
    await server.#git('config', 'user.name', 'test')
    await server.#git('config', 'user.email', 'test@bourse.example')
    await server.#git('config', 'push.autoSetupRemote', 'true')
    await writeFile(join(folder, '.git/info/exclude'), 'node_modules\n')
    await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'))
    await server.#git('remote', 'add', 'origin', `git://127.0.0.1:${port}/bourse.git`)
    return server
  }

  /** Commits charts and manifests as they are in this checkout, and pushes them. Returns the commit. */
  commitCharts(): Promise<string> {
    return this.#commit('charts and manifests as they are', async () => {
      for (const name of KEPT) await cp(join(REPOSITORY, name), join(this.folder, name), { recursive: true })
    })
  }

  /** Commits files with a change. */
  commitChange(paths: readonly string[], change: (text: string) => string): Promise<string> {
    return this.#commit(`a change of ${paths.join(', ')}`, async () => {
      for (const path of paths) {
        const file = join(this.folder, path)
        await writeFile(file, change(await readFile(file, 'utf8')))
      }
    })
  }

  /** Merges a branch that a script left, and pushes it. */
  async merge(branch: string): Promise<void> {
    await this.#git('merge', '--quiet', '--ff-only', branch)
    await this.#git('push', '--quiet', 'origin', 'main')
  }

  async head(): Promise<string> {
    return (await this.#git('rev-parse', 'HEAD')).trim()
  }

  async stop(): Promise<void> {
    await this.#kubectl.run(['delete', 'namespace', NAMESPACE, '--wait=false'])
  }

  async #commit(message: string, change: () => Promise<void>): Promise<string> {
    await change()
    await this.#git('add', '--all')
    await this.#git('commit', '--quiet', '--message', message)
    // A run that was ended may have left its server, with another history.
    await this.#git('push', '--quiet', '--force', 'origin', 'main')
    return this.head()
  }

  #git(...args: string[]): Promise<string> {
    return command('git', ['-C', this.folder, ...args])
  }
}

function objects(image: string): readonly unknown[] {
  const labels = { app: 'git' }
  const serve =
    'git init --quiet --bare --initial-branch=main /tmp/bourse.git && ' +
    'exec git daemon --export-all --enable=receive-pack --base-path=/tmp --reuseaddr'
  const container = {
    ...{ name: 'git', image, command: ['sh', '-ec', serve] },
    readinessProbe: { tcpSocket: { port: GIT_PORT }, periodSeconds: 1 },
  }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'git', namespace: NAMESPACE } },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: 1, containers: [container] },
        },
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'git', namespace: NAMESPACE } },
      spec: { selector: labels, ports: [{ port: GIT_PORT }] },
    },
  ]
}
