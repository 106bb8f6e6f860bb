import { setTimeout as sleep } from 'node:timers/promises'
import { askUntilDefinite, type Asked } from '@bourse/load-tests/ask-again'
import type { Answer } from '@bourse/load-tests/exchange-client'
import type { Trader } from '@bourse/load-tests/market'
import type { ClientHistory } from './history/client-history.ts'
import type { Command, Terms } from './history/record.ts'

/** Between two commands of a trader. */
const THINK_MS = 15
const MID_CENTS = 23_600
const SPREAD_CENTS = 200
/** Chances of what a trader does next. */
const LOOK = 0.05
const CANCEL = 0.3
const MARKET_ORDER = 0.1
const WAIT_FOR_RESULT = 0.3
const CANCEL_TWICE = 0.1
const ASK_ONCE_MORE = 0.05

/** What the exchange does not remember: asked again, the command may be done. */
const NOT_REMEMBERED = new Set(['rate_limited', 'limit_reached'])

type Market = {
  readonly traders: readonly Trader[]
  readonly symbols: readonly string[]
  readonly history: ClientHistory
}

/** Traders that write down what they ask and are told, and never give a command up. */
export class TradingLoad {
  /** The codes of answers without a definite outcome. */
  readonly indefinite: string[] = []
  /** The codes of reads that failed. */
  readonly unread: string[] = []
  longestMs = 0
  readonly #market: Market
  readonly #run: string
  readonly #thinkMs: number
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[]
  #counter = 0

  constructor(market: Market, run: string, { thinkMs = THINK_MS }: { readonly thinkMs?: number } = {}) {
    this.#market = market
    this.#thinkMs = thinkMs
    this.#run = run
    this.#running = market.traders.map((trader) => this.#trade(trader))
  }

  /** Ends the load; commands under way are asked for until their outcome is definite. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
  }

  async #trade(trader: Trader): Promise<void> {
    const open: string[] = []
    while (!this.#stopping.signal.aborted) {
      if (happens(LOOK)) this.unread.push(...(await this.#market.history.look(trader)))
      else if (happens(CANCEL) && open.length > 0) {
        const [orderId = ''] = open.splice(Math.floor(Math.random() * open.length), 1)
        const again = happens(CANCEL_TWICE) ? this.#cancel(trader, orderId, false) : undefined
        await Promise.all([this.#cancel(trader, orderId, happens(WAIT_FOR_RESULT)), again])
      } else {
        const orderId = await this.#order(trader)
        if (orderId !== undefined) open.push(orderId)
      }
      await sleep(this.#thinkMs)
    }
  }

  /** The order's id, if it was accepted. */
  async #order({ account, client }: Trader): Promise<string | undefined> {
    const commandId = this.#nextId()
    const terms = this.#terms()
    const command = this.#market.history.placed({ commandId, account, terms })
    const type = terms.price === undefined ? 'market' : 'limit'
    const order = { ...terms, type, client_order_id: commandId }
    const wantResult = happens(WAIT_FOR_RESULT)
    await this.#ask(command, () => client.order(order, { wantResult }))
    return command.answers[0]?.orderId
  }

  async #cancel({ account, client }: Trader, orderId: string, wantResult: boolean): Promise<void> {
    const commandId = this.#nextId()
    const command = this.#market.history.cancelled({ commandId, account, cancels: orderId, wantResult })
    await this.#ask(command, () => client.cancel(orderId, commandId, { wantResult }))
  }

  /** Asks until the outcome is known. What was in doubt, and some of the rest, is asked once more: the answer must stay. */
  async #ask(command: Command, send: () => Promise<Answer>): Promise<void> {
    const began = performance.now()
    const { answer, indefinite } = await this.#askOnce(command, send)
    this.longestMs = Math.max(this.longestMs, performance.now() - began)
    const inDoubt = indefinite.length > 0 || happens(ASK_ONCE_MORE)
    if (inDoubt && !NOT_REMEMBERED.has(answer.code)) await this.#askOnce(command, send)
  }

  async #askOnce(command: Command, send: () => Promise<Answer>): Promise<Asked> {
    const asked = await askUntilDefinite(send)
    this.indefinite.push(...asked.indefinite)
    this.#market.history.answered(command, asked)
    return asked
  }

  #terms(): Terms {
    const { symbols } = this.#market
    const symbol = symbols[Math.floor(Math.random() * symbols.length)] ?? ''
    const side = happens(0.5) ? 'buy' : 'sell'
    const cents = MID_CENTS + Math.round((Math.random() - 0.5) * SPREAD_CENTS)
    const quantity = `0.${1 + Math.floor(Math.random() * 9)}`
    return { symbol, side, quantity, ...(!happens(MARKET_ORDER) && { price: (cents / 100).toFixed(2) }) }
  }

  #nextId = (): string => `${this.#run}-${++this.#counter}`
}

const happens = (chance: number): boolean => Math.random() < chance
