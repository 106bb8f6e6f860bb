import Kafka from 'node-rdkafka'
import { messageOf, StepFailure } from './failure.ts'

const REQUEST_TIMEOUT_MS = 10_000
const MESSAGE_BYTES_MAX = 2 * 1024 * 1024
const REPLIES_PARTITIONS = 16
const REPLIES_RETENTION_MS = 3_600_000

export type Shards = {
  /** Partitions of `risk.in` and `risk.out`. */
  readonly riskPartitions: number
  /** Partitions of `orders.in` and `orders.out`. */
  readonly matchingPartitions: number
}

/** Creates the exchange's topics. Those that exist must have as many partitions as asked for: it is fixed for ever. */
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
  const wanted = [
    { topic: 'risk.in', partitions: riskPartitions, config: keptForEver },
    { topic: 'orders.in', partitions: matchingPartitions, config: keptForEver },
    { topic: 'orders.out', partitions: matchingPartitions, config: keptForEver },
    { topic: 'risk.out', partitions: riskPartitions, config: keptForEver },
    { topic: 'replies', partitions: REPLIES_PARTITIONS, config: shortLived },
  ]
  const existing = await partitionCounts(brokers)
  for (const { topic, partitions } of wanted) {
    const found = existing.get(topic)
    if (found === undefined || found === partitions) continue
    throw new StepFailure(`${topic} has ${found} partitions, not ${partitions}`, {
      advice:
        'Their number is fixed when an exchange is created: ask for as many, or begin anew with `make reset`.',
    })
  }
  const admin = Kafka.AdminClient.create({ 'metadata.broker.list': brokers })
  try {
    for (const { topic, partitions, config } of wanted.filter(({ topic }) => !existing.has(topic))) {
      await createTopic(admin, {
        topic,
        num_partitions: partitions,
        replication_factor: 1,
        config: {
          // Time is the broker's: engines must not depend on a sender's clock.
          'message.timestamp.type': 'LogAppendTime',
          'max.message.bytes': String(MESSAGE_BYTES_MAX),
          'compression.type': 'producer',
          ...config,
        },
      })
    }
  } finally {
    admin.disconnect()
  }
}

function createTopic(admin: Kafka.IAdminClient, topic: Kafka.NewTopic): Promise<void> {
  return new Promise((resolve, reject) => {
    admin.createTopic(topic, REQUEST_TIMEOUT_MS, (error) => {
      if (error)
        reject(new StepFailure(`${topic.topic} was not created: ${messageOf(error)}`, { cause: error }))
      else resolve()
    })
  })
}

function partitionCounts(brokers: string): Promise<Map<string, number>> {
  const client = new Kafka.Producer({ 'metadata.broker.list': brokers })
  return new Promise((resolve, reject) => {
    client.connect({ timeout: REQUEST_TIMEOUT_MS, allTopics: true }, (error, metadata) => {
      client.disconnect()
      if (error)
        reject(new StepFailure(`no answer from Kafka at ${brokers}: ${messageOf(error)}`, { cause: error }))
      else resolve(new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length])))
    })
  })
}
