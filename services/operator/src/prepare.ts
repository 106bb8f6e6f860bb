import { setTimeout as sleep } from 'node:timers/promises'
import { migrateLedger } from '@bourse/ledger/migrate'
import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { TOPICS } from '@bourse/platform/kafka/topics'
import {
  accessTo,
  closePostgres,
  connectPostgres,
  type Database,
  type PostgresOptions,
} from '@bourse/platform/postgres'
import { NotPrepared, requirePrepared, type Places } from '@bourse/platform/prepared'
import { Resources } from '@bourse/platform/resources'
import { createTopics, type Durability, type ExchangeShape } from './topics.ts'

const PAUSE_MS = 2_000
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 60_000
/** What is missing is told again after so long, also when it is the same. */
const TELL_INTERVAL_MS = 15_000

/** Any number, the same in every process: one prepares at a time. Two genesis records would make two logs of one. */
const PREPARE_LOCK = 0x0b0e5e03

/** How long to wait, and where to tell what for. */
export type Patience = {
  readonly timeoutMs: number
  readonly print: (line: string) => void
  /** @default 2_000 */
  readonly pauseMs?: number
}

/**
 * Creates the topics with their first records, then brings the database to this version's schema. Waits for servers
 * that are still starting. Safe to repeat, and to run twice at once.
 *
 * @throws NotPrepared, KafkaError `partition_count_mismatch`, or what a migration failed with
 */
export async function prepare(
  places: Places,
  shape: ExchangeShape,
  durability: Durability,
  patience: Patience,
): Promise<void> {
  await untilNoneMissing(() => unreachable(places), patience)
  const resources = new Resources()
  try {
    const sql = resources.own(connectPostgres(options(places)), closePostgres)
    const admin = resources.own(await connectAdmin(places.kafka), (each) => each.close())
    const onFatal = (error: Error): never => {
      throw error
    }
    const producer = resources.own(await connectProducer({ ...places.kafka, onFatal }), (each) =>
      each.close(),
    )
    // It waits for the one who has it; the lock ends with the connection.
    await sql`select set_config('statement_timeout', ${`${patience.timeoutMs}ms`}, false), pg_advisory_lock(${PREPARE_LOCK})`
    await createTopics({ admin, producer, connection: places.kafka }, shape, durability)
    patience.print('topics are there')
    await migrateLedger(places.database.url, Date.now(), accessTo(places.database))
    patience.print('schema is there')
    await requirePrepared(places)
  } finally {
    await resources.closeAll()
  }
}

/**
 * Waits until each of the engines' inputs has its first record. In a region that stands by the cut writes them: one of
 * ours would begin another log.
 *
 * @throws NotPrepared
 */
export async function untilInputsBegun(
  kafka: KafkaConnection,
  { riskPartitions, matchingPartitions }: ExchangeShape,
  patience: Patience,
): Promise<void> {
  const inputs = [
    ...Array.from({ length: riskPartitions }, (_, partition) => ({ topic: TOPICS.riskIn, partition })),
    ...Array.from({ length: matchingPartitions }, (_, partition) => ({ topic: TOPICS.ordersIn, partition })),
  ]
  const missing = async (admin: Admin): Promise<string[]> => {
    const found: string[] = []
    for (const { topic, partition } of inputs) {
      const isThere = partition < ((await admin.partitionCount(topic)) ?? 0)
      if (!isThere || (await admin.watermarks(topic, partition)).high === 0)
        found.push(`the cut's first record of ${topic}/${partition}`)
    }
    return found
  }
  await untilNoneMissing(() => withAdmin({ kafka }, missing), patience)
}

async function unreachable(places: Places): Promise<string[]> {
  const none = async () => []
  const answers = async (sql: Database) => {
    await sql`select 1`
    return []
  }
  return (await Promise.all([withAdmin(places, none), withDatabase(places, answers)])).flat()
}

async function untilNoneMissing(
  look: () => Promise<readonly string[]>,
  { timeoutMs, print, pauseMs = PAUSE_MS }: Patience,
): Promise<void> {
  const startedAt = performance.now()
  let told = ''
  let toldAt = startedAt
  for (;;) {
    const missing = (await look()).join('; ')
    if (missing === '') return
    const now = performance.now()
    if (now - startedAt > timeoutMs) throw new NotPrepared(`not there after ${timeoutMs} ms: ${missing}`)
    if (missing !== told || now - toldAt > TELL_INTERVAL_MS) {
      print(`waiting for ${missing}`)
      told = missing
      toldAt = now
    }
    await sleep(pauseMs)
  }
}

async function withAdmin(
  { kafka }: Pick<Places, 'kafka'>,
  look: (admin: Admin) => Promise<string[]>,
): Promise<string[]> {
  try {
    const admin = await connectAdmin({ ...kafka, connectTimeoutMs: CONNECT_TIMEOUT_MS })
    return await look(admin).finally(() => admin.close())
  } catch (error) {
    return [`Kafka (${(error as Error).message})`]
  }
}

async function withDatabase(places: Places, look: (sql: Database) => Promise<string[]>): Promise<string[]> {
  const sql = connectPostgres(options(places))
  try {
    return await look(sql)
  } catch (error) {
    return [`PostgreSQL (${(error as Error).message})`]
  } finally {
    await closePostgres(sql)
  }
}

const options = ({ database }: Places): PostgresOptions => ({
  ...{ ...database, max: 1, applicationName: 'operator', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
})
