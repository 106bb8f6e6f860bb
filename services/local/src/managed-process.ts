import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { logTail, StepFailure } from './failure.ts'

const LOG_BYTES_MAX = 16 * 1024 * 1024
const READY_POLL_MS = 50
const BACKOFF_MS_MIN = 250
const BACKOFF_MS_MAX = 5_000
/** A process that lived this long has recovered: its next restart is quick again. */
const STABLE_AFTER_MS = 30_000

export type ProcessSpec = {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly logFile: string
  /** The port on which it serves, or answers for its health. */
  readonly port: number
  readonly stopSignal: NodeJS.Signals
  readonly stopGraceMs: number
  readonly readyWithinMs: number
  readonly isReady: () => Promise<boolean>
}

/**
 * A child process that is wanted up: between `start` and `stop` it is started again, after a pause that grows, whenever
 * it ends. It leads a process group of its own, so that Ctrl-C in a terminal reaches only its owner.
 */
export class ManagedProcess {
  readonly spec: ProcessSpec
  readonly #onChange: () => void
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #wanted = false
  #restarts = 0
  #backoffMs = BACKOFF_MS_MIN
  #retry: NodeJS.Timeout | undefined
  #logFrom = 0

  constructor(spec: ProcessSpec, onChange: () => void = () => {}) {
    this.spec = spec
    this.#onChange = onChange
  }

  /** Undefined while the process is not running. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** How often it ended without having been asked to. */
  get restarts(): number {
    return this.#restarts
  }

  /** Starts it and waits until it is ready. Throws a `StepFailure`, and leaves nothing running, when it is not in time. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.spec.name} runs already`)
    this.#spawn()
    try {
      await this.ready()
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#wanted = true
    // It may have ended between its readiness and here, when nothing would have restarted it.
    if (this.#child === undefined) this.#scheduleRestart()
  }

  /** Waits until the process, restarted or not, answers that it is ready. */
  async ready(): Promise<void> {
    const deadline = Date.now() + this.spec.readyWithinMs
    while (!(this.#child !== undefined && (await this.spec.isReady().catch(() => false)))) {
      if (this.#child === undefined && !this.#wanted) throw this.#failure('ended before it was ready')
      if (Date.now() > deadline)
        throw this.#failure(`was not ready within ${this.spec.readyWithinMs / 1000} s`)
      await sleep(READY_POLL_MS)
    }
  }

  /** Ends it, by force when it does not end within its grace, and keeps it down. */
  async stop(): Promise<void> {
    this.#wanted = false
    clearTimeout(this.#retry)
    if (this.#child === undefined) return
    this.kill(this.spec.stopSignal)
    this.kill('SIGCONT') // A paused process would not hear the first signal.
    const force = setTimeout(() => this.kill('SIGKILL'), this.spec.stopGraceMs)
    await this.#exited
    clearTimeout(force)
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Sends a signal to the process. One that it does not survive is followed by a restart. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves when the process that runs now has ended. */
  async exited(): Promise<void> {
    await this.#exited
  }

  #spawn(): void {
    const { command, env, cwd, logFile } = this.spec
    const log = openLog(logFile)
    this.#logFrom = statSync(logFile).size
    const [file, ...args] = command
    const child = spawn(file, args, { env: { ...env }, cwd, detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    this.#child = child
    const startedAt = Date.now()
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        this.#child = undefined
        resolve()
        if (Date.now() - startedAt > STABLE_AFTER_MS) this.#backoffMs = BACKOFF_MS_MIN
        if (this.#wanted) this.#scheduleRestart()
        this.#onChange()
      }
      child.once('exit', ended)
      child.once('error', () => child.pid === undefined && ended())
    })
    this.#onChange()
  }

  #scheduleRestart(): void {
    this.#restarts++
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#spawn(), this.#backoffMs)
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS_MAX)
  }

  #failure(what: string): StepFailure {
    const { name, logFile } = this.spec
    return new StepFailure(`${name} ${what}`, { logFile, logTail: logTail(logFile, this.#logFrom) })
  }
}

/** Opens a log to append to. One that has grown too long is set aside first, replacing the one set aside before. */
function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_BYTES_MAX) renameSync(file, `${file}.1`)
  return openSync(file, 'a', 0o600)
}
