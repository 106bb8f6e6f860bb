import { setTimeout as sleep } from 'node:timers/promises'
import { orderIdOf, type Answer } from '@bourse/load-tests/exchange-client'
import type { Trader } from '@bourse/load-tests/market'

/** What one client knows of a command of its own: the log that nobody else writes. */
export type Sent = {
  readonly commandId: string
  readonly account: string
  readonly kind: 'order' | 'cancel'
  /** How often it was asked until the answer was definite. */
  asked: number
  /** `accepted`, a refusal's code, or `unknown` while no definite answer has come. */
  outcome: string
  orderId?: string
}

const THINK_MS = 15
const ASK_AGAIN_MS = 200
const ASK_AGAIN_MAX = 300
const MID_CENTS = 23_600
const SPREAD_CENTS = 200

/** Answers that say nothing about the outcome: the command has to be asked again with the same id. */
const INDEFINITE = new Set([
  'no_answer',
  'outcome_unknown',
  'overloaded',
  'rate_limited',
  'internal',
  'malformed_answer',
  'unavailable',
  'not_settled',
])

/** Traders that keep a history of what they sent and what they were told, and never give a command up. */
export class TradingLoad {
  readonly history: Sent[] = []
  /** Answers without a definite outcome. */
  indefinite = 0
  longestMs = 0
  readonly #traders: readonly Trader[]
  readonly #symbols: readonly string[]
  readonly #run: string
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[]
  #counter = 0

  constructor({ traders, symbols }: { traders: readonly Trader[]; symbols: readonly string[] }, run: string) {
    this.#traders = traders
    this.#symbols = symbols
    this.#run = run
    this.#running = this.#traders.map((trader) => this.#trade(trader))
  }

  /** Ends the load; commands under way are asked for until their outcome is definite. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
  }

  async #trade(trader: Trader): Promise<void> {
    const open: string[] = []
    while (!this.#stopping.signal.aborted) {
      const chance = Math.random()
      if (chance < 0.3 && open.length > 0)
        await this.#cancel(trader, open.splice(Math.floor(Math.random() * open.length), 1)[0] ?? '')
      else {
        const sent = await this.#order(trader, chance > 0.9)
        if (sent.orderId !== undefined) open.push(sent.orderId)
      }
      await sleep(THINK_MS)
    }
  }

  async #order(trader: Trader, market: boolean): Promise<Sent> {
    const sent = this.#note(trader, 'order')
    const side = Math.random() < 0.5 ? 'buy' : 'sell'
    const cents = MID_CENTS + Math.round((Math.random() - 0.5) * SPREAD_CENTS)
    const quantity = `0.${1 + Math.floor(Math.random() * 9)}`
    const terms = market
      ? { type: 'market', quantity }
      : { type: 'limit', price: (cents / 100).toFixed(2), quantity }
    const symbol = this.#symbols[Math.floor(Math.random() * this.#symbols.length)]
    const order = { symbol, side, ...terms, client_order_id: sent.commandId }
    const answer = await this.#ask(sent, () => trader.client.order(order))
    if (sent.outcome === 'accepted') sent.orderId = orderIdOf(answer)
    return sent
  }

  async #cancel(trader: Trader, orderId: string): Promise<void> {
    const sent = this.#note(trader, 'cancel')
    await this.#ask(sent, () => trader.client.cancel(orderId, sent.commandId))
  }

  #note({ account }: Trader, kind: Sent['kind']): Sent {
    const sent: Sent = {
      commandId: `${this.#run}-${++this.#counter}`,
      account,
      kind,
      asked: 0,
      outcome: 'unknown',
    }
    this.history.push(sent)
    return sent
  }

  async #ask(sent: Sent, send: () => Promise<Answer>): Promise<Answer> {
    const began = performance.now()
    for (;;) {
      const answer = await send()
      sent.asked++
      if (!INDEFINITE.has(answer.code)) {
        sent.outcome = answer.code
        this.longestMs = Math.max(this.longestMs, performance.now() - began)
        return answer
      }
      this.indefinite++
      if (sent.asked >= ASK_AGAIN_MAX) return answer
      await sleep(ASK_AGAIN_MS)
    }
  }
}
