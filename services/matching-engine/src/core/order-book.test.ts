import assert from 'node:assert/strict'
import { lots, ticks } from '@bourse/domain/units'
import { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { Execution } from './execution.ts'
import { BOOK_LIMITS, OrderBook, type Taker } from './order-book.ts'
import { ReferenceBook, type ReferenceExecution } from './reference-book.ts'
import { randomCommands, type BookCommand } from '../testing/random-commands.ts'
import { Random } from '../testing/random.ts'

const sides = ['buy', 'sell'] as const
const COMMANDS = 2_500

describe('OrderBook, against the reference', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`does what the reference does, command by command (seed ${seed})`, function () {
      this.timeout(60_000)
      compare(randomCommands(seed, COMMANDS), BOOK_LIMITS)
    })
  }

  for (const seed of [101, 102, 103]) {
    it(`closes what goes beyond its limits (seed ${seed})`, () => {
      const limits = { orders: 40, fillsPerOrder: 3 }
      const outcomes = compare(randomCommands(seed, 800, limits), limits)
      assert((outcomes.get('limit_reached') ?? 0) > 20)
    })
  }

  it('is given every kind of outcome to compare', () => {
    const outcomes = compare(randomCommands(7, COMMANDS), BOOK_LIMITS)
    const expected = [
      'rested',
      'filled',
      'spent',
      'no_liquidity',
      'would_trade',
      'not_filled_whole',
      'cancelled',
      'none',
    ]
    for (const outcome of expected) assert((outcomes.get(outcome) ?? 0) > 10, `too few ${outcome}`)
  })
})

describe('OrderBook', () => {
  for (const seed of [21, 22, 23, 24, 25, 26]) {
    it(`goes on from a snapshot as if there had been none (seed ${seed})`, () => {
      const commands = randomCommands(seed, COMMANDS)
      const random = new Random(seed)
      const straight = new OrderBook()
      let book = new OrderBook()
      for (const command of commands) {
        assert.deepEqual(run(book, command), run(straight, command))
        if (random.chance(2)) book = copy(book)
      }
      assert.deepEqual(encoded(book), encoded(straight))
    })
  }

  it('encodes the same orders to the same bytes, whichever slots they have', () => {
    const direct = new OrderBook()
    const detour = new OrderBook()
    for (let i = 1; i <= 50; i++) detour.place(limitOrder(1_000 + i, 'sell', 100 + i, 1), ticks(100 + i))
    for (let i = 50; i >= 1; i -= 3) detour.cancel(1_000 + i, 1)
    for (let i = 1; i <= 50; i++) detour.cancel(1_000 + i, 1)
    for (const book of [direct, detour]) {
      for (let i = 1; i <= 30; i++) book.place(limitOrder(i, 'sell', 100 + (i % 7), i), ticks(100 + (i % 7)))
    }
    assert.deepEqual(encoded(detour), encoded(direct))
    assert.notDeepEqual(encoded(new OrderBook()), encoded(direct))
  })

  it('refuses a snapshot whose orders make no valid book', () => {
    const crossed = new ByteWriter()
    for (const [id, price] of [
      [1, 101],
      [2, 100],
    ] as const) {
      crossed.u32(1)
      crossed.safe(price)
      crossed.u32(1)
      crossed.safe(id)
      crossed.u32(1)
      crossed.safe(1)
      crossed.safe(5)
    }
    assert.throws(() => OrderBook.decode(new ByteReader(crossed.take())), /bid 101 meets ask 100/)
    const cut = encoded(bookOf(limitOrder(1, 'buy', 100, 5))).subarray(0, -1)
    assert.throws(() => OrderBook.decode(new ByteReader(cut)), { name: 'MalformedError' })
  })

  it('sweeps 6,000 orders on 60 levels with one order', () => {
    const book = new OrderBook()
    for (let i = 0; i < 6_000; i++)
      book.place(limitOrder(i + 1, 'sell', 101 + (i % 60), 2), ticks(101 + (i % 60)))
    const execution = book.place(limitOrder(9_999, 'buy', 200, 12_001), ticks(200))
    assert.equal(execution.outcome, 'rested')
    assert.equal(execution.fills, 6_000)
    assert.equal(execution.levels, 61)
    assert.deepEqual([execution.makerOrderId(0), execution.makerOrderId(1)], [1, 61])
    assert.deepEqual([execution.makerOrderId(5_998), execution.price(5_999)], [5_940, 160])
    assert.deepEqual([...book.levels('sell')], [])
    assert.deepEqual([...book.levels('buy')], [{ price: 200, quantity: 1 }])
    book.checkState()
  })

  it('keeps quantities exact up to 2^53 and closes what would make a level larger', () => {
    const book = new OrderBook()
    const most = Number.MAX_SAFE_INTEGER
    assert.equal(book.place(limitOrder(1, 'buy', 1, most - 5), ticks(1)).outcome, 'rested')
    assert.equal(book.place(limitOrder(2, 'buy', 1, 5), ticks(1)).outcome, 'rested')
    const third = book.place(limitOrder(3, 'buy', 1, 1), ticks(1))
    assert.deepEqual([third.outcome, third.remaining, third.levels], ['limit_reached', 1, 0])
    assert.deepEqual([...book.levels('buy')], [{ price: 1, quantity: most }])
    book.checkState()
  })

  it('buys with a budget what whole-number division allows, never a lot more', () => {
    const random = new Random(5)
    for (let i = 0; i < 2_000; i++) {
      const price = random.between(1, 2 ** random.between(1, 26))
      const most = Math.floor(Number.MAX_SAFE_INTEGER / price)
      // One below a multiple of the price: the quotient lies as close below a whole number as it can.
      const budget = price * (most - random.below(3)) - 1
      const book = bookOf(limitOrder(1, 'sell', price, most))
      const execution = book.place(
        { ...limitOrder(2, 'buy', price, 0), kind: 'market', budget },
        ticks(price),
      )
      const bought = budget < price ? 0n : BigInt(execution.quantity(0))
      assert.equal(bought, BigInt(budget) / BigInt(price), `budget ${budget}, price ${price}`)
    }
  })

  it('crashes when a live order comes again, before anything trades', () => {
    const book = bookOf(limitOrder(1, 'sell', 100, 5), limitOrder(2, 'buy', 99, 5))
    const before = encoded(book)
    assert.throws(
      () => book.place(limitOrder(2, 'buy', 100, 5), ticks(100)),
      /live order reached the book again/,
    )
    assert.deepEqual(encoded(book), before)
  })
})

