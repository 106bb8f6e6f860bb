import type { Sql, TransactionSql } from 'postgres'
import { monthOf, type Month } from './months.ts'
import { inTransaction } from './transaction.ts'

/**
 * The tables that grow for ever, with what a page of theirs leaves free for updates (percent filled). Each month has a
 * partition of its own, so that an old month can be dumped, detached or dropped without touching the others.
 */
const PARTITIONED = { orders: 70, fills: 100, trades: 100, journal: 100, checkpoints: 100 } as const
export type PartitionedTable = keyof typeof PARTITIONED

export const partitionedTables = Object.keys(PARTITIONED) as readonly PartitionedTable[]

/** Any number, the same in every process: who makes a partition holds this advisory lock. */
const PARTITIONS_LOCK = 0x0b0e5e01

/**
 * Makes the partitions of a time's month where they are missing. Attaching an empty table does not hold up readers and
 * writers of the others. Safe to be called by several processes at once.
 */
export async function ensurePartitions(client: Sql, timeMs: number): Promise<void> {
  const month = monthOf(timeMs)
  await inTransaction(client, async (transaction) => {
    await transaction`select pg_advisory_xact_lock(${PARTITIONS_LOCK})`
    for (const table of partitionedTables) await ensurePartition(transaction, table, month)
  })
}

async function ensurePartition(
  transaction: TransactionSql,
  table: PartitionedTable,
  month: Month,
): Promise<void> {
  const partition = `${table}_${month.name}`
  const [found] = await transaction`select 1 from pg_class where oid = to_regclass(${partition})`
  if (found !== undefined) return
  const name = transaction(partition)
  await transaction`
    create table ${name} (like ${transaction(table)} including defaults including constraints)
    with (fillfactor = ${transaction.unsafe(String(PARTITIONED[table]))})`
  await transaction`
    alter table ${transaction(table)} attach partition ${name}
    for values from (${transaction.unsafe(String(month.from))}) to (${transaction.unsafe(String(month.to))})`
}
