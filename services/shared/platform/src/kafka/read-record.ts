import type { KafkaConnection, TopicPartitionOffset } from './client.ts'
import { connectFollower, type Message } from './consumer.ts'
import { KafkaError } from './error.ts'

const READ_TIMEOUT_MS = 30_000

/** The one record at an offset. @throws KafkaError `timed_out` when there is none after thirty seconds */
export async function readRecord(connection: KafkaConnection, at: TopicPartitionOffset): Promise<Message> {
  const follower = await connectFollower(connection)
  try {
    follower.assign([at])
    const [message] = await follower.read({ max: 1, waitMs: READ_TIMEOUT_MS })
    if (message !== undefined) return message
    throw new KafkaError('timed_out', `no record at offset ${at.offset} of ${at.topic}[${at.partition}]`)
  } finally {
    await follower.close()
  }
}
