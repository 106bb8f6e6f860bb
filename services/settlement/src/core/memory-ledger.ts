import { invariant } from '@bourse/domain/result'
import { isCustomer, shardOfAccount } from '@bourse/domain/ids'
import { cutSource } from '@bourse/ledger/cuts'
import type { Batch } from './batch.ts'
import { LedgerError, type Applied, type Ledger } from './ledger.ts'
import { inputKey, RunningTotals, samePlace, startPosition, type Input, type Position } from './position.ts'
import type {
  AccountRow,
  AssetRow,
  BalanceRow,
  CheckpointRow,
  FillRow,
  JournalRow,
  OrderChange,
  OrderRow,
  SymbolRow,
  SymbolStateRow,
  TradeRow,
} from './rows.ts'

/** A reconciliation's copy of one partition, as the `cuts` table keeps it. */
export type CutRow = { readonly marker: number; readonly source: string; readonly state: unknown }

/** What PostgreSQL does, in memory and at once: the same batches give the same rows, and the same errors. */
export class MemoryLedger implements Ledger {
  readonly positions = new Map<string, Position>()
  readonly assets = new Table<AssetRow>(({ asset }) => asset)
  readonly symbols = new Table<SymbolRow>(({ symbol }) => symbol)
  readonly symbolStates = new Table<SymbolStateRow>(({ symbol }) => symbol)
  readonly accounts = new Table<AccountRow>(({ account }) => account)
  readonly orders = new Table<OrderRow>(({ orderId }) => orderId)
  readonly fills = new Table<FillRow>(({ orderId, tradeId }) => `${orderId}/${tradeId}`)
  readonly trades = new Table<TradeRow>(({ symbol, tradeId }) => `${symbol}/${tradeId}`)
  readonly journal = new Table<JournalRow>(({ shard, sequence, leg }) => `${shard}/${sequence}/${leg}`)
  readonly balances = new Table<BalanceRow>(({ account, asset }) => `${account}/${asset}`)
  readonly checkpoints = new Table<CheckpointRow>(({ shard, sequence }) => `${shard}/${sequence}`)
  readonly cuts = new Table<CutRow>(({ marker, source }) => `${marker}/${source}`)

  position(input: Input): Position {
    return this.positions.get(inputKey(input)) ?? startPosition
  }

  /** Unlike a database's transaction, a batch that throws may leave a part behind: throw the ledger away with it. */
  apply(batch: Batch): Applied {
    if (!samePlace(this.position(batch.input), batch.before)) return 'fenced'
    this.positions.set(inputKey(batch.input), batch.after)
    for (const row of batch.assets) this.assets.insert(row)
    for (const row of batch.symbols) this.symbols.insert(row)
    for (const fees of batch.fees) Object.assign(this.symbols.get(fees), fees)
    for (const row of batch.symbolStates) this.symbolStates.set(row)
    for (const row of batch.accounts) this.accounts.insert(row)
    for (const row of batch.orders) this.orders.insert(row)
    for (const change of batch.orderChanges) this.#changeOrder(change)
    for (const row of batch.fills) this.fills.insert(row)
    for (const row of batch.trades) this.trades.insert(row)
    for (const row of batch.journal) this.journal.insert(row)
    for (const row of batch.balances) this.#addToBalance(row)
    for (const row of batch.checkpoints) this.checkpoints.insert(row)
    if (batch.sum) this.#compareSums(batch)
    if (batch.marker !== undefined) this.#cut(batch.input, batch.marker)
    return 'applied'
  }

