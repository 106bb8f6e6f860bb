import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@bourse/platform/postgres'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { StoredFill, StoredOrder } from '../core/formats.ts'
import { findAccount } from './accounts.ts'
import { listBalances, type StoredBalance } from './balances.ts'
import { listFills, type FillFilter } from './fills.ts'
import { readListed, type Listed } from './listings.ts'
import { findOrder, listOrders, type OrderFilter } from './orders.ts'
import { settledSequence } from './positions.ts'

/** A database or a transaction: what queries need. */
export type Reader = Pick<PostgresJsDatabase, 'select'>

/** A place in a risk shard's output. A read at a position sees everything up to it. */
export type Position = { readonly shard: number; readonly sequence: number }

/** `not_settled`: settlement did not reach the position in time. `unavailable`: PostgreSQL did not answer. */
export class BooksError extends Error {
  override readonly name = 'BooksError'
  readonly code: 'not_settled' | 'unavailable'
  constructor(code: 'not_settled' | 'unavailable', options?: ErrorOptions) {
    super(code, options)
    this.code = code
  }
}

/** The book of record, as the gateway reads it. Every method throws a BooksError when it cannot answer. */
export type Books = {
  readonly order: (orderId: number, at: Position) => Promise<StoredOrder | undefined>
  readonly orders: (filter: OrderFilter, at?: Position) => Promise<readonly StoredOrder[]>
  readonly fills: (filter: FillFilter, at?: Position) => Promise<readonly StoredFill[]>
  readonly balances: (account: number, at?: Position) => Promise<readonly StoredBalance[]>
  readonly accountOf: (owner: string, at?: Position) => Promise<number | undefined>
  readonly listed: (at?: Position) => Promise<Listed>
}

const POLL_INTERVAL_MS = 20

/**
 * @param sql a pool for this alone: drizzle changes its parsers
 * @param waitMs how long a read waits for settlement to reach its position
 */
export function openBooks(sql: Database, { waitMs }: { waitMs: number }): Books {
  const db = drizzle(sql)

  async function read<Value>(
    at: Position | undefined,
    query: (db: Reader) => Promise<Value>,
  ): Promise<Value> {
    try {
      return at === undefined ? await query(db) : await readAt(at, query)
    } catch (cause) {
      throw cause instanceof BooksError ? cause : new BooksError('unavailable', { cause })
    }
  }

  async function readAt<Value>(at: Position, query: (db: Reader) => Promise<Value>): Promise<Value> {
    const giveUpAt = performance.now() + waitMs
    for (;;) {
      // One connection for both: another might lead to a replica that is further behind.
      const found = await db.transaction(
        async (tx) => (await settledSequence(tx, at.shard)) >= at.sequence && { value: await query(tx) },
        { accessMode: 'read only' },
      )
      if (found) return found.value
      if (performance.now() >= giveUpAt) throw new BooksError('not_settled')
      await sleep(POLL_INTERVAL_MS)
    }
  }

  return {
    order: (orderId, at) => read(at, (from) => findOrder(from, orderId)),
    orders: (filter, at) => read(at, (from) => listOrders(from, filter)),
    fills: (filter, at) => read(at, (from) => listFills(from, filter)),
    balances: (account, at) => read(at, (from) => listBalances(from, account)),
    accountOf: (owner, at) => read(at, (from) => findAccount(from, owner)),
    listed: (at) => read(at, readListed),
  }
}
