import rdkafka from 'node-rdkafka'
import pRetry from 'p-retry'

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

/** Within some twenty seconds every broker has heard of a topic that is there. */
const HEARD_OF = { retries: 100, factor: 1, minTimeout: 200 }

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
   *   can mend; `unknown_topic`, see `partitionsOf`.
   */
  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    for (const topic of topics) {
      await this.#createTopic(topic)
      const partitions = await this.partitionsOf(topic.topic)
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

  /**
   * The number of partitions of a topic that was created a moment ago: a broker answers for some time as if there were
   * none.
   *
   * @throws KafkaError `unknown_topic`: the broker that was asked did not hear of it.
   */
  partitionsOf(topic: string): Promise<number> {
    return pRetry(async () => {
      const partitions = await this.partitionCount(topic)
      if (partitions === undefined) throw new KafkaError('unknown_topic', `there is no topic ${topic}`)
      return partitions
    }, HEARD_OF)
  }

  watermarks(topic: string, partition: number): Promise<Watermarks> {
    return queryWatermarks(this.#client, topic, partition)
  }

  close(): Promise<void> {
    return disconnect(this.#client)
  }

  /** Resolves also when it exists. */
  async #createTopic({ topic, partitions, replicas, config }: NewTopic): Promise<void> {
    const access = await this.#connection.accessToken?.()
    const client = rdkafka.AdminClient.create(clientSettings(this.#connection), access?.token)
    return new Promise<void>((resolve, reject) => {
      const newTopic = {
        topic,
        num_partitions: partitions,
        replication_factor: replicas,
        config: { ...config },
      }
      client.createTopic(newTopic, QUERY_TIMEOUT_MS, (cause) => {
        if (!cause) return resolve()
        const error = kafkaError(cause, `create topic ${topic}`)
        if (error.code === 'topic_already_exists') resolve()
        else reject(error)
      })
    }).finally(() => client.disconnect())
  }
}
