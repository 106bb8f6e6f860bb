import { invariant } from '@bourse/domain/result'
import { lots, ticks, type Lots, type Ticks } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { EntryOf, Side } from '@bourse/protocol/entries'
import { Execution } from './execution.ts'
import { NONE, OrderSlots } from './order-slots.ts'
import { BUY, PriceLadder, SELL } from './price-ladder.ts'

/** An order as it reaches the book. `budget` 0 is none; a market buy by funds has `quantity` 0. */
export type Taker = Pick<
  EntryOf<'order'>,
  'orderId' | 'account' | 'createdAt' | 'side' | 'kind' | 'timeInForce' | 'postOnly' | 'quantity' | 'budget'
>

export type RestingOrder = {
  readonly orderId: number
  readonly account: number
  readonly createdAt: number
  readonly side: Side
  readonly price: Ticks
  readonly remaining: Lots
}

export type Level = { readonly price: Ticks; readonly quantity: Lots }

export type BookLimits = {
  /** Orders that may rest in one book. Bounds memory and the size of a snapshot. */
  readonly orders: number
  /** Makers that one order may meet. Bounds what one command may write: three entries per fill and its level. */
  readonly fillsPerOrder: number
}

/** What goes beyond is closed as `limit_reached`. */
export const BOOK_LIMITS: BookLimits = { orders: 4_000_000, fillsPerOrder: 40_000 }

/**
 * One symbol's resting orders, matched by price and then by time of arrival, at the price of the order that rested.
 *
 * Orders live in slots of typed arrays and form one doubly linked queue per price level, so that a cancel costs the
 * same anywhere in the queue and matching makes no garbage. What it does depends on the commands so far and on nothing
 * else; which slot an order has is not seen from outside.
 */
export class OrderBook {
  readonly #slots = new OrderSlots()
  readonly #bids = new PriceLadder(BUY)
  readonly #asks = new PriceLadder(SELL)
  readonly #execution = new Execution()
  readonly #limits: BookLimits

  constructor(limits: BookLimits = BOOK_LIMITS) {
    this.#limits = limits
  }

  /** Resting orders of both sides. */
  get size(): number {
    return this.#slots.size
  }

