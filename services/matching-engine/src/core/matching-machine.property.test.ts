import assert from 'node:assert/strict'
import { orderId, shardOfAccount } from '@bourse/domain/ids'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf } from '@bourse/protocol/entries'
import {
  account,
  apply,
  newShard,
  OrdersIn,
  restored,
  written,
  type InputRecord,
  type Written,
} from '../testing/orders-in.ts'
import { randomCommands } from '../testing/random-commands.ts'
import { Random } from '../testing/random.ts'

type Order = EntryOf<'order'>
type Run = { readonly records: readonly InputRecord[]; readonly orders: ReadonlyMap<number, Order> }

const SYMBOLS = [1, 2]
const COMMANDS = 1_500
const BAND = { low: 51, high: 150 }

describe('MatchingMachine, for any commands', () => {
  for (let seed = 1; seed <= 9; seed += 3) {
    it(`writes the same bytes for the same records (seed ${seed})`, () => {
      const { records } = randomRun(seed)
      const [one, other] = [newShard(), newShard()]
      for (const record of records) assert.deepEqual(apply(one, record), apply(other, record))
      assert.deepEqual(one.encode(), other.encode())
    })

    it(`goes on from a snapshot as if there had been none (seed ${seed})`, () => {
      const { records } = randomRun(seed)
      const random = new Random(seed)
      const straight = newShard()
      let shard = newShard()
      for (const record of records) {
        assert.deepEqual(apply(shard, record), apply(straight, record))
        if (random.chance(5)) shard = restored(shard.encode())
      }
      assert.deepEqual(shard.encode(), straight.encode())
      assert.deepEqual(shard.machine.cut(), straight.machine.cut())
    })

    it(`keeps the promises of every order (seed ${seed})`, () => {
      const { records, orders } = randomRun(seed)
      const entries = outputs(records)
      for (const [id, order] of orders)
        checkReport(
          order,
          entries.filter(({ entry }) => isAbout(entry, id)),
        )
    })

    it(`tells both sides of every trade the same (seed ${seed})`, () => {
      const { records, orders } = randomRun(seed)
      checkTrades(outputs(records), orders)
    })

    it(`rebuilds the book from its level entries (seed ${seed})`, () => {
      const { records } = randomRun(seed)
      const shard = newShard()
      const levels = new Map<string, number>()
      const updates = new Map<number, number>()
      for (const record of records) {
        for (const { entry } of written(apply(shard, record))) {
          if (entry.type !== 'level') continue
          assert.equal(entry.update, (updates.get(entry.symbol) ?? 0) + 1)
          updates.set(entry.symbol, entry.update)
          const key = `${entry.symbol} ${entry.side} ${entry.price}`
          if (entry.quantity === 0) assert(levels.delete(key), `level ${key} was not there`)
          else levels.set(key, entry.quantity)
        }
        assert.deepEqual(
          new Map([...levels].sort()),
          new Map([...levelsOfCut(shard.machine.cut().orders)].sort()),
        )
      }
      assert(levels.size > 10)
    })
  }
})

/** What the whole run wrote, in order. */
function outputs(records: readonly InputRecord[]): Written[] {
  const shard = newShard()
  return records.flatMap((record) => written(apply(shard, record)))
}

/** One order's entries: fills within its limit, then exactly one end. */
function checkReport(order: Order, entries: readonly Written[]): void {
  const byFunds = order.quantity === 0
  const sign = order.side === 'buy' ? 1 : -1
  let remaining: number = order.quantity
  let budget = order.budget
  let state: 'new' | 'resting' | 'ended' = 'new'
  let takerFills = 0
  for (const { to, entry } of entries) {
    assert.equal(to, `risk.in/${shardOfAccount(order.account)}`)
    assert.notEqual(state, 'ended', 'nothing follows the end')
    assert(entry.type === 'fill' || entry.type === 'rested' || entry.type === 'closed')
    assert.deepEqual(
      [entry.account, entry.createdAt, entry.symbol],
      [order.account, order.createdAt, order.symbol],
    )
    switch (entry.type) {
      case 'fill':
        assert(entry.quantity > 0)
        assert.equal(entry.role, state === 'new' ? 'taker' : 'maker')
        takerFills += entry.role === 'taker' ? 1 : 0
        if (!byFunds) remaining -= entry.quantity
        if (order.budget > 0) budget -= entry.price * entry.quantity
        assert(budget >= 0, 'spends no more than its budget')
        assert.equal(entry.remaining, remaining)
        assert.equal(entry.budget, entry.role === 'taker' ? budget : 0)
        assert.equal(entry.filled, !byFunds && remaining === 0)
        assert.equal(entry.last, entry.role === 'maker' || entry.filled)
        if (order.kind === 'limit')
          assert(entry.price * sign <= order.price * sign, 'trades within its limit')
        else
          assert(entry.price >= BAND.low && entry.price <= BAND.high, 'a market order trades within the band')
        if (entry.filled) state = 'ended'
        break
      case 'rested':
        assert.equal(state, 'new')
        assert(order.kind === 'limit' && order.timeInForce === 'gtc', 'only a GTC limit order rests')
        assert(order.price >= BAND.low && order.price <= BAND.high)
        assert.equal(entry.remaining, remaining)
        state = 'resting'
        break
      case 'closed':
        assert.equal(entry.remaining, remaining)
        state = 'ended'
    }
  }
  assert.notEqual(state, 'new', 'every order gets an answer')
  if (order.postOnly) assert.equal(takerFills, 0, 'a post-only order never takes')
  if (order.timeInForce === 'fok' && takerFills > 0 && !byFunds && order.budget === 0)
    assert.equal(remaining, 0)
}

