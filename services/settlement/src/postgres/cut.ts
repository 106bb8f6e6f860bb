import { cutSource } from '@bourse/ledger/cuts'
import type { TransactionSql } from 'postgres'
import type { Input, Position } from '../core/position.ts'
import { accountsOf } from './shard-accounts.ts'

/** A partition's older cuts are deleted when a new one is made. */
const CUTS_KEPT = 16

/**
 * Copies what can still change of a partition, in the transaction that has just reached the marker. Journal and trades
 * only grow, so whoever compares can sum them later, up to the sequence kept here (`readCut`), and hold up nobody.
 */
export async function copyPartition(
  sql: TransactionSql,
  input: Input,
  { lastSequence }: Position,
  marker: number,
): Promise<void> {
  const source = cutSource(input)
  await sql`
    delete from cuts where source = ${source} and marker not in (
      select marker from cuts where source = ${source} order by marker desc limit ${CUTS_KEPT - 1})`
  if (input.topic === 'risk.out')
    await copyShard(sql, { shard: input.partition, source, lastSequence, marker })
  else await copyBooks(sql, { partition: input.partition, source, lastSequence, marker })
}

type Copy = { readonly source: string; readonly lastSequence: number; readonly marker: number }

async function copyShard(
  sql: TransactionSql,
  { shard, source, lastSequence, marker }: Copy & { shard: number },
) {
  const { from, to } = accountsOf(shard)
  await sql`
    insert into cuts (marker, source, state)
    select ${marker}, ${source}, jsonb_build_object(
      'sequence', ${lastSequence}::bigint,
      'balances', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'account', account, 'asset', asset, 'available', available::text, 'held', held::text)
          order by account, asset), '[]')
        from balances where account >= ${from} and account < ${to}),
      'orders', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'orderId', order_id, 'account', account, 'symbol', symbol, 'side', side, 'price', price,
          'quantity', quantity, 'remaining', remaining, 'holdAsset', hold_asset, 'hold', hold::text)
          order by order_id), '[]')
        from orders where status = 'open' and account >= ${from} and account < ${to}))
    on conflict do nothing`
}

async function copyBooks(
  sql: TransactionSql,
  { partition, source, lastSequence, marker }: Copy & { partition: number },
) {
  await sql`
    insert into cuts (marker, source, state)
    select ${marker}, ${source}, jsonb_build_object(
      'sequence', ${lastSequence}::bigint,
      'symbols', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'symbol', symbol,
          'trades', coalesce((select max(trade_id) from trades where trades.symbol = symbol_states.symbol), 0))
          order by symbol), '[]')
        from symbol_states where partition = ${partition}))
    on conflict do nothing`
}
