import { counterOfAccount, isCustomer, shardOfAccount, system } from '@bourse/domain/ids'
import { baseUnit, quoteUnit, type Listing } from '@bourse/domain/listing'
import type { MatchingCut } from '@bourse/matching-engine/core/matching-machine'
import type { RiskCut } from '@bourse/risk-engine/core/risk-machine'
import type { MemoryLedger } from '@bourse/settlement/core/memory-ledger'
import { Violation } from '../world.ts'

type Row = RiskCut['balances'][number]
type Sums = Map<string, bigint>

/** At rest: money is conserved, clearing is empty, and exactly what open orders need is held. */
export function checkMoney(risk: readonly RiskCut[], listings: readonly Listing[]): void {
  const balances = risk.flatMap((cut) => cut.balances)
  const totals: Sums = new Map()
  const clearing: Sums = new Map()
  for (const { account, asset, available, held } of balances) {
    add(totals, `asset ${asset}`, available + held)
    if (counterOfAccount(account) === system.clearing) add(clearing, `asset ${asset}`, available)
    const mayBeNegative = !isCustomer(account) && counterOfAccount(account) !== system.fees
    if (held < 0n || (available < 0n && !mayBeNegative))
      throw new Violation(`account ${account} owns ${available} and holds ${held} of asset ${asset}`)
  }
  expectZero('the sum over all accounts', totals)
  expectZero('clearing', clearing)
  expectSame('held funds and open orders', heldRows(balances), neededRows(risk, listings))
}

/** Every open order is on a book with the same remainder, and the other way round. */
export function checkOrdersOnBooks(risk: readonly RiskCut[], matching: readonly MatchingCut[]): void {
  const rows = (orders: readonly { orderId: number; symbol: number; price: number; remaining: number }[]) =>
    new Map(orders.map((order) => [`order ${order.orderId}`, BigInt(order.remaining)]))
  expectSame(
    'open orders and orders on the books',
    rows(risk.flatMap(({ orders }) => orders)),
    rows(matching.flatMap(({ orders }) => orders)),
  )
}

/** The ledger's rows are what the engines know, and its journal explains every balance. */
export function checkLedger(ledger: MemoryLedger, risk: readonly RiskCut[]): void {
  const balances = ledger.balances.rows()
  const engines = risk.flatMap((cut) => cut.balances)
  expectSame('available, ledger and risk', column(balances, 'available'), column(engines, 'available'))
  expectSame('held, ledger and risk', column(balances, 'held'), column(engines, 'held'))
  const owned: Sums = new Map()
  for (const { account, asset, available, held } of balances)
    add(owned, keyOf(account, asset), available + held)
  const posted: Sums = new Map()
  for (const { account, asset, amount } of ledger.journal.rows()) add(posted, keyOf(account, asset), amount)
  expectSame('balances and journal', owned, posted)
  const open = ledger.orders.rows().filter(({ status }) => status === 'open')
  const known = risk.flatMap(({ orders }) => orders)
  expectSame('holds of open orders, ledger and risk', holds(open), holds(known))
  // An order by funds has no quantity of its own; its remainder is the engines' affair.
  const limits = new Set(
    ledger.orders
      .rows()
      .filter(({ kind }) => kind === 'limit')
      .map(({ orderId }) => orderId),
  )
  expectSame(
    'remainders of open orders, ledger and risk',
    remainders(open, limits),
    remainders(known, limits),
  )
}

