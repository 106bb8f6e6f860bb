import { inputKey, type InputName } from '@bourse/operator/core/largest-cut'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectFollower, type Follower } from '@bourse/platform/kafka/consumer'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'

const READ = { max: 1_000, waitMs: 50 }
/** Records of each input that a copier which starts again has not noted. */
const UNNOTED = 30

/** Copies a running exchange's inputs to another region's brokers: each record at least once, with the time that it had. */
export class InputCopier {
  readonly #follower: Follower
  readonly #producer: Producer
  readonly #alias: string
  readonly #positions: Map<string, InputName & { offset: number }>
  readonly #left = new Set<string>()
  readonly #copying: Promise<void>
  #again = false
  #ending = false

  private constructor(parts: {
    follower: Follower
    producer: Producer
    alias: string
    names: readonly InputName[]
  }) {
    this.#follower = parts.follower
    this.#producer = parts.producer
    this.#alias = parts.alias
    this.#positions = new Map(parts.names.map((name) => [inputKey(name), { ...name, offset: 0 }]))
    this.#copying = this.#copy()
  }

  static async start({
    from,
    to,
    alias,
    shards,
  }: {
    readonly from: KafkaConnection
    readonly to: KafkaConnection
    readonly alias: string
    readonly shards: number
  }): Promise<InputCopier> {
    const admin = await connectAdmin(to)
    const inputs = ['risk.in', 'orders.in'] as const
    for (const topic of inputs)
      await admin.createTopics([{ topic: `${alias}.${topic}`, partitions: shards, replicas: 1 }])
    await admin.close()
    const names = inputs.flatMap((topic) =>
      Array.from({ length: shards }, (_, partition) => ({ topic, partition })),
    )
    const onFatal = (error: Error): never => {
      throw error
    }
    const producer = await connectProducer({ ...to, onFatal })
    return new InputCopier({ follower: await connectFollower(from), producer, alias, names })
  }

  /** Copies no more of an input. */
  leave(name: InputName): void {
    this.#left.add(inputKey(name))
  }

  /** Starts again, and copies what it had not noted once more. */
  restart(): void {
    this.#again = true
  }

  async stop(): Promise<void> {
    this.#ending = true
    await this.#copying
    await this.#producer.close()
    await this.#follower.close()
  }

  async #copy(): Promise<void> {
    this.#follower.assign([...this.#positions.values()])
    while (!this.#ending) {
      for (const { topic, partition, offset, value, timestamp } of await this.#follower.read(READ)) {
        const position = this.#positions.get(`${topic}/${partition}`)
        if (position === undefined || this.#left.has(inputKey(position))) continue
        this.#producer.send(`${this.#alias}.${topic}`, partition, value, () => undefined, {
          logTime: timestamp,
        })
        position.offset = offset + 1
      }
      if (!this.#again) continue
      this.#again = false
      for (const position of this.#positions.values())
        position.offset = Math.max(0, position.offset - UNNOTED)
      this.#follower.assign([...this.#positions.values()])
    }
  }
}
