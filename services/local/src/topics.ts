import { writeGenesis } from '@bourse/platform/engine/genesis'
import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import { KafkaError } from '@bourse/platform/kafka/error'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { StepFailure } from './failure.ts'

const COMMON_SETTINGS = {
  // Time is the broker's: engines must not depend on a sender's clock.
  'message.timestamp.type': 'LogAppendTime',
  'max.message.bytes': String(2 * 1024 * 1024),
  'compression.type': 'producer',
}
const REPLIES_PARTITIONS = 16
const REPLIES_RETENTION_MS = 3_600_000

export type Shards = {
  /** Partitions of `risk.in` and `risk.out`. */
  readonly riskPartitions: number
  /** Partitions of `orders.in` and `orders.out`. */
  readonly matchingPartitions: number
}

/**
 * Creates the exchange's topics, each log with the record that names it. Those that exist must have as many partitions as
 * asked for: it is fixed for ever.
 */
export async function createTopics(
  brokers: string,
  { riskPartitions, matchingPartitions }: Shards,
): Promise<void> {
  const keptForEver = { 'retention.ms': '-1' }
  const shortLived = {
    'retention.ms': String(REPLIES_RETENTION_MS),
    'segment.ms': '600000',
    'segment.bytes': String(64 * 1024 * 1024),
  }
  const topics = [
    { topic: TOPICS.riskIn, partitions: riskPartitions, config: keptForEver },
    { topic: TOPICS.ordersIn, partitions: matchingPartitions, config: keptForEver },
    { topic: TOPICS.ordersOut, partitions: matchingPartitions, config: keptForEver },
    { topic: TOPICS.riskOut, partitions: riskPartitions, config: keptForEver },
    { topic: TOPICS.replies, partitions: REPLIES_PARTITIONS, config: shortLived },
  ]
  const admin = await connectAdmin({ brokers, clientId: 'bourse-local' })
  try {
    await admin.createTopics(
      topics.map((topic) => ({ ...topic, replicas: 1, config: { ...COMMON_SETTINGS, ...topic.config } })),
    )
    await nameLogs(brokers, admin)
  } catch (error) {
    if (!(error instanceof KafkaError && error.code === 'partition_count_mismatch')) throw error
    throw new StepFailure(error.message, {
      cause: error,
      advice:
        'Their number is fixed when an exchange is created: ask for as many, or begin anew with `make reset`.',
    })
  } finally {
    await admin.close()
  }
}

/** Writes the record that names each log, where it is still empty. */
async function nameLogs(brokers: string, admin: Admin): Promise<void> {
  const onFatal = (error: Error): never => {
    throw error
  }
  const producer = await connectProducer({ brokers, clientId: 'bourse-local', onFatal })
  try {
    await writeGenesis(admin, producer)
  } finally {
    await producer.close()
  }
}
