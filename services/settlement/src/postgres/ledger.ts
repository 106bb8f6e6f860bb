import { ensurePartitions } from '@bourse/ledger/partitions'
import { monthOf, type Month } from '@bourse/ledger/months'
import { accessTo, type DatabasePlace } from '@bourse/platform/postgres'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import type { Batch } from '../core/batch.ts'
import { LedgerError, type Applied, type Ledger } from '../core/ledger.ts'
import { inputKey, startPosition, type Input, type Position } from '../core/position.ts'
import { copyPartition } from './cut.ts'
import { accountsOf } from './shard-accounts.ts'
import { inTransaction } from '@bourse/ledger/transaction'
import * as write from './write.ts'

export type LedgerOptions = DatabasePlace & {
  /** Connections; more than one writer per partition is of no use. */
  readonly max: number
  readonly statementTimeoutMs: number
}

/**
 * A client for the ledger alone. A commit does not wait for the disk: the log is the durable record, and what a crash of
 * the server takes back it takes back together with its offset row, to be read again. Every access is by key, so plans
 * are made once, for indexes, whatever the tables' statistics say.
 */
export const connectLedger = ({ url, max, statementTimeoutMs, ...place }: LedgerOptions): Sql =>
  postgres(url, {
    max,
    onnotice: () => {},
    ...accessTo(place),
    connection: {
      application_name: 'settlement',
      statement_timeout: statementTimeoutMs,
      synchronous_commit: 'off',
      plan_cache_mode: 'force_generic_plan',
      enable_hashjoin: false,
      enable_mergejoin: false,
      enable_seqscan: false,
    },
  })

const CLOSE_TIMEOUT_S = 5

/** Lets the transactions in work finish, for up to five seconds. */
export const closeLedger = (client: Sql): Promise<void> => client.end({ timeout: CLOSE_TIMEOUT_S })

/** The ledger in PostgreSQL: one transaction a batch, its offset row first. */
export class PostgresLedger implements Ledger {
  readonly #client: Sql
  /** Months whose partitions are known to exist. */
  readonly #months: Month[] = []

  constructor(client: Sql) {
    this.#client = client
  }

  async position({ topic, partition }: Input): Promise<Position> {
    const [row] = await this.#client`
      select log, epoch, next_offset, last_record, last_sequence, last_hash, last_time, totals, open_orders
      from offsets where topic = ${topic} and partition = ${partition}`
    if (row === undefined) return startPosition
    return {
      log: row['log'],
      epoch: row['epoch'],
      nextOffset: Number(row['next_offset']),
      lastRecord: row['last_record'],
      lastSequence: Number(row['last_sequence']),
      lastHash: row['last_hash'],
      lastTime: Number(row['last_time']),
      totals: row['totals'],
      openOrders: Number(row['open_orders']),
    }
  }

  async apply(batch: Batch): Promise<Applied> {
    await this.#makePartitions(batch)
    try {
      await inTransaction(this.#client, (transaction) => applyWithin(transaction, batch))
      return 'applied'
    } catch (error) {
      if (error instanceof FencedError) return 'fenced'
      throw error
    }
  }

  /** Fails when PostgreSQL does not answer. */
  async ping(): Promise<void> {
    await this.#client`select 1`
  }

  /** Makes this month's partitions, and the next one's ahead of time. */
  async prepareMonths(nowMs: number): Promise<void> {
    const month = await this.#makeMonth(nowMs)
    await this.#makeMonth(month.to)
  }

  async #makePartitions({ orders, fills, trades, journal, checkpoints }: Batch): Promise<void> {
    for (const { createdAt } of orders) await this.#haveMonth(createdAt)
    for (const { filledAt } of fills) await this.#haveMonth(filledAt)
    for (const { tradedAt } of trades) await this.#haveMonth(tradedAt)
    for (const { postedAt } of journal) await this.#haveMonth(postedAt)
    for (const { checkedAt } of checkpoints) await this.#haveMonth(checkedAt)
  }

  /** Undefined, and so nothing to wait for, in all cases but a month's first. */
  #haveMonth(timeMs: number): Promise<Month> | undefined {
    const known = this.#months.some(({ from, to }) => timeMs >= from && timeMs < to)
    return known ? undefined : this.#makeMonth(timeMs)
  }

  async #makeMonth(timeMs: number): Promise<Month> {
    const month = monthOf(timeMs)
    await ensurePartitions(this.#client, timeMs)
    this.#months.push(month)
    return month
  }
}

/** Another writer of the partition is ahead; its transaction won. */
class FencedError extends Error {}

async function applyWithin(transaction: TransactionSql, batch: Batch): Promise<void> {
  if (!(await write.movePosition(transaction, batch))) throw new FencedError(inputKey(batch.input))
  // Sent at once, run by the server one after the other.
  await Promise.all([
    write.assets(transaction, batch.assets),
    write.symbols(transaction, batch.symbols),
    write.fees(transaction, batch.fees),
    write.symbolStates(transaction, batch.symbolStates),
    write.accounts(transaction, batch.accounts),
    write.orders(transaction, batch.orders),
    write.orderChanges(transaction, batch.orderChanges),
    write.fills(transaction, batch.fills),
    write.trades(transaction, batch.trades),
    write.journal(transaction, batch.journal),
    write.balances(transaction, batch.balances),
    write.checkpoints(transaction, batch.checkpoints),
  ])
  if (batch.sum) await compareSums(transaction, batch)
  if (batch.marker !== undefined) await copyPartition(transaction, batch.input, batch.after, batch.marker)
}

/** Compares the sum of a shard's rows with the running totals, which have just met risk's checkpoint. */
async function compareSums(transaction: TransactionSql, { input, after }: Batch): Promise<void> {
  const { from, customersFrom, to } = accountsOf(input.partition)
  const [row] = await transaction<{ differing: number | null; counted: string }[]>`
    with expected as (
      select key::int as asset, (value->>0)::numeric as available, (value->>1)::numeric as held
      from jsonb_each(${transaction.json(after.totals)})
    ), found as (
      select asset, sum(available) as available, sum(held) as held
      from balances where account >= ${customersFrom} and account < ${to} group by asset
    )
    select
      (select count(*) from orders where status = 'open' and account >= ${from} and account < ${to}) as counted,
      (select asset from expected full join found using (asset)
       where coalesce(expected.available, 0) <> coalesce(found.available, 0)
          or coalesce(expected.held, 0) <> coalesce(found.held, 0)
       order by asset limit 1) as differing`
  if (row === undefined || row.differing !== null) {
    throw new LedgerError(`${inputKey(input)}: balances differ from risk's totals in asset ${row?.differing}`)
  }
  if (Number(row.counted) !== after.openOrders) {
    throw new LedgerError(`${inputKey(input)}: ${row.counted} orders are open; risk says ${after.openOrders}`)
  }
}
