import { isCustomer, system, counterOfAccount } from '@bourse/domain/ids'
import type { ExchangeCut, MatchingCut, RiskCut } from './cuts.ts'

/** One comparison: what was compared, how many rows, and every difference in words. There is no tolerance. */
export type Comparison = {
  readonly what: string
  readonly rows: number
  readonly differences: readonly string[]
}

/** Compares engines, journal and orders as of one marker. */
export function reconcile(cut: ExchangeCut, units: ReadonlyMap<number, SymbolUnits>): readonly Comparison[] {
  return [
    ...cut.risk.flatMap(({ state }, shard) => {
      const accounts = cut.accounts[shard]
      if (state === null || accounts === undefined) return []
      return [
        compareRows(
          `balances of risk shard ${shard} and of the ledger`,
          balanceRows(state.balances),
          balanceRows(accounts.balances),
        ),
        compareRows(
          `balances and journal of the ledger, shard ${shard}`,
          sumRows(accounts.balances),
          journalRows(accounts.journal),
        ),
        compareRows(
          `open orders of risk shard ${shard} and of the ledger`,
          orderRows(state.orders),
          orderRows(accounts.orders),
        ),
        compareRows(
          `held funds and what open orders need, risk shard ${shard}`,
          heldRows(state.balances),
          neededRows(state.orders),
        ),
        assetsSumToZero(`sum over all accounts of each asset, risk shard ${shard}`, state.balances),
      ]
    }),
    ...cut.matching.flatMap(({ state }, shard) => {
      const trades = cut.trades[shard]
      if (state === null || trades === undefined) return []
      const [made, kept] = [tradeRows(state.symbols), tradeRows(trades.symbols)]
      return [compareRows(`trades of matching shard ${shard} and of the ledger`, made, kept)]
    }),
    compareBooks(cut.risk, cut.matching),
    compareClearing(cut.risk, units),
  ]
}

/** Whether every cut has its state: a shard that restarted in between lost it, and the marker has to be repeated. */
export const isComplete = ({ risk, matching }: ExchangeCut): boolean =>
  [...risk, ...matching].every(({ state }) => state !== null)

type Rows = ReadonlyMap<string, string>

function compareRows(what: string, left: Rows, right: Rows): Comparison {
  const differences: string[] = []
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key) ?? 'nothing', right.get(key) ?? 'nothing']
    if (a !== b) differences.push(`${key}: ${a} against ${b}`)
  }
  return { what, rows: Math.max(left.size, right.size), differences }
}

type Balances = NonNullable<RiskCut['state']>['balances']
type Orders = NonNullable<RiskCut['state']>['orders']

function balanceRows(balances: Balances): Rows {
  const owned = balances.filter(({ available, held }) => available !== 0n || held !== 0n)
  return new Map(
    owned.map(({ account, asset, available, held }) => [
      `account ${account}, asset ${asset}`,
      `available ${available}, held ${held}`,
    ]),
  )
}

function sumRows(balances: Balances): Rows {
  return nonZero(
    balances.map(({ account, asset, available, held }) => ({ account, asset, sum: available + held })),
  )
}

const journalRows = (journal: ExchangeCut['accounts'][number]['journal']): Rows => nonZero(journal)

function nonZero(rows: readonly { account: number; asset: number; sum: bigint }[]): Rows {
  const present = rows.filter(({ sum }) => sum !== 0n)
  return new Map(present.map(({ account, asset, sum }) => [`account ${account}, asset ${asset}`, `${sum}`]))
}

/** Of a market order by funds only risk counts lots; for everybody, its hold says what remains. */
function orderRows(orders: Orders): Rows {
  return new Map(
    orders.map(({ orderId, account, symbol, side, price, remaining, hold }) => [
      `order ${orderId}`,
      `account ${account}, symbol ${symbol}, ${side} ${price === 0 ? 'market' : `${remaining} at ${price}`}, hold ${hold}`,
    ]),
  )
}

function heldRows(balances: Balances): Rows {
  const held = new Map<number, bigint>()
  for (const { account, held: amount } of balances) {
    if (isCustomer(account)) held.set(account, (held.get(account) ?? 0n) + amount)
  }
  return totals(held)
}

