import { askUntilDefinite } from '@bourse/load-tests/ask-again'
import { ExchangeClient } from '@bourse/load-tests/exchange-client'
import { Pool } from 'undici'
import { PASSING_ORDER, type Probe } from './gap-watch.ts'

/** Sent at once by each client. */
const AT_ONCE = 4

/** Orders as fast as they are taken, that match nothing and whose results nobody waits for. */
export class OrderLoad {
  /** Each of them has to be in the ledger. */
  accepted = 0
  readonly #pool: Pool
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[]

  /** @param run begins the orders' ids */
  constructor(url: string, probes: readonly Probe[], run: string) {
    this.#pool = new Pool(url, { connections: probes.length * AT_ONCE })
    const clients = probes.flatMap((probe) => Array.from({ length: AT_ONCE }, () => probe))
    this.#running = clients.map((probe, index) => this.#send(probe, `${run}-${index}`))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
    await this.#pool.close()
  }

  async #send({ token, symbol }: Probe, prefix: string): Promise<void> {
    const client = new ExchangeClient(this.#pool, token)
    for (let number = 0; !this.#stopping.signal.aborted; number++) {
      const order = { ...PASSING_ORDER, symbol, client_order_id: `${prefix}-${number}` }
      const { answer } = await askUntilDefinite(() => client.order(order))
      if (answer.code === 'accepted') this.accepted++
    }
  }
}
