import assert from 'node:assert/strict'
import { marketRules } from '@bourse/load-tests/market'
import { disagreements } from './disagreements.ts'
import { exact } from './exact.ts'
import type { LedgerFill, LedgerOrder, LedgerState } from './ledger-state.ts'
import type { Balance, CancelCommand, ClientRecord, OrderCommand, Terms, ToldState } from './record.ts'

const [alice, bob] = ['16', '32']

const accepted = (orderId: string) => [{ outcome: 'accepted', orderId }]
const place = (
  account: string,
  commandId: string,
  terms: Omit<Terms, 'symbol'>,
  answers: OrderCommand['answers'],
) => ({ kind: 'order', account, commandId, terms: { symbol: 'BTC-USD', ...terms }, answers }) as const
const cancel = (commandId: string, cancels: string, answers: CancelCommand['answers']) =>
  ({ kind: 'cancel', account: alice, commandId, cancels, wantResult: false, answers }) as const

const state = (
  order_id: string,
  status: ToldState['status'],
  filled: readonly [string, string, string],
  reason?: string,
) => ({
  ...{ order_id, status, ...(reason !== undefined && { reason }) },
  ...{ filled_quantity: exact(filled[0]), filled_quote: exact(filled[1]), fee: exact(filled[2]) },
})
const trade = { trade_id: '7', price: exact('100'), quantity: exact('0.4') }
const made = { ...trade, order_id: '1', role: 'maker', fee: exact('0.04'), fee_asset: 'USD' } as const
const taken = { ...trade, order_id: '2', role: 'taker', fee: exact('0.0008'), fee_asset: 'BTC' } as const

const offered = state('1', 'open', ['0.4', '40', '0.04'])
const bought = state('2', 'filled', ['0.4', '40', '0.0008'])
const withdrawn = state('3', 'closed', ['0', '0', '0'], 'cancelled')
const balance = (account: string, asset: string, available: string, held = '0'): Balance => {
  return { account, asset, available: exact(available), held: exact(held) }
}
const balances = [
  balance(alice, 'BTC', '9', '0.6'),
  balance(alice, 'USD', '1039.96'),
  balance(bob, 'BTC', '10.3992'),
  balance(bob, 'USD', '960'),
]

/** Alice offers 1 BTC, of which Bob takes 0.4, and cancels a bid of hers; Bob is refused an order. */
const record: ClientRecord = {
  commands: [
    place(alice, 'offer', { side: 'sell', price: '100.00', quantity: '1' }, accepted('1')),
    place(bob, 'take', { side: 'buy', price: '100', quantity: '0.4' }, [...accepted('2'), ...accepted('2')]),
    place(alice, 'bid', { side: 'buy', price: '50', quantity: '1' }, accepted('3')),
    place(bob, 'dream', { side: 'buy', price: '150', quantity: '99' }, [{ outcome: 'insufficient_balance' }]),
    cancel('withdraw', '3', accepted('3')),
  ],
  fillLists: [[made]],
  states: [state('1', 'open', ['0', '0', '0']), offered],
  results: [{ state: bought, fills: [{ ...trade, order_id: '2' }] }],
  deposits: [alice, bob].flatMap((account) => [
    { account, asset: 'BTC', amount: exact('10') },
    { account, asset: 'USD', amount: exact('1000') },
  ]),
  final: { orders: [offered, bought, withdrawn], fillLists: [[made], [taken]], balances },
}
const kept = (account: string, commandId: string, side: 'buy' | 'sell', price: string, quantity: string) => {
  return { account, commandId, symbol: 'BTC-USD', side, price: exact(price), quantity: exact(quantity) }
}
const ledger: LedgerState = {
  orders: [
    { ...offered, ...kept(alice, 'offer', 'sell', '100', '1') },
    { ...bought, ...kept(bob, 'take', 'buy', '100', '0.4') },
    { ...withdrawn, ...kept(alice, 'bid', 'buy', '50', '1') },
  ],
  fills: [
    { ...made, account: alice },
    { ...taken, account: bob },
  ],
  balances,
}

type World = { readonly record: ClientRecord; readonly ledger: LedgerState }
const told = (over: Partial<ClientRecord>): World => ({ record: { ...record, ...over }, ledger })
const shown = (over: Partial<ClientRecord['final']>) => told({ final: { ...record.final, ...over } })
const books = (over: Partial<LedgerState>): World => ({ record, ledger: { ...ledger, ...over } })

/** With one item replaced, or removed. */
const but = <Item>(items: readonly Item[], index: number, ...by: readonly Partial<Item>[]): Item[] =>
  items.flatMap((item, at) => (at === index ? by.map((change) => ({ ...item, ...change })) : [item]))
const order = (index: number, ...by: Partial<LedgerOrder>[]) =>
  books({ orders: but(ledger.orders, index, ...by) })
const fill = (index: number, ...by: Partial<LedgerFill>[]) =>
  books({ fills: but(ledger.fills, index, ...by) })
const answers = (index: number, ...outcomes: OrderCommand['answers']) =>
  told({ commands: but(record.commands, index, { answers: outcomes }) })