/** Per account over all its assets: which asset an order holds follows from its listing, which is not compared here. */
function neededRows(orders: Orders): Rows {
  const needed = new Map<number, bigint>()
  for (const { account, hold } of orders) needed.set(account, (needed.get(account) ?? 0n) + hold)
  return totals(needed)
}

function totals(amounts: ReadonlyMap<number, bigint>): Rows {
  return new Map(
    [...amounts]
      .filter(([, amount]) => amount !== 0n)
      .map(([account, amount]) => [`account ${account}`, `${amount}`]),
  )
}

function assetsSumToZero(what: string, balances: Balances): Comparison {
  const sums = new Map<number, bigint>()
  for (const { asset, available, held } of balances)
    sums.set(asset, (sums.get(asset) ?? 0n) + available + held)
  const off = [...sums].filter(([, sum]) => sum !== 0n)
  return { what, rows: sums.size, differences: off.map(([asset, sum]) => `asset ${asset}: off by ${sum}`) }
}

function tradeRows(symbols: NonNullable<MatchingCut['state']>['symbols']): Rows {
  const traded = symbols.filter(({ trades }) => trades > 0)
  return new Map(
    traded.map(({ symbol, trades, volumeLots }) => [
      `symbol ${symbol}`,
      `${trades} trades of ${volumeLots} lots`,
    ]),
  )
}

/** Every order that risk holds funds for is on a book with the same remainder, or is under way; and the other way round. */
function compareBooks(risk: readonly RiskCut[], matching: readonly MatchingCut[]): Comparison {
  const expected = new Map<number, number>()
  for (const { state, inFlight } of risk) {
    for (const { orderId, remaining } of state?.orders ?? []) expected.set(orderId, remaining)
    for (const { entry } of inFlight) advance(expected, entry)
  }
  const resting = new Map<number, number>()
  for (const { state, inFlight } of matching) {
    for (const { orderId, remaining } of state?.orders ?? []) resting.set(orderId, remaining)
    for (const { entry } of inFlight) if (entry.type === 'order') expected.delete(entry.orderId ?? 0)
  }
  const rows = (orders: ReadonlyMap<number, number>): Rows =>
    new Map([...orders].map(([orderId, remaining]) => [`order ${orderId}`, `${remaining} lots remaining`]))
  return compareRows(
    'orders held by risk, with what was under way, and orders on the books',
    rows(expected),
    rows(resting),
  )
}

/** What risk will know of an order once it has read the entry. */
function advance(orders: Map<number, number>, entry: RiskCut['inFlight'][number]['entry']): void {
  const { orderId = 0, remaining = 0 } = entry
  if (entry.type === 'closed' || (entry.type === 'fill' && entry.filled === true)) orders.delete(orderId)
  else if (entry.type === 'fill') orders.set(orderId, remaining)
}

/** What the two legs of a symbol's fills are worth: smallest units of base per lot, of quote per tick × lot. */
export type SymbolUnits = {
  readonly base: number
  readonly quote: number
  readonly baseUnit: bigint
  readonly quoteUnit: bigint
}

/** Clearing holds what one side of a trade has paid in; with the fills under way to the other side it is empty. */
function compareClearing(risk: readonly RiskCut[], units: ReadonlyMap<number, SymbolUnits>): Comparison {
  const sums = new Map<number, bigint>()
  const add = (asset: number, amount: bigint): void => void sums.set(asset, (sums.get(asset) ?? 0n) + amount)
  for (const { state, inFlight } of risk) {
    for (const { account, asset, available } of state?.balances ?? []) {
      if (counterOfAccount(account) === system.clearing) add(asset, available)
    }
    const sides = new Map((state?.orders ?? []).map(({ orderId, side }) => [orderId, side]))
    for (const { entry } of inFlight) {
      const unit = units.get(entry.symbol ?? 0)
      if (entry.type !== 'fill' || unit === undefined) continue
      const sign = sides.get(entry.orderId ?? 0) === 'buy' ? 1n : -1n
      const quantity = BigInt(entry.quantity ?? 0)
      add(unit.quote, sign * quantity * BigInt(entry.price ?? 0) * unit.quoteUnit)
      add(unit.base, -sign * quantity * unit.baseUnit)
    }
  }
  const off = [...sums].filter(([, sum]) => sum !== 0n)
  const differences = off.map(([asset, sum]) => `asset ${asset}: off by ${sum}`)
  return { what: 'clearing accounts, with the fills under way', rows: sums.size, differences }
}
