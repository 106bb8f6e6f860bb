import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection, TopicPartitionOffset } from '@bourse/platform/kafka/client'
import { connectFollower, type Follower, type Message } from '@bourse/platform/kafka/consumer'

const READ_TIMEOUT_MS = 30_000
/** A new position waits for the fetch that is out. */
const FETCH_WAIT_MS = 5

/** Reads single records of any topics, one at a time. */
export class RecordReader {
  readonly #admin: Admin
  readonly #follower: Follower

  private constructor(admin: Admin, follower: Follower) {
    this.#admin = admin
    this.#follower = follower
  }

  static async connect(connection: KafkaConnection): Promise<RecordReader> {
    const admin = await connectAdmin(connection)
    try {
      return new RecordReader(admin, await connectFollower({ ...connection, fetchWaitMs: FETCH_WAIT_MS }))
    } catch (error) {
      await admin.close()
      throw error
    }
  }

  /** Undefined where there is no such record, or no such topic. */
  async at({ topic, partition, offset }: TopicPartitionOffset): Promise<Message | undefined> {
    if (partition >= ((await this.#admin.partitionCount(topic)) ?? 0)) return undefined
    const { low, high } = await this.#admin.watermarks(topic, partition)
    if (offset < low || offset >= high) return undefined
    this.#follower.assign([{ topic, partition, offset }])
    const [message] = await this.#follower.read({ max: 1, waitMs: READ_TIMEOUT_MS })
    return message
  }

  async close(): Promise<void> {
    await this.#follower.close()
    await this.#admin.close()
  }
}
