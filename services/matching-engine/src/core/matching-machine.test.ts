import assert from 'node:assert/strict'
import { ticks } from '@bourse/domain/units'
import type { Entry } from '@bourse/protocol/entries'
import { encodeCommands } from '@bourse/protocol/frame'
import { account, apply, listing, newShard, OrdersIn, restored, written } from '../testing/orders-in.ts'
import { RuleTable } from '../testing/rule-table.ts'

const verify = (table: string): void => new RuleTable('trade', 'rested', 'closed').verify(table)
const verifyFills = (table: string): void => new RuleTable('fill', 'rested', 'closed').verify(table)
const verifyLevels = (table: string): void => new RuleTable('level').verify(table)
const verifyStates = (table: string): void =>
  new RuleTable('symbolListed', 'symbolStateChanged', 'closed', 'trade', 'rested').verifyFromStart(table)

describe('MatchingMachine', () => {
  it('trades with the best price first, then with the oldest order, at the price of the order that rested', () => {
    verify(`
      order s1 ann sell 101 5 -> rested s1 5
      order s2 bob sell 100 5 -> rested s2 5
      order s3 cat sell 100 5 -> rested s3 5
      order b1 dan buy 100 7  -> trade s2 b1 100 5, trade s3 b1 100 2
      order b2 dan buy 102 5  -> trade s3 b2 100 3, trade s1 b2 101 2
      order b3 eve buy 99 4   -> rested b3 4
      order b4 fay buy 98 4   -> rested b4 4
      order s4 ann sell 97 6  -> trade b3 s4 99 4, trade b4 s4 98 2
    `)
  })

  it('rests what a limit order could not fill, at its own limit', () => {
    verify(`
      order s1 ann sell 100 3 -> rested s1 3
      order s2 ann sell 102 3 -> rested s2 3
      order b1 bob buy 101 5  -> trade s1 b1 100 3, rested b1 2
      order s3 cat sell 101 9 -> trade b1 s3 101 2, rested s3 7
    `)
  })

  it('keeps the place of an order that was filled in part', () => {
    verify(`
      order s1 ann sell 100 5 -> rested s1 5
      order s2 bob sell 100 5 -> rested s2 5
      order b1 cat buy 100 2  -> trade s1 b1 100 2
      order b2 cat buy 100 4  -> trade s1 b2 100 3, trade s2 b2 100 1
    `)
  })

  it('never rests what an immediate-or-cancel order left', () => {
    verify(`
      order s1 ann sell 100 3    -> rested s1 3
      order b1 bob buy 100 5 ioc -> trade s1 b1 100 3, closed b1 2 no_liquidity
      order s2 ann sell 100 1    -> rested s2 1
      order b2 bob buy 99 5 ioc  -> closed b2 5 no_liquidity
    `)
  })

  it('fills a fill-or-kill order whole within its limit or not at all', () => {
    verify(`
      order s1 ann sell 100 3    -> rested s1 3
      order s2 bob sell 101 3    -> rested s2 3
      order b1 cat buy 100 4 fok -> closed b1 4 not_filled_whole
      order b2 cat buy 101 7 fok -> closed b2 7 not_filled_whole
      order b3 cat buy 101 6 fok -> trade s1 b3 100 3, trade s2 b3 101 3
    `)
  })

  it('closes a post-only order that would trade, and rests one that would not', () => {
    verify(`
      order s1 ann sell 100 3     -> rested s1 3
      order b1 bob buy 100 5 post -> closed b1 5 would_trade
      order b2 bob buy 99 5 post  -> rested b2 5
      order s2 ann sell 99 1 post -> closed s2 1 would_trade
    `)
  })

  it('ends a market order by quantity with what the book holds inside the band', () => {
    verify(`
      order s1 ann sell 150 3                  -> rested s1 3
      order b1 bob buy market 2 ioc for 300    -> trade s1 b1 150 2
      order b2 bob buy market 2 ioc for 300    -> trade s1 b2 150 1, closed b2 1 no_liquidity
      order b3 bob buy 51 4                    -> rested b3 4
      order s2 ann sell market 5 gtc           -> trade b3 s2 51 4, closed s2 1 no_liquidity
    `)
  })

  it('spends at most its budget on a market buy by funds', () => {
    verify(`
      order s1 ann sell 100 3         -> rested s1 3
      order s2 bob sell 110 9         -> rested s2 9
      order b1 cat buy market for 529 -> trade s1 b1 100 3, trade s2 b1 110 2, closed b1 0 done
      order b2 cat buy market for 109 -> closed b2 0 done
      order b3 cat buy market for 770 -> trade s2 b3 110 7, closed b3 0 done
      order b4 cat buy market for 770 -> closed b4 0 no_liquidity
      order s3 ann sell 100 3         -> rested s3 3
      order b5 cat buy market for 301 -> trade s3 b5 100 3, closed b5 0 no_liquidity
      order s4 ann sell 100 3         -> rested s4 3
      order b6 cat buy market for 301 fok -> closed b6 0 not_filled_whole
      order b7 cat buy market for 300 fok -> trade s4 b7 100 3, closed b7 0 done
    `)
  })

  it('earns at most its budget with a market sell by funds', () => {
    verify(`
      order b1 ann buy 100 3               -> rested b1 3
      order b2 bob buy 90 9                -> rested b2 9
      order s1 cat sell market 11 for 529  -> trade b1 s1 100 3, trade b2 s1 90 2, closed s1 6 done
      order s2 cat sell market 9 for 2000  -> trade b2 s2 90 7, closed s2 2 no_liquidity
      order b3 ann buy 100 5               -> rested b3 5
      order s3 cat sell market 5 for 500   -> trade b3 s3 100 5
    `)
  })

  it('cancels an order for its owner and tells nothing where it is not there', () => {
    verify(`
      order b1 ann buy 100 5  -> rested b1 5
      cancel b1 bob           ->
      order s1 bob sell 100 2 -> trade b1 s1 100 2
      cancel b1 ann           -> closed b1 3 cancelled
      cancel b1 ann           ->
      cancel b9 ann           ->
      order s2 bob sell 100 2 -> rested s2 2
    `)
  })

  it('cancels the first, a middle and the last order of a queue, and trades with the others in order', () => {
    verify(`
      order s1 ann sell 100 1 -> rested s1 1
      order s2 bob sell 100 2 -> rested s2 2
      order s3 cat sell 100 3 -> rested s3 3
      order s4 dan sell 100 4 -> rested s4 4
      order s5 eve sell 100 5 -> rested s5 5
      cancel s3 cat           -> closed s3 3 cancelled
      cancel s1 ann           -> closed s1 1 cancelled
      cancel s5 eve           -> closed s5 5 cancelled
      order s6 fay sell 100 6 -> rested s6 6
      order b1 ann buy 100 12 -> trade s2 b1 100 2, trade s4 b1 100 4, trade s6 b1 100 6
    `)
  })

  it('takes an id again once the order that had it is closed', () => {
    verify(`
      order s1 ann sell 100 2 -> rested s1 2
      order b1 bob buy 100 2  -> trade s1 b1 100 2
      order s1 ann sell 101 3 -> rested s1 3
      cancel s1 ann           -> closed s1 3 cancelled
      order s1 ann sell 99 1  -> rested s1 1
      order b2 bob buy 99 1   -> trade s1 b2 99 1
    `)
  })

  it('refuses in order of precedence: expired, halted, price band, would trade, not filled whole', () => {
    verify(`
      order s1 ann sell 100 1          -> rested s1 1
      state halted                     ->
      order b1 bob buy 151 5 post late -> closed b1 5 expired
      order b2 bob buy 151 5 post      -> closed b2 5 halted
      state cancel_only                ->
      order b3 bob buy 151 5 post late -> closed b3 5 expired
      order b4 bob buy 151 5 post      -> closed b4 5 cancel_only
      state trading                    ->
      order b5 bob buy 151 5 post      -> closed b5 5 price_band
      order b6 bob buy 50 5            -> closed b6 5 price_band
      order b7 bob buy 150 5 post fok  -> closed b7 5 would_trade
      order b8 bob buy 150 5 fok       -> closed b8 5 not_filled_whole
      order b9 bob buy 150 5 ioc       -> trade s1 b9 100 1, closed b9 4 no_liquidity
    `)
  })

  it('tells each side its part of a trade; the entry that ends the taker says so', () => {
    verifyFills(`
      order s1 ann sell 100 3 -> rested s1 3
      order s2 bob sell 101 3 -> rested s2 3
      order b1 dan buy 101 5  -> risk.in/0 maker s1 #1 100 3 left 0 filled last, risk.in/1 taker b1 #1 100 3 left 2, risk.in/1 maker s2 #2 101 2 left 1 last, risk.in/1 taker b1 #2 101 2 left 0 filled last
      order b2 cat buy 101 2  -> risk.in/1 maker s2 #3 101 1 left 0 filled last, risk.in/0 taker b2 #3 101 1 left 1, rested b2 1
      order s3 ann sell 90 9  -> risk.in/0 maker b2 #4 101 1 left 0 filled last, risk.in/0 taker s3 #4 101 1 left 8, rested s3 8
    `)
  })

  it('tells the taker what is left of its budget', () => {
    verifyFills(`
      order s1 bob sell 90 3          -> rested s1 3
      order s2 bob sell 95 3          -> rested s2 3
      order b1 ann buy market for 400 -> risk.in/1 maker s1 #1 90 3 left 0 filled last, risk.in/0 taker b1 #1 90 3 left 0 budget 130, risk.in/1 maker s2 #2 95 1 left 2 last, risk.in/0 taker b1 #2 95 1 left 0 budget 35, closed b1 0 done
    `)
  })

  it('numbers every change of a level, with the quantity that rests there afterwards', () => {
    verifyLevels(`
      order s1 ann sell 100 3    -> #1 sell 100 3
      order s2 bob sell 100 4    -> #2 sell 100 7
      order s3 cat sell 101 5    -> #3 sell 101 5
      order b1 dan buy 100 2     -> #4 sell 100 5
      cancel s2 bob              -> #5 sell 100 1
      order b2 dan buy 102 9     -> #6 sell 100 0, #7 sell 101 0, #8 buy 102 3
      order b3 dan buy 103 1 fok ->
      cancel s1 ann              ->
      cancel b2 dan              -> #9 buy 102 0
    `)
  })

  it('opens a symbol once every risk shard knows it, in the state asked for meanwhile', () => {
    verifyStates(`
      lists 0                 -> orders.out/0 listed
      order s1 ann sell 100 1 -> closed s1 1 halted
      lists 1                 -> risk.in/0 trading, risk.in/1 trading, orders.out/0 trading
      order s2 ann sell 100 1 -> rested s2 1
      state cancel_only       -> risk.in/0 cancel_only, risk.in/1 cancel_only, orders.out/0 cancel_only
      order s3 ann sell 100 1 -> closed s3 1 cancel_only
      cancel s2 ann           -> closed s2 1 cancelled
      state trading           -> risk.in/0 trading, risk.in/1 trading, orders.out/0 trading
    `)
    verifyStates(`
      lists 0                 -> orders.out/0 listed
      state halted            ->
      lists 1                 -> risk.in/0 halted, risk.in/1 halted, orders.out/0 halted
      order s1 ann sell 100 1 -> closed s1 1 halted
    `)
  })

  it('holds a deadline against the time of the very record, not against log time', () => {
    const shard = newShard()
    const input = new OrdersIn()
    input.listings([1]).forEach((record) => apply(shard, record))
    const types = (orderId: number, appendedAt: number): string[] => {
      const entry = order({ orderId, price: 90, deadline: 1_500 })
      return written(apply(shard, input.record(0, [entry], appendedAt))).map((output) => output.entry.type)
    }
    assert.deepEqual(types(11, 1_501), ['closed'])
    assert.equal(shard.time, 1_501)
    assert.deepEqual(types(12, 1_500), ['rested', 'level'])
  })

  it('lets cancels through while halted', () => {
    verify(`
      order s1 ann sell 100 3 -> rested s1 3
      state halted            ->
      cancel s1 ann           -> closed s1 3 cancelled
    `)
  })

  it('gives reconciliation every resting order and every symbol', () => {
    const shard = newShard()
    const input = new OrdersIn()
    input.listings([1, 2]).forEach((record) => apply(shard, record))
    const orders = [
      order({ orderId: 11, account: account(0), side: 'sell', price: 100, quantity: 5 }),
      order({ orderId: 12, account: account(2), side: 'buy', price: 100, quantity: 2 }),
      order({ orderId: 13, account: account(2), side: 'buy', price: 99, quantity: 4 }),
    ]
    apply(shard, input.record(0, orders, 2))
    assert.deepEqual(shard.machine.cut(), {
      orders: [
        { orderId: 13, account: account(2), symbol: 1, side: 'buy', price: 99, remaining: 4 },
        { orderId: 11, account: account(0), symbol: 1, side: 'sell', price: 100, remaining: 3 },
      ],
      symbols: [
        { symbol: 1, state: 'trading', trades: 1, volumeLots: '2' },
        { symbol: 2, state: 'trading', trades: 0, volumeLots: '0' },
      ],
    })
  })

  it('keeps a symbol that is still opening through a snapshot', () => {
    const input = new OrdersIn()
    const [first, second] = input.listings([1])
    const shard = newShard()
    apply(shard, first!)
    apply(shard, input.record(0, [stateChanged('halted')], 2))
    const later = restored(shard.encode())
    assert.deepEqual(apply(later, second!).outputs, apply(shard, second!).outputs)
    assert.deepEqual(later.encode(), shard.encode())
    assert.equal(later.machine.cut().symbols[0]?.state, 'halted')
  })

  describe('crashes on what must never reach it', () => {
    const refuses = (
      name: string,
      message: RegExp,
      riskShard: number,
      ...entries: readonly Entry[]
    ): void => {
      it(name, () => {
        const shard = newShard()
        const input = new OrdersIn()
        input.listings([1]).forEach((record) => apply(shard, record))
        assert.throws(() => apply(shard, input.record(riskShard, entries, 2)), message)
      })
    }
    const resting = order({ orderId: 11, account: account(0), side: 'sell', price: 100, quantity: 5 })
    const listed = { type: 'symbolListed', listing: listing(2), riskShards: 2 } as const

    refuses('a live order again', /a live order reached the book again/, 0, resting, resting)
    refuses('a live order again that would trade', /a live order/, 0, resting, { ...resting, side: 'buy' })
    refuses('an order for nothing', /an order for nothing/, 0, order({ quantity: 0 }))
    refuses(
      'a market order for nothing',
      /an order for nothing/,
      0,
      order({ quantity: 0, kind: 'market', price: 0 }),
    )
    refuses(
      'a sell without quantity',
      /for nothing/,
      0,
      order({ quantity: 0, kind: 'market', side: 'sell', budget: 9 }),
    )
    refuses('an order for an unknown symbol', /not listed here/, 0, order({ symbol: 9 }))
    refuses(
      "an order of another shard's account",
      /another shard's account/,
      1,
      order({ account: account(0) }),
    )
    refuses('a cancel for an unknown symbol', /not listed here/, 0, {
      type: 'cancel',
      orderId: 11,
      account: account(0),
      symbol: 9,
    })
    refuses('a symbol listed twice by one shard', /again/, 0, { ...listed, listing: listing(1) })
    refuses('a symbol of another partition', /partition 3/, 0, {
      ...listed,
      listing: { ...listing(2), partition: 3 },
    })
    refuses('another number of risk shards', /3 risk shards/, 0, { ...listed, riskShards: 3 })
    refuses('a state from another shard than 0', /risk shard 1/, 1, stateChanged('halted'))
    refuses('a state before opening', /opens once/, 0, stateChanged('opening'))
    refuses('an entry that is for others', /no entry for matching/, 0, { type: 'tick', number: 1 })

    it('rules that differ between risk shards', () => {
      const shard = newShard()
      const input = new OrdersIn()
      apply(shard, input.record(0, [listed], 1))
      const other = { ...listed, listing: { ...listed.listing, referencePrice: ticks(101) } }
      assert.throws(() => apply(shard, input.record(1, [other], 2)), /by other rules/)
    })

    it('a command that no risk shard has seen', () => {
      const shard = newShard()
      assert.throws(
        () => apply(shard, { value: encodeCommands([resting]), appendedAt: 2 }),
        /only risk shards/,
      )
    })
  })
})

type OrderFields = {
  [Name in keyof OrderEntry]?: OrderEntry[Name] extends number ? number : OrderEntry[Name]
}
type OrderEntry = Extract<Entry, { type: 'order' }>

function order(fields: OrderFields): OrderEntry {
  const whole = {
    type: 'order',
    orderId: 11,
    account: account(0),
    symbol: 1,
    createdAt: 1,
    side: 'buy',
    kind: 'limit',
    timeInForce: 'gtc',
    postOnly: false,
    price: 100,
    quantity: 1,
    budget: 0,
    deadline: 0,
    ...fields,
  }
  return whole as OrderEntry
}

function stateChanged(state: 'opening' | 'halted'): Entry {
  return { type: 'symbolStateChanged', symbol: 1, state }
}
