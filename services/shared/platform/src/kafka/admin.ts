import { setTimeout as sleep } from 'node:timers/promises'
import rdkafka from 'node-rdkafka'

import {
  type KafkaConnection,
  QUERY_TIMEOUT_MS,
  type Watermarks,
  clientSettings,
  connect,
  disconnect,
  queryWatermarks,
} from './client.ts'
import { KafkaError, kafkaError } from './error.ts'

const KNOWN_POLL_MS = 50

export type NewTopic = {
  readonly topic: string
  readonly partitions: number
  readonly replicas: number
  /** Kafka's topic settings, as text. */
  readonly config?: Readonly<Record<string, string>>
}

/** Looks at topics and creates them. */
export async function connectAdmin(connection: KafkaConnection): Promise<Admin> {
  // The library's admin client can only create; a producer that sends nothing can look.
  const client = new rdkafka.Producer(clientSettings(connection), {})
  await connect(client, connection)
  return new Admin(client, connection)
}

export class Admin {
  readonly #client: rdkafka.Producer
  readonly #connection: KafkaConnection

  constructor(client: rdkafka.Producer, connection: KafkaConnection) {
    this.#client = client
    this.#connection = connection
  }

  /**
   * Creates the topics that are not there yet, and waits until every partition is known here.
   *
   * @throws KafkaError `partition_count_mismatch`: one is there with another number of partitions, which nothing
   *   can mend.
   */
  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    for (const topic of topics) {
      const created = await this.#createTopic(topic)
      if (created) await this.#untilKnown(topic)
      const partitions = await this.partitionCount(topic.topic)
      if (partitions !== topic.partitions) {
        throw new KafkaError(
          'partition_count_mismatch',
          `topic ${topic.topic} has ${partitions} partitions and not ${topic.partitions}`,
        )
      }
    }
  }

  /** Undefined when there is no such topic. */
  partitionCount(topic: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      this.#client.getMetadata({ topic, timeout: QUERY_TIMEOUT_MS }, (cause, metadata) => {
        if (cause) return reject(kafkaError(cause, `metadata of ${topic}`))
        resolve(metadata.topics.find(({ name }) => name === topic)?.partitions.length || undefined)
      })
    })
  }

  watermarks(topic: string, partition: number): Promise<Watermarks> {
    return queryWatermarks(this.#client, topic, partition)
  }

  close(): Promise<void> {
    return disconnect(this.#client)
  }

  /** Brokers hear of a new topic one after the other; a client that asks too early is told that there is none. */
  async #untilKnown({ topic, partitions }: NewTopic): Promise<void> {
    const deadline = performance.now() + QUERY_TIMEOUT_MS
    while ((await this.partitionCount(topic)) !== partitions && performance.now() < deadline)
      await sleep(KNOWN_POLL_MS)
  }

  /** False when it exists. */
  async #createTopic({ topic, partitions, replicas, config }: NewTopic): Promise<boolean> {
    const access = await this.#connection.accessToken?.()
    const client = rdkafka.AdminClient.create(clientSettings(this.#connection), access?.token)
    return new Promise<boolean>((resolve, reject) => {
      const newTopic = {
        topic,
        num_partitions: partitions,
        replication_factor: replicas,
        config: { ...config },
      }
      client.createTopic(newTopic, QUERY_TIMEOUT_MS, (cause) => {
        if (!cause) return resolve(true)
        const error = kafkaError(cause, `create topic ${topic}`)
        if (error.code === 'topic_already_exists') resolve(false)
        else reject(error)
      })
    }).finally(() => client.disconnect())
  }
}
