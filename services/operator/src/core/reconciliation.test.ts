import assert from 'node:assert/strict'
import { accountId, systemAccount } from '@bourse/domain/ids'
import type { ExchangeCut } from './cuts.ts'
import { isComplete, reconcile } from './reconciliation.ts'

const ann = accountId(0, 16)
const external = systemAccount(0, 'external')
const clearing = systemAccount(0, 'clearing')
const BTC = 1
const USD = 2
const units = new Map([[1, { base: BTC, quote: USD, baseUnit: 1n, quoteUnit: 1n }]])

/** Ann has bought 3 of 5 lots at 10: one fill is booked, one of 1 lot is under way to her, 1 lot rests. */
function exchange(): ExchangeCut {
  const balances = [
    { account: external, asset: USD, available: -1000n, held: 0n },
    { account: ann, asset: USD, available: 950n, held: 30n },
    { account: clearing, asset: USD, available: 20n, held: 0n },
    { account: ann, asset: BTC, available: 2n, held: 0n },
    { account: clearing, asset: BTC, available: -2n, held: 0n },
  ]
  const order = {
    orderId: 7,
    account: ann,
    symbol: 1,
    side: 'buy',
    price: 10,
    remaining: 3,
    hold: 30n,
  } as const
  const fill = { type: 'fill', orderId: 7, symbol: 1, price: 10, quantity: 1, remaining: 2, filled: false }
  const sellers = { type: 'fill', orderId: 8, symbol: 1, price: 10, quantity: 3, remaining: 0, filled: true }
  const source = { kind: 'matching', shard: 0 }
  const sold = {
    orderId: 8,
    account: ann,
    symbol: 1,
    side: 'sell',
    price: 10,
    remaining: 3,
    hold: 0n,
  } as const
  return {
    risk: [
      {
        state: { balances, orders: [order, sold] },
        inFlight: [
          { source, entry: fill },
          { source, entry: sellers },
        ],
      },
    ],
    matching: [
      {
        state: { orders: [{ ...order, remaining: 2 }], symbols: [{ symbol: 1, trades: 2, volumeLots: '3' }] },
        inFlight: [],
      },
    ],
    accounts: [
      {
        balances: balances.map((row) => ({ ...row })),
        orders: [{ ...order }, { ...sold }],
        journal: balances.map(({ account, asset, available, held }) => ({
          account,
          asset,
          sum: available + held,
        })),
      },
    ],
    trades: [{ symbols: [{ symbol: 1, trades: 2, volumeLots: '3' }] }],
  }
}

const different = (cut: ExchangeCut): string[] =>
  reconcile(cut, units)
    .filter(({ differences }) => differences.length > 0)
    .map(({ what }) => what)

/** A copy with one thing changed. */
function changed(change: (cut: ExchangeCut) => void): ExchangeCut {
  const cut = structuredClone(exchange())
  change(cut)
  return cut
}

type Writable<T> = { -readonly [K in keyof T]: Writable<T[K]> }
const writable = (cut: ExchangeCut): Writable<ExchangeCut> => cut as Writable<ExchangeCut>

describe('reconcile', () => {
  it('finds no difference in a consistent cut, what was under way included', () => {
    assert.deepEqual(different(exchange()), [])
  })

  for (const [what, change, noticed] of [
    [
      'a balance row of the ledger',
      (cut) => (cut.accounts[0]!.balances[1]!.available += 1n),
      /balances of risk shard 0/,
    ],
    ['a journal row', (cut) => (cut.accounts[0]!.journal[3]!.sum -= 1n), /balances and journal/],
    ['an order row of the ledger', (cut) => (cut.accounts[0]!.orders[0]!.remaining = 4), /open orders/],
    ['an order that the ledger lost', (cut) => void cut.accounts[0]!.orders.pop(), /open orders/],
    ['a hold that no order needs', (cut) => (cut.risk[0]!.state!.orders[0]!.hold = 29n), /held funds/],
    [
      'an order missing on the book',
      (cut) => void cut.matching[0]!.state!.orders.pop(),
      /orders on the books/,
    ],
    [
      'a remainder on the book',
      (cut) => (cut.matching[0]!.state!.orders[0]!.remaining = 3),
      /orders on the books/,
    ],
    ['a fill that never went out', (cut) => void cut.risk[0]!.inFlight.pop(), /clearing/],
    ['a trade that the ledger lacks', (cut) => (cut.trades[0]!.symbols[0]!.trades = 1), /trades of matching/],
    [
      'money out of nothing',
      (cut) => (cut.risk[0]!.state!.balances[0]!.available += 1n),
      /sum over all accounts/,
    ],
  ] as [string, (cut: Writable<ExchangeCut>) => unknown, RegExp][]) {
    it(`notices ${what}`, () => {
      const found = different(changed((cut) => change(writable(cut))))
      assert.ok(
        found.some((each) => noticed.test(each)),
        `found only ${found.join('; ')}`,
      )
    })
  }

  it('calls a cut incomplete when a shard restarted during it', () => {
    assert.equal(isComplete(exchange()), true)
    assert.equal(isComplete(changed((cut) => (writable(cut).matching[0]!.state = null))), false)
  })
})
