import { refusalOf } from '@bourse/domain/refusals'
import type { Database } from '@bourse/platform/postgres'
import { scaled, type Exact } from './exact.ts'
import type { Balance, ToldFill, ToldState } from './record.ts'

/** What the ledger holds of some accounts, in the clients' words. */
export type LedgerState = {
  readonly orders: readonly LedgerOrder[]
  readonly fills: readonly LedgerFill[]
  readonly balances: readonly Balance[]
}
export type LedgerOrder = ToldState & {
  readonly commandId: string
  readonly account: string
  readonly symbol: string
  readonly side: 'buy' | 'sell'
  /** 0 for a market order. */
  readonly price: Exact
  readonly quantity: Exact
}
export type LedgerFill = Pick<ToldFill, 'order_id' | 'trade_id' | 'price' | 'quantity'> & {
  readonly account: string
  readonly role: 'maker' | 'taker'
  readonly fee: Exact
  readonly fee_asset: string
}

export async function readLedger(sql: Database, accounts: readonly string[]): Promise<LedgerState> {
  const [orders, fills, balances] = await Promise.all([
    readOrders(sql, accounts),
    readFills(sql, accounts),
    readBalances(sql, accounts),
  ])
  return { orders, fills, balances }
}

type OrderRow = Pick<LedgerOrder, 'order_id' | 'commandId' | 'account' | 'symbol' | 'side' | 'status'> & {
  readonly code: number | null
  readonly price: bigint
  readonly quantity: bigint
  readonly filledQuantity: bigint
  readonly filledQuote: string
  readonly fee: string
  readonly tickDecimals: number
  readonly lotDecimals: number
  readonly quoteScale: number
  readonly feeScale: number
}

async function readOrders(sql: Database, accounts: readonly string[]): Promise<LedgerOrder[]> {
  const rows = await sql<OrderRow[]>`
    select order_id::text, command_id as "commandId", account::text, name as symbol, side::text, status::text,
      reason as code, price, o.quantity, filled_quantity as "filledQuantity", filled_quote::text as "filledQuote",
      fee::text, tick_decimals as "tickDecimals", lot_decimals as "lotDecimals", quote.scale as "quoteScale",
      case side when 'buy' then base.scale else quote.scale end as "feeScale"
    from orders o join symbols s using (symbol)
      join assets base on base.asset = s.base join assets quote on quote.asset = s.quote
    where account = any(${accounts}::bigint[])`
  return rows.map(({ code, price, quantity, filledQuantity, filledQuote, fee, ...row }) => ({
    ...{ order_id: row.order_id, commandId: row.commandId, account: row.account, symbol: row.symbol },
    ...{ side: row.side, status: row.status, ...(code !== null && code > 0 && { reason: refusalOf(code) }) },
    price: scaled(price, row.tickDecimals),
    quantity: scaled(quantity, row.lotDecimals),
    filled_quantity: scaled(filledQuantity, row.lotDecimals),
    filled_quote: scaled(BigInt(filledQuote), row.quoteScale),
    fee: scaled(BigInt(fee), row.feeScale),
  }))
}

type FillRow = Pick<LedgerFill, 'order_id' | 'trade_id' | 'account' | 'role' | 'fee_asset'> & {
  readonly price: bigint
  readonly quantity: bigint
  readonly fee: string
  readonly tickDecimals: number
  readonly lotDecimals: number
  readonly feeScale: number
}

async function readFills(sql: Database, accounts: readonly string[]): Promise<LedgerFill[]> {
  const rows = await sql<FillRow[]>`
    select order_id::text, trade_id::text, account::text, role::text, code as fee_asset, price, quantity, fee::text,
      tick_decimals as "tickDecimals", lot_decimals as "lotDecimals", scale as "feeScale"
    from fills join symbols using (symbol) join assets on asset = fee_asset
    where account = any(${accounts}::bigint[])`
  return rows.map(({ tickDecimals, lotDecimals, feeScale, price, quantity, fee, ...row }) => ({
    ...row,
    price: scaled(price, tickDecimals),
    quantity: scaled(quantity, lotDecimals),
    fee: scaled(BigInt(fee), feeScale),
  }))
}

async function readBalances(sql: Database, accounts: readonly string[]): Promise<Balance[]> {
  const rows = await sql<
    { account: string; asset: string; available: string; held: string; scale: number }[]
  >`
    select account::text, code as asset, available::text, held::text, scale
    from balances join assets using (asset) where account = any(${accounts}::bigint[])`
  return rows.map(({ account, asset, available, held, scale }) => ({
    ...{ account, asset },
    available: scaled(BigInt(available), scale),
    held: scaled(BigInt(held), scale),
  }))
}