/** Trades are numbered without a gap, at the price of the maker's order, and agree with the fills of both sides. */
function checkTrades(entries: readonly Written[], orders: ReadonlyMap<number, Order>): void {
  const last = new Map<number, number>()
  let trades = 0
  for (const [i, { to, entry }] of entries.entries()) {
    if (entry.type === 'fill')
      assert(entries.slice(Math.max(0, i - 2), i).some(isTrade), 'a fill follows its trade')
    if (entry.type !== 'trade') continue
    trades++
    assert.equal(to, 'orders.out/0')
    assert.equal(entry.tradeId, (last.get(entry.symbol) ?? 0) + 1)
    last.set(entry.symbol, entry.tradeId)
    const maker = orders.get(entry.makerOrderId)!
    const taker = orders.get(entry.takerOrderId)!
    assert.equal(entry.price, maker.price)
    assert.equal(entry.takerSide, taker.side)
    assert.notEqual(maker.side, taker.side)
    assert.deepEqual([entry.makerAccount, entry.takerAccount], [maker.account, taker.account])
    const { tradeId, price, quantity } = entry
    for (const [offset, role, orderId] of [
      [1, 'maker', entry.makerOrderId],
      [2, 'taker', entry.takerOrderId],
    ] as const) {
      const fill = entries[i + offset]?.entry
      assert(fill?.type === 'fill')
      assert.deepEqual(
        {
          role: fill.role,
          orderId: fill.orderId,
          tradeId: fill.tradeId,
          price: fill.price,
          quantity: fill.quantity,
        },
        { role, orderId, tradeId, price, quantity },
      )
    }
  }
  assert(trades > 100, `only ${trades} trades`)
}

const isTrade = ({ entry }: Written): boolean => entry.type === 'trade'

const isAbout = (entry: Entry, id: number): boolean =>
  (entry.type === 'fill' || entry.type === 'rested' || entry.type === 'closed') && entry.orderId === id

function levelsOfCut(
  orders: readonly { symbol: number; side: string; price: number; remaining: number }[],
): Map<string, number> {
  const levels = new Map<string, number>()
  for (const { symbol, side, price, remaining } of orders) {
    const key = `${symbol} ${side} ${price}`
    levels.set(key, (levels.get(key) ?? 0) + remaining)
  }
  return levels
}

/** Two symbols' orders and cancels through two risk shards, in frames of one to eight entries, with changes of state. */
function randomRun(seed: number): Run {
  const random = new Random(seed)
  const input = new OrdersIn()
  const records = input.listings(SYMBOLS)
  const orders = new Map<number, Order>()
  const pending: Entry[][] = [[], []]
  let now = 1_000
  const flush = (riskShard: number): void => {
    const entries = pending[riskShard]!
    if (entries.length > 0) records.push(input.record(riskShard, entries.splice(0), now))
  }
  const commands = SYMBOLS.map((symbol) => randomCommands(seed * 3 + symbol - 1, COMMANDS))
  for (let i = 0; i < COMMANDS; i++) {
    for (const [at, symbol] of SYMBOLS.entries()) {
      const command = commands[at]![i]!
      // One id, one order: here an id names its symbol and its place in the run.
      if (command.type === 'place') {
        const owner = account(command.taker.account)
        const id = orderId(shardOfAccount(owner), 1 + i * SYMBOLS.length + at)
        const { kind } = command.taker
        const entry: Order = {
          type: 'order',
          ...command.taker,
          orderId: id,
          account: owner,
          symbol,
          createdAt: now,
          price: ticks(kind === 'market' ? 0 : priceWithin(command.limit)),
          quantity: lots(command.taker.quantity % 1_000 || (command.taker.quantity > 0 ? 1 : 0)),
          budget: command.taker.budget % 100_000 || (command.taker.budget > 0 ? 1 : 0),
          deadline: random.chance(3) ? now - 1 : random.chance(30) ? now + 10_000 : 0,
        }
        orders.set(id, entry)
        pending[shardOfAccount(owner)]!.push(entry)
      } else if (orders.size > 0) {
        const { orderId, account: owner, symbol: of } = random.pick([...orders.values()].slice(-150))
        pending[shardOfAccount(owner)]!.push({ type: 'cancel', orderId, account: owner, symbol: of })
      }
    }
    if (random.chance(1)) {
      const state = random.pick(['halted', 'cancel_only', 'trading', 'trading', 'trading'] as const)
      pending[0]!.push({ type: 'symbolStateChanged', symbol: random.pick(SYMBOLS), state })
    }
    now += random.below(20)
    for (const riskShard of [0, 1]) if (random.chance(40) || pending[riskShard]!.length >= 8) flush(riskShard)
  }
  flush(0)
  flush(1)
  return { records, orders }
}

/** Mostly inside the band of the test listings, now and then outside. */
const priceWithin = (price: number): number => 45 + (price % 111)
