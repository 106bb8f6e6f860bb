import { isCustomer } from '@bourse/domain/ids'
import type { TransactionSql } from 'postgres'
import type { Batch, FeesChange } from '../core/batch.ts'
import { LedgerError } from '../core/ledger.ts'
import type * as rows from '../core/rows.ts'

/**
 * The statements of a batch. Each takes its rows as one array per column (`unnest`): one statement text, prepared once,
 * whatever the number of rows, at a third of the cost of a long list of values. Without rows nothing is sent.
 */

/** Moves the offset row from `before` to `after`; false where it stands elsewhere. */
export async function movePosition(sql: TransactionSql, { input, before, after }: Batch): Promise<boolean> {
  if (before.nextOffset === 0) {
    await sql`
      insert into offsets (topic, partition) values (${input.topic}, ${input.partition}) on conflict do nothing`
  }
  const { count } = await sql`
    update offsets set
      log = ${after.log}, epoch = ${after.epoch}, next_offset = ${after.nextOffset}, last_record = ${after.lastRecord},
      last_sequence = ${after.lastSequence}, last_hash = ${after.lastHash}, last_time = ${after.lastTime},
      totals = ${sql.json(after.totals)}, open_orders = ${after.openOrders}
    where topic = ${input.topic} and partition = ${input.partition} and epoch = ${before.epoch}
      and last_sequence = ${before.lastSequence} and next_offset = ${before.nextOffset}`
  return count === 1
}

export async function assets(sql: TransactionSql, rows: readonly rows.AssetRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into assets (asset, code, scale)
    select * from unnest(
      ${column(rows, 'asset')}::int[], ${texts(rows, 'code')}::text[], ${column(rows, 'scale')}::smallint[])`
}

export async function symbols(sql: TransactionSql, rows: readonly rows.SymbolRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into symbols (
      symbol, name, base, quote, tick_decimals, lot_decimals, min_lots, max_lots, min_notional,
      maker_fee_ppm, taker_fee_ppm, reference_price, band_ppm, partition)
    select * from unnest(
      ${column(rows, 'symbol')}::int[], ${texts(rows, 'name')}::text[], ${column(rows, 'base')}::int[],
      ${column(rows, 'quote')}::int[], ${column(rows, 'tickDecimals')}::smallint[],
      ${column(rows, 'lotDecimals')}::smallint[], ${column(rows, 'minLots')}::bigint[],
      ${column(rows, 'maxLots')}::bigint[], ${column(rows, 'minNotional')}::bigint[],
      ${column(rows, 'makerFeePpm')}::int[], ${column(rows, 'takerFeePpm')}::int[],
      ${column(rows, 'referencePrice')}::bigint[], ${column(rows, 'bandPpm')}::bigint[],
      ${column(rows, 'partition')}::int[])`
}

