import rdkafka from 'node-rdkafka'
import pRetry from 'p-retry'

import {
  connect,
  disconnect,
  QUERY_TIMEOUT_MS,
  clientSettings,
  type KafkaConnection,
  type TopicPartition,
  type TopicPartitionOffset,
} from './client.ts'
import { kafkaError } from './error.ts'

/** A group's committed offset: undefined where nothing was ever committed. */
export type CommittedOffset = TopicPartition & { readonly offset: number | undefined }

const RETRY = { retries: 20, factor: 1.3, minTimeout: 100, maxTimeout: 1_000 }

/** Asks the broker how far a group has come, without being one of its members. */
export async function connectCommittedOffsets(
  options: KafkaConnection & { readonly groupId: string },
): Promise<CommittedOffsets> {
  const consumer = new rdkafka.KafkaConsumer({ ...clientSettings(options), 'group.id': options.groupId }, {})
  await connect(consumer, options)
  return new CommittedOffsets(consumer, options.groupId)
}

export class CommittedOffsets {
  readonly #consumer: rdkafka.KafkaConsumer
  readonly #groupId: string

  constructor(consumer: rdkafka.KafkaConsumer, groupId: string) {
    this.#consumer = consumer
    this.#groupId = groupId
  }

  /** In the order asked for. While the group's coordinator is being found or moves, it is asked again. */
  of(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return pRetry(() => committedOffsets(this.#consumer, this.#groupId, partitions), RETRY)
  }

  close(): Promise<void> {
    return disconnect(this.#consumer)
  }
}

/** What a consumer's group has committed, in the order asked for. */
export function committedOffsets(
  consumer: rdkafka.KafkaConsumer,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<readonly CommittedOffset[]> {
  return new Promise((resolve, reject) => {
    consumer.committed([...partitions], QUERY_TIMEOUT_MS, (cause, offsets: unknown) => {
      if (cause) return reject(kafkaError(cause, `committed offsets of ${groupId}`))
      const found = offsets as readonly (Error | Partial<TopicPartitionOffset>)[]
      const failed = found.find((offset) => offset instanceof Error)
      if (failed) return reject(kafkaError(failed, `committed offsets of ${groupId}`))
      resolve(
        partitions.map(({ topic, partition }) => {
          const answer = found.find(
            (each) => !(each instanceof Error) && each.topic === topic && each.partition === partition,
          )
          return { topic, partition, offset: (answer as Partial<TopicPartitionOffset> | undefined)?.offset }
        }),
      )
    })
  })
}