/** Runs commands through both books, comparing what happened and what rests; returns how often each outcome came. */
function compare(commands: readonly BookCommand[], limits: typeof BOOK_LIMITS): Map<string, number> {
  const fast = new OrderBook(limits)
  const reference = new ReferenceBook(limits)
  const outcomes = new Map<string, number>()
  for (const [i, command] of commands.entries()) {
    const actual = run(fast, command)
    const expected =
      command.type === 'place'
        ? reference.place(command.taker, command.limit)
        : reference.cancel(command.orderId, command.account)
    assert.deepEqual(actual, expected, `command ${i}`)
    const outcome = actual?.outcome ?? 'none'
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (i % 20 !== 0 && i !== commands.length - 1) continue
    fast.checkState()
    for (const side of sides) {
      assert.deepEqual([...fast.orders(side)], reference.orders(side), `orders after command ${i}`)
      assert.deepEqual([...fast.levels(side)], reference.levels(side), `levels after command ${i}`)
      assert.equal(fast.best(side), reference.levels(side)[0]?.price)
    }
    assert.equal(fast.size, reference.orders('buy').length + reference.orders('sell').length)
  }
  return outcomes
}

function run(book: OrderBook, command: BookCommand): ReferenceExecution | undefined {
  const execution =
    command.type === 'place'
      ? book.place(command.taker, command.limit)
      : book.cancel(command.orderId, command.account)
  return execution && plain(execution)
}

function plain(execution: Execution): ReferenceExecution {
  const { outcome, remaining, createdAt } = execution
  return {
    outcome,
    remaining,
    createdAt,
    fills: Array.from({ length: execution.fills }, (_, i) => ({
      makerOrderId: execution.makerOrderId(i),
      makerAccount: execution.makerAccount(i),
      makerCreatedAt: execution.makerCreatedAt(i),
      makerRemaining: execution.makerRemaining(i),
      price: execution.price(i),
      quantity: execution.quantity(i),
      takerRemaining: execution.takerRemaining(i),
      takerBudget: execution.takerBudget(i),
    })),
    levels: Array.from({ length: execution.levels }, (_, i) => ({
      side: execution.levelSide(i),
      price: execution.levelPrice(i),
      quantity: execution.levelQuantity(i),
    })),
  }
}

type Limited = Taker & { readonly price: number }

function limitOrder(orderId: number, side: 'buy' | 'sell', price: number, quantity: number): Limited {
  const plainLimit = { kind: 'limit', timeInForce: 'gtc', postOnly: false, budget: 0 } as const
  return { orderId, account: 1, createdAt: orderId, side, price, quantity: lots(quantity), ...plainLimit }
}

function bookOf(...orders: readonly Limited[]): OrderBook {
  const book = new OrderBook()
  for (const order of orders) book.place(order, ticks(order.price))
  return book
}

function encoded(book: OrderBook): Buffer {
  const writer = new ByteWriter()
  book.encode(writer)
  return writer.take()
}

function copy(book: OrderBook): OrderBook {
  const reader = new ByteReader(encoded(book))
  const decoded = OrderBook.decode(reader)
  reader.finish()
  return decoded
}
