import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

const CONNECTIONS = 8
const TIMEOUT_MS = 5_000
const PATH = '/api/v1/time'

/** So many cheap reads a second, each on a new connection, so that new pods get their share. */
export class ReadLoad {
  sent = 0
  failed = 0
  /** What was reached, once it has ended. */
  perSecond = 0
  readonly #pool: Pool
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[]
  readonly #begunAt = performance.now()

  constructor(url: string, perSecond: number) {
    const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
    this.#pool = new Pool(url, { connections: CONNECTIONS, pipelining: 0, ...timeouts })
    const intervalMs = (1_000 * CONNECTIONS) / perSecond
    this.#running = Array.from({ length: CONNECTIONS }, () => this.#read(intervalMs))
  }

  async stop(): Promise<void> {
    this.perSecond = (1_000 * this.sent) / (performance.now() - this.#begunAt)
    this.#stopping.abort()
    await Promise.all(this.#running)
    await this.#pool.close()
  }

  async #read(intervalMs: number): Promise<void> {
    let due = performance.now() + Math.random() * intervalMs
    while (!this.#stopping.signal.aborted) {
      // What could not be sent in time is left out, not caught up with in a burst.
      due = Math.max(due + intervalMs, performance.now())
      await sleep(due - performance.now())
      this.sent++
      try {
        const { statusCode, body } = await this.#pool.request({ method: 'GET', path: PATH })
        await body.dump()
        if (statusCode !== 200) this.failed++
      } catch {
        this.failed++
      }
    }
  }
}
