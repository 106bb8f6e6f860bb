import { invariant } from '@bourse/domain/result'
import { least, lots, minus, ticks, type Lots, type Ticks } from '@bourse/domain/units'
import type { Side } from '@bourse/protocol/entries'
import type { Outcome } from './execution.ts'
import { BOOK_LIMITS, type BookLimits, type Level, type RestingOrder, type Taker } from './order-book.ts'

export type ReferenceFill = {
  readonly makerOrderId: number
  readonly makerAccount: number
  readonly makerCreatedAt: number
  readonly makerRemaining: number
  readonly price: number
  readonly quantity: number
  readonly takerRemaining: number
  readonly takerBudget: number
}

export type ReferenceExecution = {
  readonly outcome: Outcome
  readonly remaining: number
  readonly createdAt: number
  readonly fills: readonly ReferenceFill[]
  readonly levels: readonly { readonly side: Side; readonly price: number; readonly quantity: number }[]
}

type Matched = { outcome: Outcome; remaining: Lots; fills: ReferenceFill[]; resting: RestingOrder[] }

/**
 * The slow, clear twin of OrderBook, for tests alone: one list of orders in order of arrival, sorted anew for each
 * command. Where the two differ, one of them is wrong.
 */
export class ReferenceBook {
  readonly #limits: BookLimits
  #resting: readonly RestingOrder[] = []

  constructor(limits: BookLimits = BOOK_LIMITS) {
    this.#limits = limits
  }

  place(taker: Taker, limit: Ticks): ReferenceExecution {
    invariant(
      !this.#resting.some(({ orderId }) => orderId === taker.orderId),
      'a live order reached the book again',
    )
    const makers = this.#makersFor(taker, limit)
    const { createdAt, quantity } = taker
    const refused = { remaining: quantity, createdAt, fills: [], levels: [] }
    if (taker.postOnly && makers.length > 0) return { ...refused, outcome: 'would_trade' }
    const matched = match(taker, makers, this.#resting, this.#limits.fillsPerOrder)
    const whole = matched.outcome === 'filled' || matched.outcome === 'spent'
    if (taker.timeInForce === 'fok' && !whole) return { ...refused, outcome: 'not_filled_whole' }
    const before = this.#resting
    this.#resting = matched.resting
    if (matched.outcome === 'no_liquidity' && taker.kind === 'limit' && taker.timeInForce === 'gtc') {
      matched.outcome = this.#rest({ ...taker, price: limit, remaining: matched.remaining })
    }
    const { outcome, remaining, fills } = matched
    return { outcome, remaining, createdAt, fills, levels: this.#changedSince(before, taker.side) }
  }

  cancel(orderId: number, account: number): ReferenceExecution | undefined {
    const order = this.#resting.find((resting) => resting.orderId === orderId && resting.account === account)
    if (order === undefined) return undefined
    const before = this.#resting
    this.#resting = before.filter((resting) => resting !== order)
    const { remaining, createdAt, side } = order
    return { outcome: 'cancelled', remaining, createdAt, fills: [], levels: this.#changedSince(before, side) }
  }

  /** The orders of a side in the order in which they would trade. */
  orders(side: Side): readonly RestingOrder[] {
    const sign = side === 'buy' ? -1 : 1
    return this.#resting.filter((order) => order.side === side).sort((a, b) => sign * (a.price - b.price))
  }

  levels(side: Side): readonly Level[] {
    return levelsOf(this.#resting, side)
  }

  #makersFor(taker: Taker, limit: Ticks): readonly RestingOrder[] {
    return taker.side === 'buy'
      ? this.orders('sell').filter(({ price }) => price <= limit)
      : this.orders('buy').filter(({ price }) => price >= limit)
  }

  #rest({ orderId, account, createdAt, side, price, remaining }: RestingOrder): Outcome {
    const sum = this.levels(side).find((level) => level.price === price)?.quantity ?? 0
    const full = this.#resting.length >= this.#limits.orders
    if (full || sum + remaining > Number.MAX_SAFE_INTEGER) return 'limit_reached'
    this.#resting = [...this.#resting, { orderId, account, createdAt, side, price, remaining }]
    return 'rested'
  }

  /** Levels that differ: those the order took from, best first, then those of its own side. */
  #changedSince(before: readonly RestingOrder[], own: Side): ReferenceExecution['levels'] {
    const sides = own === 'buy' ? (['sell', 'buy'] as const) : (['buy', 'sell'] as const)
    return sides.flatMap((side) => {
      const now = this.levels(side)
      const old = levelsOf(before, side)
      const prices = [...new Set([...old, ...now].map(({ price }) => price))].sort((a, b) => a - b)
      if (side === 'buy') prices.reverse()
      const quantityIn = (levels: readonly Level[], price: Ticks): number =>
        levels.find((level) => level.price === price)?.quantity ?? 0
      return prices
        .filter((price) => quantityIn(old, price) !== quantityIn(now, price))
        .map((price) => ({ side, price, quantity: quantityIn(now, price) }))
    })
  }
}

/** Lets the taker meet each maker in turn. Changes nothing: what would rest afterwards is part of the answer. */
function match(
  taker: Taker,
  makers: readonly RestingOrder[],
  resting: readonly RestingOrder[],
  fillsMax: number,
): Matched {
  const byFunds = taker.quantity === 0
  const matched: Matched = {
    outcome: 'no_liquidity',
    remaining: taker.quantity,
    fills: [],
    resting: [...resting],
  }
  let budget = BigInt(taker.budget)
  for (const maker of makers) {
    const affordable = taker.budget === 0 ? maker.remaining : lots(Number(budget / BigInt(maker.price)))
    if (affordable === 0) return { ...matched, outcome: 'spent' }
    if (matched.fills.length === fillsMax) return { ...matched, outcome: 'limit_reached' }
    const quantity = least(least(maker.remaining, affordable), byFunds ? maker.remaining : matched.remaining)
    const left = minus(maker.remaining, quantity)
    if (taker.budget > 0) budget -= BigInt(quantity) * BigInt(maker.price)
    if (!byFunds) matched.remaining = minus(matched.remaining, quantity)
    matched.resting = matched.resting
      .map((order) => (order.orderId === maker.orderId ? { ...order, remaining: left } : order))
      .filter(({ remaining }) => remaining > 0)
    matched.fills.push({
      makerOrderId: maker.orderId,
      makerAccount: maker.account,
      makerCreatedAt: maker.createdAt,
      makerRemaining: left,
      price: maker.price,
      quantity,
      takerRemaining: matched.remaining,
      takerBudget: Number(budget),
    })
    if (!byFunds && matched.remaining === 0) return { ...matched, outcome: 'filled' }
    // The taker wants more and the maker has more: the budget is what ended it.
    if (left > 0) return { ...matched, outcome: 'spent' }
  }
  return taker.budget > 0 && budget === 0n ? { ...matched, outcome: 'spent' } : matched
}

function levelsOf(orders: readonly RestingOrder[], side: Side): readonly Level[] {
  const sums = new Map<number, number>()
  for (const order of orders) {
    if (order.side === side) sums.set(order.price, (sums.get(order.price) ?? 0) + order.remaining)
  }
  const sign = side === 'buy' ? -1 : 1
  return [...sums]
    .sort(([a], [b]) => sign * (a - b))
    .map(([price, quantity]) => ({ price: ticks(price), quantity: lots(quantity) }))
}