  /**
   * Matches an order and rests what a GTC limit order has left. Throws where the order's id is live: an order must
   * never act twice.
   *
   * @param limit the worst price at which it may trade, and at which the remainder rests
   * @returns what happened, until the next command
   */
  place(taker: Taker, limit: Ticks): Execution {
    const byFunds = taker.kind === 'market' && taker.side === 'buy' && taker.quantity === 0
    invariant(limit > 0, 'an order without a limit reached the book')
    invariant(taker.quantity > 0 || (byFunds && taker.budget > 0), 'an order for nothing reached the book')
    invariant(this.#slots.find(taker.orderId) === NONE, 'a live order reached the book again')
    const execution = this.#execution
    const makers = taker.side === 'buy' ? this.#asks : this.#bids
    execution.clear()
    execution.remaining = taker.quantity
    execution.createdAt = taker.createdAt
    if (taker.postOnly && makers.count > 0 && makers.meets(makers.level(0), limit)) {
      execution.outcome = 'would_trade'
    } else if (taker.timeInForce === 'fok' && !this.#fillsWhole(taker, limit, makers)) {
      execution.outcome = 'not_filled_whole'
    } else {
      this.#match(taker, limit, makers)
    }
    const restsRemainder = taker.kind === 'limit' && taker.timeInForce === 'gtc'
    if (execution.outcome === 'no_liquidity' && restsRemainder) this.#rest(taker, limit)
    return execution
  }

  /**
   * Takes an order off the book, if it is there and belongs to the account.
   *
   * @returns what happened, until the next command; undefined where nothing did
   */
  cancel(orderId: number, account: number): Execution | undefined {
    const slots = this.#slots
    const slot = slots.find(orderId)
    if (slot === NONE || slots.account(slot) !== account) return undefined
    const execution = this.#execution
    const side = slots.side(slot)
    const ladder = this.#ladder(side)
    const level = slots.level(slot)
    const remaining = slots.remaining(slot)
    const quantity = ladder.quantity(level) - remaining
    execution.clear()
    execution.outcome = 'cancelled'
    execution.remaining = remaining
    execution.createdAt = slots.createdAt(slot)
    execution.addLevel(side, ladder.price(level), quantity)
    ladder.setQuantity(level, quantity)
    this.#unlink(slot, ladder, level)
    slots.remove(slot)
    if (ladder.head(level) === NONE) ladder.close(level)
    return execution
  }

  /** The best price of a side; undefined where nothing rests. */
  best(side: Side): Ticks | undefined {
    const ladder = side === 'buy' ? this.#bids : this.#asks
    return ladder.count === 0 ? undefined : ticks(ladder.price(ladder.level(0)))
  }

  /** The levels of a side, best first. */
  *levels(side: Side): Generator<Level> {
    const ladder = side === 'buy' ? this.#bids : this.#asks
    for (let distance = 0; distance < ladder.count; distance++) {
      const level = ladder.level(distance)
      yield { price: ticks(ladder.price(level)), quantity: lots(ladder.quantity(level)) }
    }
  }

  /** The orders of a side in the order in which they would trade. */
  *orders(side: Side): Generator<RestingOrder> {
    const slots = this.#slots
    const ladder = side === 'buy' ? this.#bids : this.#asks
    for (let distance = 0; distance < ladder.count; distance++) {
      const level = ladder.level(distance)
      const price = ticks(ladder.price(level))
      for (let slot = ladder.head(level); slot !== NONE; slot = slots.next(slot)) {
        yield {
          orderId: slots.id(slot),
          account: slots.account(slot),
          createdAt: slots.createdAt(slot),
          side,
          price,
          remaining: lots(slots.remaining(slot)),
        }
      }
    }
  }

  /** Writes both sides, worst level first and in it the oldest order: equal books give equal bytes. */
  encode(writer: ByteWriter): void {
    const slots = this.#slots
    for (const ladder of [this.#bids, this.#asks]) {
      writer.u32(ladder.count)
      for (let distance = ladder.count - 1; distance >= 0; distance--) {
        const level = ladder.level(distance)
        writer.safe(ladder.price(level))
        const countAt = writer.length
        writer.u32(0)
        let count = 0
        for (let slot = ladder.head(level); slot !== NONE; slot = slots.next(slot)) {
          writer.safe(slots.id(slot))
          writer.u32(slots.account(slot))
          writer.safe(slots.createdAt(slot))
          writer.safe(slots.remaining(slot))
          count++
        }
        writer.patchU32(countAt, count)
      }
    }
  }

  /** Reads `encode`'s bytes. Throws a MalformedError where they are none, and where the orders make no valid book. */
  static decode(reader: ByteReader, limits: BookLimits = BOOK_LIMITS): OrderBook {
    const book = new OrderBook(limits)
    for (const side of [BUY, SELL]) {
      for (let levels = reader.u32(); levels > 0; levels--) {
        const level = book.#ladder(side).open(reader.safe())
        for (let orders = reader.u32(); orders > 0; orders--) {
          const id = reader.safe()
          const account = reader.u32()
          const createdAt = reader.safe()
          invariant(book.#slots.find(id) === NONE, `order ${id} is in the snapshot twice`)
          book.#append(book.#slots.add(id, reader.safe(), account, createdAt), side, level)
        }
      }
    }
    book.checkState()
    return book
  }

  /** Throws where the book breaks its own rules. Looks at every order: for tests and for snapshots read. */
  checkState(): void {
    const slots = this.#slots
    let orders = 0
    for (const side of [BUY, SELL]) {
      const ladder = this.#ladder(side)
      ladder.check()
      for (let distance = 0; distance < ladder.count; distance++) {
        const level = ladder.level(distance)
        let quantity = 0
        let previous = NONE
        for (let slot = ladder.head(level); slot !== NONE; slot = slots.next(slot)) {
          invariant(slots.remaining(slot) > 0, `order ${slots.id(slot)} rests with nothing left`)
          invariant(
            slots.previous(slot) === previous,
            `order ${slots.id(slot)} does not know who is before it`,
          )
          invariant(
            slots.level(slot) === level && slots.side(slot) === side,
            'an order stands in another queue',
          )
          quantity += slots.remaining(slot)
          previous = slot
          orders++
        }
        invariant(
          previous !== NONE && ladder.tail(level) === previous,
          'a level does not know its newest order',
        )
        invariant(
          ladder.quantity(level) === quantity,
          `a level of ${quantity} lots says ${ladder.quantity(level)}`,
        )
      }
    }
    const [bid, ask] = [this.best('buy'), this.best('sell')]
    invariant(bid === undefined || ask === undefined || bid < ask, `bid ${bid} meets ask ${ask}`)
    invariant(orders === slots.size, `${orders} orders stand in queues, ${slots.size} are live`)
    slots.check()
  }

  /** Trades until the taker wants no more, nobody is left within its limit, or its budget moves no further lot. */
  #match(taker: Taker, limit: number, makers: PriceLadder): void {
    const execution = this.#execution
    let remaining = wanted(taker)
    let budget = budgetOf(taker)
    execution.outcome = 'filled'
    while (remaining > 0) {
      const level = makers.level(0)
      if (level === NONE || !makers.meets(level, limit)) {
        execution.outcome = budget === 0 ? 'spent' : 'no_liquidity'
        break
      }
      const price = makers.price(level)
      const quantity = Math.min(remaining, affordable(budget, price))
      if (quantity === 0 || execution.fills === this.#limits.fillsPerOrder) {
        execution.outcome = quantity === 0 ? 'spent' : 'limit_reached'
        break
      }
      const filled = this.#sweep(makers, level, quantity, remaining, budget)
      remaining -= filled
      budget -= filled * price
    }
    execution.remaining = remaining === Infinity ? 0 : remaining
  }

  /** Fills up to `quantity` lots at one level, oldest order first. Returns how many. */
  #sweep(makers: PriceLadder, level: number, quantity: number, remaining: number, budget: number): number {
    const slots = this.#slots
    const execution = this.#execution
    const price = makers.price(level)
    let filled = 0
    let slot = makers.head(level)
    while (slot !== NONE && filled < quantity && execution.fills < this.#limits.fillsPerOrder) {
      const resting = slots.remaining(slot)
      const part = Math.min(resting, quantity - filled)
      filled += part
      execution.addFill(
        slots.id(slot),
        slots.account(slot),
        slots.createdAt(slot),
        resting - part,
        price,
        part,
        remaining - filled,
        budget - filled * price,
      )
      if (part < resting) {
        slots.setRemaining(slot, resting - part)
      } else {
        const next = slots.next(slot)
        slots.remove(slot)
        slot = next
      }
    }
    const left = makers.quantity(level) - filled
    execution.addLevel(makers.side, price, left)
    makers.setQuantity(level, left)
    makers.setHead(level, slot)
    if (slot === NONE) makers.close(level)
    else slots.setPrevious(slot, NONE)
    return filled
  }

  /** Whether `#match` would end as filled or spent. */
  #fillsWhole(taker: Taker, limit: number, makers: PriceLadder): boolean {
    const slots = this.#slots
    let remaining = wanted(taker)
    let budget = budgetOf(taker)
    let fills = 0
    for (let distance = 0; remaining > 0; distance++) {
      const level = makers.level(distance)
      if (level === NONE || !makers.meets(level, limit)) return budget === 0
      const price = makers.price(level)
      for (let slot = makers.head(level); slot !== NONE && remaining > 0; slot = slots.next(slot)) {
        const resting = slots.remaining(slot)
        const quantity = Math.min(remaining, affordable(budget, price), resting)
        if (quantity === 0) return true
        if (fills++ === this.#limits.fillsPerOrder) return false
        if (quantity < resting) return true
        remaining -= quantity
        budget -= quantity * price
      }
    }
    return true
  }

  #rest(taker: Taker, price: number): void {
    const execution = this.#execution
    const side = taker.side === 'buy' ? BUY : SELL
    const ladder = this.#ladder(side)
    const found = ladder.find(price)
    const quantity = (found === NONE ? 0 : ladder.quantity(found)) + execution.remaining
    // A level's sum must stay exact, like every quantity that leaves the book.
    if (!Number.isSafeInteger(quantity) || this.#slots.size >= this.#limits.orders) {
      execution.outcome = 'limit_reached'
      return
    }
    const { orderId, account, createdAt } = taker
    const level = found === NONE ? ladder.open(price) : found
    this.#append(this.#slots.add(orderId, execution.remaining, account, createdAt), side, level)
    execution.outcome = 'rested'
    execution.addLevel(side, price, quantity)
  }

