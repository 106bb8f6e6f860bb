import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
import type { KafkaConnection, TopicPartition } from '@bourse/platform/kafka/client'
import { TOPICS } from '@bourse/platform/kafka/topics'
import type { SnapshotStore } from '@bourse/platform/engine/snapshot-store'
import type { Database } from '@bourse/platform/postgres'
import { decodeFrame } from '@bourse/protocol/frame'
import { hashOf, hashText } from '@bourse/protocol/stream-hash'
import { inputKey, type LargestCut } from './core/largest-cut.ts'
import { RecordReader } from './record-reader.ts'
import type { ExchangeShape } from './topics.ts'

/** Engines would begin with something that another region's engines left. */
export class PlaceInUse extends Error {
  override readonly name = 'PlaceInUse'
}

const INPUT_OF = { risk: TOPICS.riskIn, matching: TOPICS.ordersIn } as const

/** What was made from a log, up to this offset: behind the record that has this hash. */
type StoredRow = TopicPartition & {
  readonly offset: bigint
  readonly last_record: string
  readonly log: string
}

/**
 * Engines that start from a cut write everything that follows from it, from their oldest snapshots on: a snapshot or a
 * position of another log, or of this one as another region had it, would make them leave something out. So the database
 * is empty, or was filled by engines that stand by here, settlement and market-data, from the topics that are here;
 * and the exchange's own engines have committed nothing.
 *
 * @throws PlaceInUse
 */
export async function requireUsable(
  { sql, kafka }: { readonly sql: Database; readonly kafka: KafkaConnection },
  shape: ExchangeShape,
): Promise<void> {
  const reader = await RecordReader.connect(kafka)
  try {
    const log = await logName(reader)
    for (const [table, rows] of await storedIn(sql)) {
      for (const row of rows) {
        const foreign = await foreignTo(reader, log, row)
        if (foreign !== undefined)
          throw new PlaceInUse(
            `the database has rows in ${table} that were not made from what is here (${row.topic}[${row.partition}] at ` +
              `${row.offset}: ${foreign}): an exchange that is recovered begins with an empty one, or with one that was filled here`,
          )
      }
    }
  } finally {
    await reader.close()
  }
  await requireUncommitted(kafka, shape)
}

const STORED_IN = {
  snapshots: (sql: Database) => sql<StoredRow[]>`
    select case machine::text when 'risk' then ${INPUT_OF.risk} else ${INPUT_OF.matching} end as topic,
      shard::int as partition, log_offset as offset, last_record, log from snapshots`,
  offsets: (sql: Database) => sql<StoredRow[]>`
    select topic, partition, next_offset as offset, last_record, log from offsets`,
  market_data_checkpoints: (sql: Database) => sql<StoredRow[]>`
    select topic, partition, next_offset as offset, last_record, log from market_data_checkpoints`,
} as const

/** By table. Before there is a schema there is nothing. */
async function storedIn(sql: Database): Promise<(readonly [table: string, rows: readonly StoredRow[]])[]> {
  const stored = []
  for (const [table, query] of Object.entries(STORED_IN)) {
    const [found] = await sql<{ exists: boolean }[]>`select to_regclass(${table}) is not null as exists`
    if (found?.exists === true) stored.push([table, await query(sql)] as const)
  }
  return stored
}

/** What shows that it was made elsewhere; undefined where nothing does. */
async function foreignTo(
  reader: RecordReader,
  log: string | undefined,
  { log: itsLog, last_record: lastRecord, offset: next, topic, partition }: StoredRow,
): Promise<string | undefined> {
  if (next === 0n) return undefined
  if (log === undefined || itsLog !== log) return `of log ${itsLog}, not ${log ?? 'of any that is here'}`
  const before = await reader.at({ topic, partition, offset: Number(next) - 1 })
  if (before === undefined) return 'there is no record before it'
  return hashText(hashOf(before.value)) === lastRecord ? undefined : 'the record before it is another'
}

async function logName(reader: RecordReader): Promise<string | undefined> {
  const first = await reader.at({ topic: TOPICS.riskIn, partition: 0, offset: 0 })
  const entry = first && decodeFrame(first.value).entries[0]?.entry
  return entry?.type === 'genesis' ? entry.log : undefined
}

async function requireUncommitted(
  kafka: KafkaConnection,
  { riskPartitions, matchingPartitions }: ExchangeShape,
): Promise<void> {
  const engines = [
    ['risk-engine', TOPICS.riskIn, riskPartitions],
    ['matching-engine', TOPICS.ordersIn, matchingPartitions],
  ] as const
  for (const [groupId, topic, count] of engines) {
    const offsets = await connectCommittedOffsets({ ...kafka, groupId })
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    const committed = await offsets.of(partitions).finally(() => offsets.close())
    const { partition, offset } = committed.find((each) => each.offset !== undefined) ?? {}
    if (offset !== undefined)
      throw new PlaceInUse(
        `group ${groupId} has committed offset ${offset} of ${topic}[${partition}]: delete the group`,
      )
  }
}

/**
 * Engines write nothing again that comes before their oldest snapshots. So all that a shard had written into another's
 * input by then must be inside the cut.
 *
 * @throws PlaceInUse
 */
export async function requireNothingOwed(
  store: Pick<SnapshotStore, 'oldest'>,
  cut: Pick<LargestCut, 'names' | 'keptSequences'>,
): Promise<void> {
  const inputs = new Map(cut.names.map((name) => [inputKey(name), cut.keptSequences(name)]))
  for (const { topic, partition: shard } of cut.names) {
    const machine = topic === TOPICS.riskIn ? 'risk' : 'matching'
    const oldest = await store.oldest({ machine, shard })
    for (const [destination, sequence] of Object.entries(oldest?.written ?? {})) {
      const input = inputs.get(destination)
      const kept = input?.get(`${machine}/${shard}`) ?? 0
      if (input === undefined || kept >= sequence) continue
      throw new PlaceInUse(
        `the oldest snapshot of ${machine}/${shard}, at ${oldest?.offset}, lies behind entries for ${destination} that are ` +
          `not in the cut (${kept + 1} to ${sequence}): engines would never write them. Give an empty database`,
      )
    }
  }
}
