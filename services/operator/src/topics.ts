import { writeGenesis, type GenesisParts } from '@bourse/platform/engine/genesis'
import type { Admin, NewTopic } from '@bourse/platform/kafka/admin'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { topics as logs } from '@bourse/protocol/streams'

const REPLIES_PARTITIONS = 16
const REPLIES_RETENTION_MS = 3_600_000

export type ExchangeShape = {
  /** Partitions of `risk.in` and `risk.out`. */
  readonly riskPartitions: number
  /** Partitions of `orders.in` and `orders.out`. */
  readonly matchingPartitions: number
}

export type Durability = {
  readonly replicas: number
  /** A record counts as written when so many replicas have it; with fewer in sync nothing is taken. */
  readonly inSyncReplicasMin: number
}

/**
 * Creates the exchange's topics, each log with the record that names it. What is there already stays as it is.
 *
 * @throws KafkaError `partition_count_mismatch`: the number of partitions is fixed when an exchange is created.
 */
export async function createTopics(
  parts: GenesisParts & { readonly admin: Pick<Admin, 'createTopics'> },
  shape: ExchangeShape,
  durability: Durability,
): Promise<void> {
  await parts.admin.createTopics(exchangeTopics(shape, durability))
  await writeGenesis(parts)
}

/** Creates the topics that engines read, without any record: a copy of another region's is to come. */
export function createInputTopics(admin: Admin, shape: ExchangeShape, durability: Durability): Promise<void> {
  const inputs: readonly string[] = [TOPICS.riskIn, TOPICS.ordersIn]
  return admin.createTopics(exchangeTopics(shape, durability).filter(({ topic }) => inputs.includes(topic)))
}

const isLog = (topic: string): boolean => logs.some((log) => log === topic)

function partitionCounts({ riskPartitions, matchingPartitions }: ExchangeShape): Record<string, number> {
  return {
    [TOPICS.riskIn]: riskPartitions,
    [TOPICS.ordersIn]: matchingPartitions,
    [TOPICS.ordersOut]: matchingPartitions,
    [TOPICS.riskOut]: riskPartitions,
    [TOPICS.replies]: REPLIES_PARTITIONS,
  }
}

function exchangeTopics(shape: ExchangeShape, { replicas, inSyncReplicasMin }: Durability): NewTopic[] {
  const common = {
    // Time is the broker's: engines must not depend on a sender's clock.
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(2 * 1024 * 1024),
    'compression.type': 'producer',
    'min.insync.replicas': String(inSyncReplicasMin),
  }
  const keptForEver = { 'retention.ms': '-1' }
  const shortLived = {
    'retention.ms': String(REPLIES_RETENTION_MS),
    'segment.ms': '600000',
    'segment.bytes': String(64 * 1024 * 1024),
  }
  return Object.entries(partitionCounts(shape)).map(([topic, partitions]) => ({
    ...{ topic, partitions, replicas },
    config: { ...common, ...(isLog(topic) ? keptForEver : shortLived) },
  }))
}