  #append(slot: number, side: number, level: number): void {
    const slots = this.#slots
    const ladder = this.#ladder(side)
    const tail = ladder.tail(level)
    slots.place(slot, level, side)
    slots.setPrevious(slot, tail)
    if (tail === NONE) ladder.setHead(level, slot)
    else slots.setNext(tail, slot)
    ladder.setTail(level, slot)
    ladder.setQuantity(level, ladder.quantity(level) + slots.remaining(slot))
  }

  #unlink(slot: number, ladder: PriceLadder, level: number): void {
    const slots = this.#slots
    const previous = slots.previous(slot)
    const next = slots.next(slot)
    if (previous === NONE) ladder.setHead(level, next)
    else slots.setNext(previous, next)
    if (next === NONE) ladder.setTail(level, previous)
    else slots.setPrevious(next, previous)
  }

  #ladder(side: number): PriceLadder {
    return side === BUY ? this.#bids : this.#asks
  }
}

/** Lots that a budget buys. Exact: a quotient of safe integers that is no integer never rounds up to one. */
const affordable = (budget: number, price: number): number => Math.floor(budget / price)

/** Lots; without bound for a buy by funds. */
const wanted = (taker: Taker): number => (taker.quantity === 0 ? Infinity : taker.quantity)

/** Ticks × lots; without bound where the order has none. */
const budgetOf = (taker: Taker): number => (taker.budget === 0 ? Infinity : taker.budget)
