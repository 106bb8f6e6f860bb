import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { monthOf } from './months.ts'
import { ensurePartitions } from './partitions.ts'

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))

/** Any number, the same in every process: migrations run one at a time. */
const MIGRATE_LOCK = 0x0b0e5e02

/** What counts more than what the URL says. */
export type Access = { readonly ssl?: { readonly ca: string }; readonly password?: () => string }

/**
 * Brings a database to this version's schema and makes the partitions of `nowMs`'s month and the next. Does nothing
 * where that is done already; waits while another process does it.
 */
export async function migrateLedger(databaseUrl: string, nowMs: number, access: Access = {}): Promise<void> {
  // One connection, for the lock is the session's. It is drizzle's alone: drizzle changes a client's parsers.
  const client = postgres(databaseUrl, {
    max: 1,
    onnotice: () => {},
    ...access,
    connection: { application_name: 'migrate' },
  })
  try {
    await client`select pg_advisory_lock(${MIGRATE_LOCK})`
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS })
    await ensurePartitions(client, nowMs)
    await ensurePartitions(client, monthOf(nowMs).to)
  } finally {
    await client.end()
  }
}
