import { SCHEMA_VERSION } from '@bourse/ledger/schema-version'
import { topics as LOGS } from '@bourse/protocol/streams'
import pRetry from 'p-retry'
import { connectAdmin, type Admin } from './kafka/admin.ts'
import type { KafkaConnection } from './kafka/client.ts'
import { TOPICS } from './kafka/topics.ts'
import type { Logger } from './log.ts'
import { closePostgres, connectPostgres, type Database, type DatabasePlace } from './postgres.ts'

const PAUSE_MS = 2_000
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 10_000
/** What is missing is told again after so long, also when it is the same. */
const TELL_INTERVAL_MS = 15_000

export type Places = {
  readonly kafka: KafkaConnection
  readonly database: DatabasePlace
}

/** What a service needs; without a database of its own, the log alone. */
type Needed = Pick<Places, 'kafka'> & Partial<Places>

export type PreparedOptions = Needed & {
  readonly log: Pick<Logger, 'info'>
  readonly signal: AbortSignal
  /** @default 2_000 */
  readonly pauseMs?: number
}

/** The message says what is missing. */
export class NotPrepared extends Error {
  override readonly name = 'NotPrepared'
}

/**
 * Waits until topics, their first records and a schema at least as new as this version's are there: what the operator's
 * `prepare` makes. A service does so itself before it connects, so that whoever deploys needs no order.
 *
 * Rejects only when aborted.
 */
export async function untilPrepared({
  log,
  signal,
  pauseMs = PAUSE_MS,
  ...places
}: PreparedOptions): Promise<void> {
  let told = ''
  let toldAt = 0
  const tell = (missing: string): void => {
    if (missing === told && performance.now() - toldAt < TELL_INTERVAL_MS) return
    log.info({ missing }, 'waiting')
    told = missing
    toldAt = performance.now()
  }
  await pRetry(() => requirePrepared(places), {
    ...{ retries: Infinity, minTimeout: pauseMs, factor: 1, signal },
    onFailedAttempt: ({ error }) => tell(error.message),
  })
}

/** @throws NotPrepared */
export async function requirePrepared({ kafka, database }: Needed): Promise<void> {
  const [topics, schema] = await Promise.all([
    missingTopics(kafka),
    database === undefined ? [] : missingSchema(database),
  ])
  const missing = [...topics, ...schema]
  if (missing.length > 0) throw new NotPrepared(missing.join('; '))
}

async function missingTopics(kafka: KafkaConnection): Promise<readonly string[]> {
  try {
    const admin = await connectAdmin({ ...kafka, connectTimeoutMs: CONNECT_TIMEOUT_MS })
    const lacking = Object.values(TOPICS).map((topic) => missingOf(admin, topic))
    return (await Promise.all(lacking).finally(() => admin.close())).flat()
  } catch (error) {
    return [`Kafka (${(error as Error).message})`]
  }
}

async function missingOf(admin: Admin, topic: string): Promise<readonly string[]> {
  const partitions = await admin.partitionCount(topic)
  if (partitions === undefined) return [`topic ${topic}`]
  if (!LOGS.some((log) => log === topic)) return []
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const ends = await Promise.all(numbers.map((partition) => admin.watermarks(topic, partition)))
  return numbers.filter((n) => ends[n]?.high === 0).map((n) => `first record of ${topic}/${n}`)
}

async function missingSchema(database: Places['database']): Promise<readonly string[]> {
  const sql = connectPostgres({
    ...{ ...database, max: 1, applicationName: 'prepared', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  })
  try {
    const newest = await newestMigration(sql)
    return newest >= SCHEMA_VERSION
      ? []
      : [`the schema of ${isoTime(SCHEMA_VERSION)}, not of ${isoTime(newest)}`]
  } catch (error) {
    return [`PostgreSQL (${(error as Error).message})`]
  } finally {
    await closePostgres(sql)
  }
}

/** In milliseconds since 1970; 0 where there is none. */
async function newestMigration(sql: Database): Promise<number> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`
  if (table?.['name'] === null) return 0
  const [row] =
    await sql`select coalesce(max(created_at), 0)::float8 as newest from drizzle.__drizzle_migrations`
  return Number(row?.['newest'] ?? 0)
}

const isoTime = (ms: number): string => (ms === 0 ? 'nothing' : new Date(ms).toISOString())