const wrong: readonly (readonly [what: string, world: World, said: RegExp])[] = [
  ['a command without an outcome', answers(0), /offer of account 16: its outcome was never learned/],
  ['another answer when asked again', answers(1, ...accepted('2'), ...accepted('9')), /take .* asked again/],
  ['an accepted order that is lost', order(0), /offer .* accepted, and 0 times/],
  ['an accepted order twice', order(0, {}, {}), /offer .* accepted, and 2 times/],
  ['another order than was accepted', order(0, { order_id: '9' }), /offer .* asked for/],
  ['an order with other terms', order(0, { quantity: exact('2') }), /offer .* asked for/],
  [
    'a refused order',
    order(1, {}, { commandId: 'dream' }),
    /dream .* insufficient_balance, and the ledger has/,
  ],
  ['an order that nobody asked for', order(0, {}, { commandId: 'x' }), /x of account 16: nobody asked/],
  [
    'an order that is listed twice',
    shown({ orders: [offered, offered, bought, withdrawn] }),
    /listed 2 times/,
  ],
  ['an order that is not listed', shown({ orders: [offered, bought] }), /bid .* listed 0 times/],

  ['a fill twice', fill(0, {}, {}), /fill of order 1 in trade 7: told, and 2 times/],
  ['a fill that is lost', fill(1), /fill of order 2 in trade 7: told, and 0 times/],
  ['a fill that nobody was told', fill(0, {}, { trade_id: '8' }), /trade 8: in the ledger, and never told/],
  ['a fill with another price', fill(1, { price: exact('99') }), /order 2 in trade 7: its price was told/],
  ['a fill with another quantity', fill(1, { quantity: exact('0.5') }), /its quantity was told/],
  ['a fill in another role', fill(0, { role: 'taker' }), /its role was told/],
  ['a fill with another fee', fill(0, { fee: exact('0.05') }), /its fee was told/],
  ['a fee in another asset', fill(0, { fee_asset: 'BTC' }), /its fee_asset was told/],
  ['a fill told twice in one answer', told({ fillLists: [[made, made]] }), /told twice in one answer/],
  [
    'a fill told again with other content',
    told({ fillLists: [[{ ...made, quantity: exact('0.3') }]] }),
    /order 1 in trade 7: its quantity was told otherwise/,
  ],
  [
    'a result without its fills',
    told({ results: [{ state: bought, fills: [] }] }),
    /order 2: told .* filled/,
  ],

  [
    'an order that is not the sum of its fills',
    order(0, { filled_quantity: exact('0.3') }),
    /offer .* by its fills/,
  ],
  ['an order filled for another sum', order(0, { filled_quote: exact('39') }), /offer .* filled for/],
  [
    'an order filled beyond its quantity',
    order(1, { quantity: exact('0.3') }),
    /take .* beyond its quantity/,
  ],
  [
    'an order filled beyond its limit',
    order(1, { price: exact('99') }),
    /take .* trade 7 is beyond its limit/,
  ],
  ['a fee that is not by the rules', order(0, { fee: exact('0.08') }), /offer .* fee by the rules/],
  ['a filled order that is not', order(0, { status: 'filled' }), /offer .* filled, and/],

  ['an order that is told to have ended and is open', order(1, { status: 'open' }), /take .* told filled/],
  [
    'an order that went back',
    told({ states: [state('1', 'open', ['0.5', '50', '0.05'])] }),
    /offer .* told open/,
  ],
  [
    'an order told of and unknown',
    told({ states: [state('9', 'open', ['0', '0', '0'])] }),
    /order 9: told of/,
  ],

  [
    'a cancel that was accepted and did nothing',
    order(2, { status: 'open' }),
    /withdraw .* accepted, and bid/,
  ],
  [
    'a cancel that was refused and did something',
    answers(4, { outcome: 'expired' }),
    /bid .* no cancel was accepted/,
  ],
  [
    'a cancel refused because its order was closed, and it was not',
    told({ commands: [...record.commands, cancel('late', '1', [{ outcome: 'order_closed' }])] }),
    /late .* order_closed, and offer .* open/,
  ],
  [
    'a cancel of an order that is not known any more',
    answers(4, { outcome: 'unknown_order' }),
    /withdraw .* unknown_order/,
  ],

  [
    'a balance that changed',
    books({ balances: but(balances, 0, balance(alice, 'BTC', '9.1', '0.6')) }),
    /16, BTC/,
  ],
  [
    'a hold that stayed',
    books({ balances: but(balances, 1, balance(alice, 'USD', '989.96', '50')) }),
    /16, USD/,
  ],
  ['a balance told otherwise', shown({ balances: but(balances, 3, balance(bob, 'USD', '959')) }), /32, USD/],
  ['a balance that is lost', books({ balances: but(balances, 2) }), /32, BTC/],
]

describe('what clients wrote down against the ledger', () => {
  it('agrees when all is well', () => {
    assert.deepEqual(disagreements(record, ledger, marketRules), [])
  })

  for (const [what, world, said] of wrong) {
    it(`finds ${what}`, () => {
      const found = disagreements(world.record, world.ledger, marketRules)
      assert.ok(
        found.some((line) => said.test(line)),
        found.join('\n') || 'nothing was found',
      )
    })
  }
})