/** Fills stay within their orders and their limits, add up to what the order says, and come in pairs. */
export function checkFills(ledger: MemoryLedger, listings: readonly Listing[]): void {
  const orders = new Map(ledger.orders.rows().map((order) => [order.orderId, order]))
  const quantities: Sums = new Map()
  const quotes: Sums = new Map()
  const sides: Sums = new Map()
  for (const fill of ledger.fills.rows()) {
    const order = orders.get(fill.orderId)
    const listing = listings.find(({ symbol }) => symbol === fill.symbol)
    if (order === undefined || listing === undefined)
      throw new Violation(`a fill of no order: ${fill.orderId}`)
    const better = order.side === 'buy' ? fill.price <= order.price : fill.price >= order.price
    if (order.kind === 'limit' && !better)
      throw new Violation(`order ${order.orderId} traded beyond its limit`)
    add(quantities, `order ${fill.orderId}`, BigInt(fill.quantity))
    add(quotes, `order ${fill.orderId}`, BigInt(fill.quantity) * BigInt(fill.price) * quoteUnit(listing))
    add(sides, `trade ${fill.symbol}/${fill.tradeId} at ${fill.price} ${fill.role}`, BigInt(fill.quantity))
  }
  for (const { orderId, quantity, funds, filledQuantity, filledQuote } of orders.values()) {
    const key = `order ${orderId}`
    if ((quantities.get(key) ?? 0n) !== BigInt(filledQuantity) || (quotes.get(key) ?? 0n) !== filledQuote)
      throw new Violation(`order ${orderId}: its fills are not what it says`)
    if (quantity > 0 && filledQuantity > quantity)
      throw new Violation(`order ${orderId} is filled beyond its quantity`)
    if (funds > 0n && filledQuote > funds) throw new Violation(`order ${orderId} is filled beyond its funds`)
  }
  const expected: Sums = new Map()
  for (const { symbol, tradeId, price, quantity } of ledger.trades.rows()) {
    for (const role of ['maker', 'taker'])
      expected.set(`trade ${symbol}/${tradeId} at ${price} ${role}`, BigInt(quantity))
  }
  expectSame('fills and trades', sides, expected)
}

function neededRows(risk: readonly RiskCut[], listings: readonly Listing[]): Sums {
  const needed: Sums = new Map()
  for (const { account, symbol, side, price, remaining, orderId } of risk.flatMap((cut) => cut.orders)) {
    const listing = listings.find((listed) => listed.symbol === symbol)
    if (listing === undefined || price === 0) throw new Violation(`order ${orderId} is open and may not be`)
    const { asset } = side === 'buy' ? listing.quote : listing.base
    const amount =
      side === 'buy'
        ? BigInt(price) * BigInt(remaining) * quoteUnit(listing)
        : BigInt(remaining) * baseUnit(listing)
    add(needed, keyOf(account, asset), amount)
  }
  return needed
}

function heldRows(balances: readonly Row[]): Sums {
  return new Map(
    balances.filter(({ held }) => held !== 0n).map((row) => [keyOf(row.account, row.asset), row.held]),
  )
}

const keyOf = (account: number, asset: number): string =>
  `account ${account} of shard ${shardOfAccount(account)}, asset ${asset}`

type Named = { readonly account: number; readonly asset: number }

function column<Name extends 'available' | 'held'>(
  rows: readonly (Named & Record<Name, bigint>)[],
  name: Name,
): Sums {
  return new Map(rows.map((row) => [keyOf(row.account, row.asset), row[name]]))
}

const holds = (orders: readonly { orderId: number; hold: bigint }[]): Sums =>
  new Map(orders.map(({ orderId, hold }) => [`order ${orderId}`, hold]))

const remainders = (
  orders: readonly { orderId: number; remaining: number }[],
  among: ReadonlySet<number>,
): Sums =>
  new Map(
    orders
      .filter(({ orderId }) => among.has(orderId))
      .map(({ orderId, remaining }) => [`order ${orderId}`, BigInt(remaining)]),
  )

function add(sums: Sums, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount)
}

function expectZero(what: string, sums: Sums): void {
  for (const [key, sum] of sums) if (sum !== 0n) throw new Violation(`${what}: ${key} is off by ${sum}`)
}

function expectSame(what: string, left: Sums, right: Sums): void {
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key) ?? 0n, right.get(key) ?? 0n]
    if (a !== b) throw new Violation(`${what}: ${key}: ${a} against ${b}`)
  }
}
