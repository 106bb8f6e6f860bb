import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { TOPICS } from '@bourse/platform/kafka/topics'
import type { Database } from '@bourse/platform/postgres'
import type { ExchangeShape } from './topics.ts'

/** Engines would begin with something that another region's engines left. */
export class PlaceInUse extends Error {
  override readonly name = 'PlaceInUse'
}

/**
 * Engines that start from a cut read it from the beginning and write everything that follows from it again: a snapshot
 * or a position of before would make them leave something out.
 *
 * @throws PlaceInUse
 */
export async function requireUnused(
  { sql, kafka }: { readonly sql: Database; readonly kafka: KafkaConnection },
  { riskPartitions, matchingPartitions }: ExchangeShape,
): Promise<void> {
  for (const table of ['snapshots', 'offsets', 'market_data_checkpoints']) {
    const [found] = await sql<{ exists: boolean }[]>`select to_regclass(${table}) is not null as exists`
    if (found?.exists !== true) continue
    const [row] = await sql`select 1 from ${sql(table)} limit 1`
    if (row !== undefined)
      throw new PlaceInUse(
        `the database has rows in ${table}: an exchange that is recovered begins with an empty one`,
      )
  }
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
