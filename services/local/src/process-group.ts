import { ManagedProcess, type ProcessSpec } from './managed-process.ts'

/** The processes of one stack, in the order of their start. None of them outlives this process, unless it is killed. */
export class ProcessGroup {
  readonly #processes: ManagedProcess[] = []
  readonly #onChange: (processes: readonly ManagedProcess[]) => void
  readonly #killAll = () => this.#processes.forEach((member) => member.kill('SIGKILL'))
  #stopped: Promise<void> | undefined

  constructor(onChange: (processes: readonly ManagedProcess[]) => void = () => {}) {
    this.#onChange = onChange
    process.once('exit', this.#killAll)
  }

  get(name: string): ManagedProcess {
    const found = this.#processes.find(({ spec }) => spec.name === name)
    if (found === undefined) throw new Error(`no process is called ${name}`)
    return found
  }

  /** Starts a process and waits until it is ready. Throws when the group is being stopped. */
  async start(spec: ProcessSpec): Promise<void> {
    if (this.#stopped !== undefined) throw new Error('asked to stop')
    const member = new ManagedProcess(spec, () => this.#onChange(this.#processes))
    this.#processes.push(member)
    await member.start()
  }

  /** Stops all, the last started first, and lets nothing start any more. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  async #stopAll(): Promise<void> {
    for (const member of this.#processes.toReversed()) await member.stop()
    process.off('exit', this.#killAll)
  }
}
