import { setTimeout as sleep } from 'node:timers/promises'
import { closePostgres, connectPostgres, type Database, type DatabasePlace } from '@bourse/platform/postgres'
import { CutRefused } from './cut-refused.ts'

/** Any number, the same in every process: one cut writes into a region's inputs. */
const CUT_LOCK = 0x0b0e5e04
const BEAT_MS = 1_000
/** A holder that has not heard from the database for so long stops writing ... */
const SILENCE_MS_MAX = 5_000
/** ... and has closed its producer before the server gives its lock to another. */
const SESSION_MS_MAX = 15_000
/** A holder that died without a word has lost its session by then. */
const WAIT_MS_MAX = 20_000
const STATEMENT_TIMEOUT_MS = 5_000

export type CutLockOptions = {
  readonly database: DatabasePlace
  /** Waits until another cut has ended, or this is aborted. @default refused after twenty seconds */
  readonly until?: AbortSignal | undefined
  /** Called once, where another cut has it. */
  readonly onWait: () => void
}

/**
 * Held by the one cut that may write into this region's inputs: two would write each record twice. It is the
 * database's, on a session that the server ends when its holder is silent.
 */
export class CutLock {
  readonly #sql: Database
  readonly #pid: number
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #heardAt = performance.now()
  #beating = false

  private constructor(sql: Database, pid: number) {
    this.#sql = sql
    this.#pid = pid
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS)
  }

  /**
   * Undefined where the wait was aborted.
   *
   * @throws CutRefused `another_cut`
   */
  static async take({ database, until, onWait }: CutLockOptions): Promise<CutLock | undefined> {
    const sql = connectPostgres({
      ...{ ...database, max: 1, keepsSession: true },
      ...{ applicationName: 'cut', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
    })
    let taken: CutLock | undefined
    try {
      const deadline = performance.now() + WAIT_MS_MAX
      for (let waits = 0; ; waits++) {
        const [row] = await sql<{ pid: number; taken: boolean }[]>`
          select pg_backend_pid() as pid, pg_try_advisory_lock(${CUT_LOCK}) as taken,
            set_config('idle_session_timeout', ${`${SESSION_MS_MAX}ms`}, false)`
        if (row?.taken === true) return (taken = new CutLock(sql, row.pid))
        if (until?.aborted) return undefined
        if (until === undefined && performance.now() > deadline)
          throw new CutRefused('another_cut', 'one is running here: end it first')
        if (waits === 0) onWait()
        await sleep(BEAT_MS)
      }
    } finally {
      if (taken === undefined) await sql.end({ timeout: 0 })
    }
  }

  /** Aborted once another may have it: nothing is to be written any more. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await closePostgres(this.#sql)
  }

  async #beat(): Promise<void> {
    if (performance.now() - this.#heardAt > SILENCE_MS_MAX) this.#lose('the database does not answer')
    if (this.#beating || this.lost.aborted) return
    this.#beating = true
    try {
      const [row] = await this.#sql<{ pid: number }[]>`select pg_backend_pid() as pid`
      // The client makes another session in place of one that has ended.
      if (row?.pid !== this.#pid) this.#lose('its session has ended')
      this.#heardAt = performance.now()
    } catch (cause) {
      this.#lose('its session has ended', cause)
    } finally {
      this.#beating = false
    }
  }

  #lose(why: string, cause?: unknown): void {
    this.#lost.abort(
      new CutRefused('lock_lost', `${why}: another cut may run here; start it again`, { cause }),
    )
  }
}