  #changeOrder(change: OrderChange): void {
    const order = this.orders.get({ orderId: change.orderId })
    if (order.sequence >= change.sequence)
      throw new LedgerError(`order ${change.orderId} is ahead of the log`)
    order.remaining = change.remaining
    order.filledQuantity = change.filledQuantity ?? order.filledQuantity
    order.filledQuote = change.filledQuote ?? order.filledQuote
    order.fee += change.fee
    order.hold -= change.released
    order.status = change.status
    order.reason = change.reason
    order.updatedAt = change.updatedAt
    order.sequence = change.sequence
    checkHold(order)
  }

  #addToBalance({ account, asset, available, held }: BalanceRow): void {
    const balance = this.balances.find({ account, asset }) ?? { account, asset, available: 0n, held: 0n }
    balance.available += available
    balance.held += held
    this.balances.set(balance)
    if (balance.held < 0n || (balance.available < 0n && isCustomer(account))) {
      throw new LedgerError(`balance below zero: account ${account}, asset ${asset}`)
    }
  }

  #compareSums({ input: { partition }, after }: Batch): void {
    const sums = new RunningTotals({ totals: {}, openOrders: this.#openOrders(partition).length })
    for (const { account, asset, available, held } of this.#balances(partition))
      sums.add(account, asset, { available, held })
    const totals = Object.entries(after.totals).map(([asset, [available, held]]) => ({
      asset: Number(asset),
      available: BigInt(available),
      held: BigInt(held),
    }))
    const difference = sums.differenceFrom({ totals, openOrders: after.openOrders })
    if (difference !== undefined) throw new LedgerError(`risk.out/${partition}: rows differ: ${difference}`)
  }

  #cut(input: Input, marker: number): void {
    const { lastSequence: sequence } = this.position(input)
    const state =
      input.topic === 'risk.out'
        ? {
            sequence,
            balances: this.#balances(input.partition).map(({ available, held, ...key }) => ({
              ...key,
              available: available.toString(),
              held: held.toString(),
            })),
            orders: this.#openOrders(input.partition).map((order) => ({
              orderId: order.orderId,
              account: order.account,
              symbol: order.symbol,
              side: order.side,
              price: order.price,
              quantity: order.quantity,
              remaining: order.remaining,
              holdAsset: order.holdAsset,
              hold: order.hold.toString(),
            })),
          }
        : { sequence, symbols: this.#tradeCounts(input.partition) }
    this.cuts.insert({ marker, source: cutSource(input), state })
  }

  #balances(shard: number): BalanceRow[] {
    const rows = this.balances.rows().filter(({ account }) => shardOfAccount(account) === shard)
    return rows.sort((a, b) => a.account - b.account || a.asset - b.asset)
  }

  #openOrders(shard: number): OrderRow[] {
    const rows = this.orders
      .rows()
      .filter(({ account, status }) => status === 'open' && shardOfAccount(account) === shard)
    return rows.sort((a, b) => a.orderId - b.orderId)
  }

  #tradeCounts(partition: number): { symbol: number; trades: number }[] {
    const symbols = this.symbolStates.rows().filter((row) => row.partition === partition)
    const trades = this.trades.rows()
    return symbols
      .map(({ symbol }) => ({
        symbol,
        trades: trades.reduce((last, row) => (row.symbol === symbol ? Math.max(last, row.tradeId) : last), 0),
      }))
      .sort((a, b) => a.symbol - b.symbol)
  }
}

/** Nothing is held below zero, and nothing for an order that has ended. */
function checkHold({ orderId, hold, status }: OrderRow): void {
  if (hold < 0n || (status !== 'open' && hold !== 0n)) {
    throw new LedgerError(`order ${orderId} is ${status} and holds ${hold}`)
  }
}

class Table<Row extends object> {
  readonly #rows = new Map<string | number, Row>()
  readonly #keyOf: (row: Row) => string | number

  constructor(keyOf: (row: Row) => string | number) {
    this.#keyOf = keyOf
  }

  /** Copies of all rows, in the order of their insertion. */
  rows(): Row[] {
    return [...this.#rows.values()].map((row) => ({ ...row }))
  }

  find(key: Partial<Row>): Row | undefined {
    return this.#rows.get(this.#keyOf(key as Row))
  }

  get(key: Partial<Row>): Row {
    const row = this.find(key)
    if (row === undefined) throw new LedgerError(`no row ${this.#keyOf(key as Row)}`)
    return row
  }

  insert(row: Row): void {
    invariant(this.find(row) === undefined, `row ${this.#keyOf(row)} is there already`)
    this.set(row)
  }

  set(row: Row): void {
    this.#rows.set(this.#keyOf(row), { ...row })
  }
}
