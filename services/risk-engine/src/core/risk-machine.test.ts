import assert from 'node:assert/strict'
import { systemAccount } from '@bourse/domain/ids'
import { refusalCodes } from '@bourse/domain/refusals'
import { AMOUNT_MAX, lots, ticks } from '@bourse/domain/units'
import type { EntryOf } from '@bourse/protocol/entries'
import { ID_LIMITS } from './command-ids.ts'
import { BTC, RiskDesk, USD } from './testing/risk-desk.ts'

function funded(limits: ConstructorParameters<typeof RiskDesk>[0] = {}): RiskDesk {
  const desk = new RiskDesk(limits)
  desk.deposit(desk.ann, USD, 1_000_000n)
  desk.deposit(desk.bob, BTC, 1_000_000n)
  return desk
}

const market = { kind: 'market', price: ticks(0), timeInForce: 'ioc' } as const

describe('A risk shard, asked to place an order', () => {
  type Place = Partial<EntryOf<'placeOrder'>>
  const refusals: readonly (readonly [string, Place])[] = [
    ['unknown_account', { account: 99 }],
    ['expired', { deadline: 1, symbol: 9 }],
    ['unknown_symbol', { symbol: 9, quantity: lots(0) }],
    ['malformed', { quantity: lots(0) }],
    ['malformed', { price: ticks(0) }],
    ['malformed', { funds: 5n }],
    ['malformed', { funds: -5n }],
    ['malformed', { postOnly: true, timeInForce: 'ioc' }],
    ['malformed', { ...market, quantity: lots(0) }],
    ['malformed', { ...market, funds: 500n }],
    ['malformed', { ...market, timeInForce: 'fok' }],
    ['malformed', { ...market, price: ticks(100) }],
    ['below_minimum', { quantity: lots(1), price: ticks(151) }],
    ['above_maximum', { quantity: lots(1_001), price: ticks(151) }],
    ['below_minimum', { quantity: lots(2), price: ticks(49) }],
    ['price_band', { price: ticks(151), quantity: lots(1_000) }],
    ['price_band', { price: ticks(50) }],
    ['insufficient_balance', { quantity: lots(101) }],
    ['accepted', { quantity: lots(100) }],
    ['insufficient_balance', { side: 'sell' }],
    ['below_minimum', { ...market, quantity: lots(0), funds: 9_999n }],
    ['above_maximum', { ...market, quantity: lots(0), funds: 150_001n * 100n }],
    ['insufficient_balance', { ...market, quantity: lots(0), funds: 1_000_100n }],
    ['accepted', { ...market, quantity: lots(0), funds: 1_000_099n }],
    ['insufficient_balance', { ...market, quantity: lots(67) }],
    ['accepted', { ...market, quantity: lots(66) }],
  ]
  for (const [expected, changes] of refusals) {
    const asked = JSON.stringify(changes, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    it(`answers ${expected} to ${asked}`, () => {
      const desk = funded()
      const before = desk.owns(desk.ann, USD)
      assert.equal(desk.outcomeOf(desk.order(changes)), expected)
      if (expected === 'accepted') return
      assert.deepEqual(desk.written, [])
      assert.equal(desk.owns(desk.ann, USD), before)
    })
  }

  for (const [state, expected] of [
    ['halted', 'halted'],
    ['cancel_only', 'cancel_only'],
    ['trading', 'accepted'],
  ] as const) {
    it(`answers ${expected} while the symbol is ${state}`, () => {
      const desk = funded()
      desk.setState(state)
      assert.equal(desk.outcomeOf(desk.order()), expected)
    })
  }

  it('holds the funds, tells settlement and matching, and answers with the id, in that order', () => {
    const desk = funded()
    const reply = desk.send(desk.order())
    const [accepted, order] = desk.written as [EntryOf<'orderAccepted'>, EntryOf<'order'>]
    assert.deepEqual([accepted.type, accepted.hold, accepted.holdAsset], ['orderAccepted', 100_000n, USD])
    assert.deepEqual([order.type, order.orderId, order.budget], ['order', reply?.orderId, 0])
    assert.equal(reply?.position, desk.shard.positions().written['risk.out/0'])
    assert.equal(desk.owns(desk.ann, USD), '900000 + 100000')
  })

  const holds: readonly (readonly [string, Place, string, number])[] = [
    ['a limit buy, price × quantity', {}, '100000', 0],
    ['a market buy by quantity, the top of the band', { ...market }, '150000', 1_500],
    [
      'a market buy by funds, whole ticks × lots of them',
      { ...market, quantity: lots(0), funds: 50_099n },
      '50000',
      500,
    ],
  ]
  for (const [what, changes, held, budget] of holds) {
    it(`holds for ${what}`, () => {
      const desk = funded()
      desk.send(desk.order(changes))
      assert.equal(desk.owns(desk.ann, USD).split(' + ')[1], held)
      assert.equal(desk.wrote('order')[0]?.budget, budget)
    })
  }

  it('holds for a market sell by funds the lots that the bottom of the band may ask', () => {
    const desk = funded()
    desk.send(desk.order({ ...market, account: desk.bob, side: 'sell', quantity: lots(0), funds: 52_000n }))
    assert.deepEqual([desk.wrote('order')[0]?.quantity, desk.wrote('order')[0]?.budget], [11, 520])
    assert.equal(desk.owns(desk.bob, BTC), '890000 + 110000')
  })
})

describe('A risk shard, told what became of an order', () => {
  it('keeps held what the remainder needs, and releases what a better price saved', () => {
    const desk = funded()
    const id = desk.place()
    desk.fill(id, { price: ticks(90), quantity: lots(4), remaining: lots(6) })
    assert.equal(desk.wrote('orderFilled')[0]?.released, 40_000n)
    assert.equal(desk.owns(desk.ann, USD), '904000 + 60000')
    desk.close(id, refusalCodes.cancelled, 6)
    assert.equal(desk.owns(desk.ann, USD), '964000 + 0')
    assert.deepEqual(desk.cut.orders, [])
  })

  it('rounds the fee down once, on all fills of the order together', () => {
    const desk = funded()
    const fees = (quantities: readonly number[]): bigint => {
      const id = desk.place({ account: desk.bob, side: 'sell', price: ticks(51), quantity: lots(9) })
      let left = 9
      return quantities.reduce((sum, quantity) => {
        left -= quantity
        const filled = left === 0
        desk.fill(id, {
          price: ticks(53),
          quantity: lots(quantity),
          remaining: lots(left),
          filled,
          last: filled,
        })
        return sum + (desk.wrote('orderFilled')[0]?.fee ?? 0n)
      }, 0n)
    }
    assert.equal(fees([9]), 95n)
    assert.equal(fees([1, 1, 1, 1, 1, 1, 1, 1, 1]), 95n)
    assert.equal(fees([2, 3, 4]), 95n)
  })

  it('moves both assets through clearing in postings that balance', () => {
    const desk = funded()
    desk.fill(desk.place(), { quantity: lots(10), filled: true, last: true })
    const legs = desk.wrote('orderFilled')[0]?.legs ?? []
    assert.deepEqual(
      legs.map(({ account, asset, amount }) => [account, asset, amount]),
      [
        [desk.ann, USD, -100_000n],
        [systemAccount(0, 'clearing'), USD, 100_000n],
        [systemAccount(0, 'clearing'), BTC, -100_000n],
        [desk.ann, BTC, 99_800n],
        [systemAccount(0, 'fees'), BTC, 200n],
      ],
    )
  })

  it('stops on a report about an order that is not open', () => {
    const desk = funded()
    assert.throws(() => desk.close(7, refusalCodes.cancelled), /reports on order 7, which is not open/)
  })

  it('answers who waits for the result once matching has spoken, with the fills', () => {
    const desk = funded()
    const id = desk.place({ wantResult: true })
    assert.equal(desk.shard.machine.sizes.openOrders, 1)
    const [{ orderId = 0 } = {}] = desk.cut.orders
    assert.equal(id, 0)
    desk.fill(orderId, { quantity: lots(4), remaining: lots(6), tradeId: 5 })
    assert.equal(desk.replies.length, 0)
    desk.hear({ type: 'rested', orderId, account: desk.ann, symbol: 1, createdAt: 1, remaining: lots(6) })
    const { result } = desk.replies[0]!
    assert.deepEqual([result?.status, result?.filledQuantity, result?.fills.length], ['open', 4, 1])
  })

  for (const [reason, outcome] of [
    [refusalCodes.cancelled, 0],
    [refusalCodes.no_liquidity, refusalCodes.order_closed],
  ] as const) {
    it(`answers who waits for a cancel with ${outcome} when the order closed for reason ${reason}`, () => {
      const desk = funded()
      const id = desk.place()
      assert.equal(desk.outcomeOf(desk.cancel(id, { wantResult: true })), 'nothing')
      desk.close(id, reason)
      assert.equal(desk.replies[0]?.refusal, outcome)
    })
  }
})

describe('A risk shard, asked again', () => {
  it('gives the first answer, whatever deadline, address and wish come with it, and does nothing', () => {
    const desk = funded()
    const order = desk.order()
    const id = desk.send(order)?.orderId
    const again = desk.send({
      ...order,
      deadline: 5,
      replyTo: { partition: 1, instance: 9, request: 9 },
      wantResult: true,
    })
    assert.deepEqual([again?.orderId, again?.repeated, again?.refusal], [id, true, 0])
    assert.deepEqual(desk.written, [])
    assert.equal(desk.outcomeOf({ ...order, quantity: lots(11) }), 'duplicate_with_other_content')
  })

  it('answers a cancel that is asked for again when the order has ended, and cancels once', () => {
    const desk = funded()
    const cancel = desk.cancel(desk.place(), { wantResult: true })
    desk.send(cancel)
    assert.equal(desk.outcomeOf({ ...cancel, replyTo: { partition: 1, instance: 9, request: 9 } }), 'nothing')
    assert.deepEqual(desk.wrote('cancel'), [])
    desk.close(cancel.orderId, refusalCodes.cancelled)
    assert.deepEqual(
      desk.replies.map(({ request, refusal }) => [request, refusal]),
      [[9, 0]],
    )
  })

  it('repeats a refusal, although the reason for it is gone', () => {
    const desk = funded()
    const late = { deadline: 1 }
    const [order, cancel, all] = [desk.order(late), desk.cancel(1, late), desk.cancelAll(late)]
    const poor = desk.order({ commandId: 'poor', quantity: lots(101) })
    for (const command of [order, cancel, all]) assert.equal(desk.outcomeOf(command), 'expired')
    assert.equal(desk.outcomeOf(poor), 'insufficient_balance')
    desk.deposit(desk.ann, USD, 1_000_000n)
    for (const command of [order, cancel, all])
      assert.equal(desk.outcomeOf({ ...command, deadline: 0 }), 'expired again')
    assert.equal(desk.outcomeOf(poor), 'insufficient_balance again')
  })

  it('moves funds once per id, for ever', () => {
    const desk = new RiskDesk({ ids: { ...ID_LIMITS, segmentTicks: 1, segmentsKept: 1 } })
    desk.deposit(desk.ann, USD, 5n, 'same')
    desk.tick(9)
    desk.restart()
    assert.equal(desk.deposit(desk.ann, USD, 5n, 'same')?.repeated, true)
    assert.equal(desk.deposit(desk.ann, USD, 6n, 'same')?.refusal, refusalCodes.duplicate_with_other_content)
    assert.equal(desk.deposit(desk.bob, USD, 5n, 'same')?.repeated, false)
    assert.deepEqual([desk.owns(desk.ann, USD), desk.owns(desk.bob, USD)], ['5 + 0', '5 + 0'])
  })

  it('knows the id of an order while it is open, and for a window after it closed', () => {
    const desk = funded({ ids: { ...ID_LIMITS, segmentTicks: 2, segmentsKept: 2 } })
    const order = desk.order()
    const id = desk.send(order)?.orderId ?? 0
    desk.tick(30)
    assert.equal(desk.outcomeOf(order), 'accepted again')
    desk.close(id, refusalCodes.cancelled)
    desk.tick(4)
    desk.restart()
    assert.equal(desk.outcomeOf(order), 'accepted again')
    desk.tick(2)
    assert.equal(desk.outcomeOf(order), 'accepted')
  })

  it('counts the window of an order from its end, not from its beginning', () => {
    const desk = funded({ ids: { ...ID_LIMITS, segmentTicks: 2, segmentsKept: 2 } })
    const order = desk.order()
    const id = desk.send(order)?.orderId ?? 0
    desk.tick(5)
    desk.close(id, refusalCodes.cancelled)
    desk.tick(4)
    assert.equal(desk.outcomeOf(order), 'accepted again')
  })

  it('opens one account per owner', () => {
    const desk = funded()
    const reply = desk.send({
      type: 'openAccount',
      owner: 'ann',
      replyTo: { partition: 0, instance: 1, request: 2 },
    })
    assert.deepEqual([reply?.account, reply?.repeated], [desk.ann, true])
  })
})

describe('A risk shard, at its limits', () => {
  it('refuses new orders and forgets nothing when an account has used its share of ids', () => {
    const desk = funded({ ids: { ...ID_LIMITS, idsPerAccountMax: 2 } })
    const first = desk.order()
    desk.send(first)
    desk.place()
    assert.equal(desk.outcomeOf(desk.order()), 'limit_reached')
    assert.equal(desk.outcomeOf(desk.cancelAll()), 'limit_reached')
    assert.equal(desk.outcomeOf(first), 'accepted again')
    assert.equal(desk.outcomeOf(desk.order({ account: desk.bob, side: 'sell' })), 'accepted')
  })

  it('refuses more accounts than it may have, and still knows those it has', () => {
    const desk = funded({ accountsMax: 2 })
    const replyTo = { partition: 0, instance: 1, request: 2 }
    assert.equal(desk.outcomeOf({ type: 'openAccount', owner: 'cat', replyTo }), 'limit_reached')
    assert.equal(desk.outcomeOf({ type: 'openAccount', owner: 'ann', replyTo }), 'accepted again')
  })

  it('refuses deposits and listings beyond the ids that it keeps for ever', () => {
    // Three listings and two deposits have been made.
    const desk = funded({ fundsIdsMax: 5 })
    const replyTo = { partition: 0, instance: 1, request: 2 }
    const asset = { type: 'listAsset', commandId: 'eth', code: 'ETH', scale: 8, replyTo } as const
    assert.equal(desk.outcomeOf(asset), 'limit_reached')
    assert.equal(desk.deposit(desk.ann, USD, 1n)?.refusal, refusalCodes.limit_reached)
    assert.equal(desk.outcomeOf({ ...asset, commandId: 'usd', code: 'USD' }), 'accepted again')
  })

  it('refuses more open orders than an account may have', () => {
    const desk = funded({ openOrdersPerAccountMax: 1 })
    const id = desk.place()
    assert.equal(desk.outcomeOf(desk.order()), 'limit_reached')
    desk.close(id, refusalCodes.cancelled)
    assert.equal(desk.outcomeOf(desk.order()), 'accepted')
  })

  it('cancels all in slices, one with every input', () => {
    const desk = funded({ cancelSlice: 2 })
    const ids = Array.from({ length: 5 }, () => desk.place())
    assert.equal(desk.outcomeOf(desk.cancelAll()), 'accepted')
    const cancelled = desk.wrote('cancel').map(({ orderId }) => orderId)
    for (let i = 0; i < 2; i++) {
      desk.restart()
      desk.tick()
      cancelled.push(...desk.wrote('cancel').map(({ orderId }) => orderId))
    }
    assert.deepEqual(cancelled, ids)
    desk.tick()
    assert.deepEqual(desk.wrote('cancel'), [])
  })

  it('queues no order twice, however often all are cancelled, and misses none that came later', () => {
    const desk = funded({ cancelSlice: 1 })
    const ids = Array.from({ length: 6 }, () => desk.place())
    const cancelled: number[] = []
    const note = (): void => void cancelled.push(...desk.wrote('cancel').map(({ orderId }) => orderId))
    for (const symbol of [0, 0, 1]) {
      desk.send(desk.cancelAll({ symbol }))
      note()
    }
    ids.push(desk.place())
    note()
    desk.send(desk.cancelAll())
    note()
    for (let i = 0; i < 9; i++) {
      desk.tick()
      note()
    }
    assert.deepEqual(cancelled, ids)
  })

  it('refuses a deposit that the format of amounts could not carry', () => {
    const desk = new RiskDesk({ ticksPerCheckpoint: 1 })
    assert.equal(desk.deposit(desk.ann, USD, AMOUNT_MAX)?.refusal, 0)
    assert.equal(desk.deposit(desk.bob, USD, 1n)?.refusal, refusalCodes.above_maximum)
    desk.tick()
    assert.equal(desk.wrote('checkpoint')[0]?.totals[0]?.available, AMOUNT_MAX)
  })
})

describe('A risk shard', () => {
  it('withdraws what is available and no more', () => {
    const desk = funded()
    desk.place()
    const withdraw = (commandId: string, amount: bigint) =>
      desk.outcomeOf({ ...desk.cancelAll({ commandId }), type: 'withdraw', asset: USD, amount })
    assert.equal(withdraw('w1', 900_001n), 'insufficient_balance')
    assert.equal(withdraw('w2', 900_000n), 'accepted')
    assert.equal(withdraw('w3', 0n), 'malformed')
    assert.equal(desk.owns(desk.ann, USD), '0 + 100000')
  })

  it('lets an account cancel its own orders alone', () => {
    const desk = funded()
    const id = desk.place()
    assert.equal(desk.outcomeOf(desk.cancel(id, { account: desk.bob })), 'not_order_owner')
    assert.equal(desk.outcomeOf(desk.cancel(id + 1)), 'unknown_order')
    assert.equal(desk.outcomeOf(desk.cancel(id)), 'accepted')
    assert.deepEqual(desk.wrote('cancel'), [{ type: 'cancel', orderId: id, account: desk.ann, symbol: 1 }])
  })

  it('counts a tick once and writes checkpoints of what customers own', () => {
    const desk = funded({ ticksPerCheckpoint: 2 })
    desk.place()
    desk.tick(2)
    assert.deepEqual(desk.wrote('checkpoint'), [
      {
        type: 'checkpoint',
        totals: [
          { asset: USD, available: 900_000n, held: 100_000n },
          { asset: BTC, available: 1_000_000n, held: 0n },
        ],
        openOrders: 1,
      },
    ])
    desk.send({ type: 'tick', number: 2 })
    desk.send({ type: 'tick', number: 9 })
    assert.equal(desk.shard.machine.ticks, 2)
  })

  it('is the same after a snapshot, byte for byte', () => {
    const desk = funded({ ids: { ...ID_LIMITS, segmentTicks: 1 }, cancelSlice: 1 })
    for (let i = 0; i < 3; i++) desk.place({ wantResult: i === 0 })
    desk.tick(3)
    desk.send(desk.cancelAll())
    const before = desk.shard.encode()
    desk.restart()
    assert.deepEqual(desk.shard.encode(), before)
  })
})