export async function fees(sql: TransactionSql, rows: readonly FeesChange[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    update symbols set maker_fee_ppm = change.maker_fee_ppm, taker_fee_ppm = change.taker_fee_ppm
    from unnest(
      ${column(rows, 'symbol')}::int[], ${column(rows, 'makerFeePpm')}::int[], ${column(rows, 'takerFeePpm')}::int[]
    ) as change (symbol, maker_fee_ppm, taker_fee_ppm)
    where symbols.symbol = change.symbol`
}

export async function symbolStates(sql: TransactionSql, rows: readonly rows.SymbolStateRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into symbol_states (symbol, partition, state, changed_at)
    select * from unnest(
      ${column(rows, 'symbol')}::int[], ${column(rows, 'partition')}::int[], ${column(rows, 'state')}::symbol_state[],
      ${column(rows, 'changedAt')}::bigint[])
    on conflict (symbol) do update set
      partition = excluded.partition, state = excluded.state, changed_at = excluded.changed_at`
}

export async function accounts(sql: TransactionSql, rows: readonly rows.AccountRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into accounts (account, owner, opened_at)
    select * from unnest(
      ${column(rows, 'account')}::bigint[], ${texts(rows, 'owner')}::text[], ${column(rows, 'openedAt')}::bigint[])`
}

export async function orders(sql: TransactionSql, rows: readonly rows.OrderRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into orders (
      order_id, created_at, account, symbol, command_id, side, kind, time_in_force, post_only, price, quantity, funds,
      remaining, filled_quantity, filled_quote, fee, hold_asset, hold, status, reason, updated_at, sequence)
    select * from unnest(
      ${column(rows, 'orderId')}::bigint[], ${column(rows, 'createdAt')}::bigint[],
      ${column(rows, 'account')}::bigint[], ${column(rows, 'symbol')}::int[], ${texts(rows, 'commandId')}::text[],
      ${column(rows, 'side')}::side[], ${column(rows, 'kind')}::order_kind[],
      ${column(rows, 'timeInForce')}::time_in_force[], ${column(rows, 'postOnly')}::boolean[],
      ${column(rows, 'price')}::bigint[], ${column(rows, 'quantity')}::bigint[], ${column(rows, 'funds')}::numeric[],
      ${column(rows, 'remaining')}::bigint[], ${column(rows, 'filledQuantity')}::bigint[],
      ${column(rows, 'filledQuote')}::numeric[], ${column(rows, 'fee')}::numeric[],
      ${column(rows, 'holdAsset')}::int[], ${column(rows, 'hold')}::numeric[],
      ${column(rows, 'status')}::order_status[], ${column(rows, 'reason')}::smallint[],
      ${column(rows, 'updatedAt')}::bigint[], ${column(rows, 'sequence')}::bigint[])`
}

export async function orderChanges(sql: TransactionSql, rows: readonly rows.OrderChange[]): Promise<void> {
  if (rows.length === 0) return
  const [found] = await sql<{ changed: string; broken: string | null }[]>`
    with changed as (
      update orders set
        remaining = change.remaining, status = change.status, reason = change.reason,
        filled_quantity = coalesce(change.filled_quantity, orders.filled_quantity),
        filled_quote = coalesce(change.filled_quote, orders.filled_quote),
        fee = orders.fee + change.fee, hold = orders.hold - change.released,
        updated_at = change.updated_at, sequence = change.sequence
      from unnest(
        ${column(rows, 'orderId')}::bigint[], ${column(rows, 'createdAt')}::bigint[],
        ${column(rows, 'remaining')}::bigint[], ${column(rows, 'status')}::order_status[],
        ${column(rows, 'reason')}::smallint[], ${column(rows, 'filledQuantity')}::bigint[],
        ${column(rows, 'filledQuote')}::numeric[], ${column(rows, 'fee')}::numeric[],
        ${column(rows, 'released')}::numeric[], ${column(rows, 'updatedAt')}::bigint[],
        ${column(rows, 'sequence')}::bigint[]
      ) as change (
        order_id, created_at, remaining, status, reason, filled_quantity, filled_quote, fee, released, updated_at, sequence)
      where orders.order_id = change.order_id and orders.created_at = change.created_at
        and orders.sequence < change.sequence
      returning orders.order_id, orders.status, orders.hold
    )
    select count(*) as changed,
      min(order_id) filter (where hold < 0 or (status <> 'open' and hold <> 0)) as broken
    from changed`
  if (found === undefined || Number(found.changed) !== rows.length) {
    throw new LedgerError(
      `${found?.changed} orders of ${rows.length} could be changed: rows are missing or ahead`,
    )
  }
  if (found.broken !== null) throw new LedgerError(`order ${found.broken} holds what it should not`)
}

export async function fills(sql: TransactionSql, rows: readonly rows.FillRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into fills (
      order_id, trade_id, filled_at, account, symbol, side, role, price, quantity, fee_asset, fee, sequence)
    select * from unnest(
      ${column(rows, 'orderId')}::bigint[], ${column(rows, 'tradeId')}::bigint[], ${column(rows, 'filledAt')}::bigint[],
      ${column(rows, 'account')}::bigint[], ${column(rows, 'symbol')}::int[], ${column(rows, 'side')}::side[],
      ${column(rows, 'role')}::role[], ${column(rows, 'price')}::bigint[], ${column(rows, 'quantity')}::bigint[],
      ${column(rows, 'feeAsset')}::int[], ${column(rows, 'fee')}::numeric[], ${column(rows, 'sequence')}::bigint[])`
}

export async function trades(sql: TransactionSql, rows: readonly rows.TradeRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into trades (
      symbol, trade_id, traded_at, price, quantity, maker_order_id, taker_order_id, maker_account, taker_account,
      taker_side)
    select * from unnest(
      ${column(rows, 'symbol')}::int[], ${column(rows, 'tradeId')}::bigint[], ${column(rows, 'tradedAt')}::bigint[],
      ${column(rows, 'price')}::bigint[], ${column(rows, 'quantity')}::bigint[],
      ${column(rows, 'makerOrderId')}::bigint[], ${column(rows, 'takerOrderId')}::bigint[],
      ${column(rows, 'makerAccount')}::bigint[], ${column(rows, 'takerAccount')}::bigint[],
      ${column(rows, 'takerSide')}::side[])`
}

export async function journal(sql: TransactionSql, rows: readonly rows.JournalRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    insert into journal (shard, sequence, leg, posted_at, kind, account, asset, amount, reference)
    select * from unnest(
      ${column(rows, 'shard')}::smallint[], ${column(rows, 'sequence')}::bigint[], ${column(rows, 'leg')}::smallint[],
      ${column(rows, 'postedAt')}::bigint[], ${column(rows, 'kind')}::posting_kind[],
      ${column(rows, 'account')}::bigint[], ${column(rows, 'asset')}::int[], ${column(rows, 'amount')}::numeric[],
      ${texts(rows, 'reference')}::text[])`
}

export async function balances(sql: TransactionSql, rows: readonly rows.BalanceRow[]): Promise<void> {
  if (rows.length === 0) return
  // No CHECK can say this: it would already look at the row proposed, and that is a difference.
  const negative = await sql<{ account: string; asset: number; held: string }[]>`
    with changed as (
      insert into balances (account, asset, available, held)
      select * from unnest(
        ${column(rows, 'account')}::bigint[], ${column(rows, 'asset')}::int[],
        ${column(rows, 'available')}::numeric[], ${column(rows, 'held')}::numeric[])
      on conflict (account, asset) do update set
        available = balances.available + excluded.available, held = balances.held + excluded.held
      returning account, asset, available, held
    )
    select account, asset, held from changed where available < 0 or held < 0`
  const broken = negative.find(({ account, held }) => isCustomer(Number(account)) || held.startsWith('-'))
  if (broken !== undefined) {
    throw new LedgerError(`balance below zero: account ${broken.account}, asset ${broken.asset}`)
  }
}

export async function checkpoints(sql: TransactionSql, rows: readonly rows.CheckpointRow[]): Promise<void> {
  if (rows.length === 0) return
  const totals = rows.map((row) => JSON.stringify(row.totals))
  await sql`
    insert into checkpoints (shard, sequence, checked_at, open_orders, totals, summed)
    select shard, sequence, checked_at, open_orders, totals::jsonb, summed from unnest(
      ${column(rows, 'shard')}::smallint[], ${column(rows, 'sequence')}::bigint[],
      ${column(rows, 'checkedAt')}::bigint[], ${column(rows, 'openOrders')}::bigint[], ${totals}::text[],
      ${column(rows, 'summed')}::boolean[]
    ) as checkpoint (shard, sequence, checked_at, open_orders, totals, summed)`
}

type ColumnValue = number | bigint | boolean | string | null

/** An array literal of one column. Only for values that need no quotes: numbers, flags and names of enumerations. */
function column<Row, Name extends keyof Row>(
  rows: readonly (Row & Record<Name, ColumnValue>)[],
  name: Name,
): string {
  return `{${rows.map((row) => row[name] ?? 'null').join(',')}}`
}

/** A column of free text, quoted by the client. */
function texts<Row, Name extends keyof Row>(
  rows: readonly (Row & Record<Name, string | null>)[],
  name: Name,
): (string | null)[] {
  return rows.map((row) => row[name])
}
