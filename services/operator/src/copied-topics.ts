import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection, TopicPartition } from '@bourse/platform/kafka/client'
import { connectFollower, type Follower } from '@bourse/platform/kafka/consumer'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { inputKey, type InputName } from './core/largest-cut.ts'
import { CutRefused } from './cut-refused.ts'
import type { InputSource, SourceRecord } from './input-source.ts'
import type { ExchangeShape } from './topics.ts'

const READ_MAX = 1_000
const READ_WAIT_MS = 100

export type CopiedTopicsOptions = {
  /** The brokers that have the copies. */
  readonly kafka: KafkaConnection
  /** What the copies' names have before the originals': `alias.` of `alias.risk.in`. */
  readonly prefix: string
  readonly shape: ExchangeShape
  /** Where to begin to read each input's copy. @default at its first record */
  readonly from?: (input: InputName) => number
}

/** Topics that a replicator writes, or that survived elsewhere. They may grow while they are read. */
export class CopiedTopics implements InputSource {
  readonly #prefix: string
  readonly #admin: Admin
  readonly #follower: Follower
  readonly #inputs: readonly InputName[]
  /** Next offset to read, and where what is to be read ends. */
  readonly #positions = new Map<string, number>()
  readonly #ends = new Map<string, number>()

  private constructor(parts: {
    prefix: string
    admin: Admin
    follower: Follower
    inputs: readonly InputName[]
  }) {
    this.#prefix = parts.prefix
    this.#admin = parts.admin
    this.#follower = parts.follower
    this.#inputs = parts.inputs
  }

  /** @throws CutRefused `copies_incomplete` */
  static async open({ kafka, prefix, shape, from = () => 0 }: CopiedTopicsOptions): Promise<CopiedTopics> {
    const admin = await connectAdmin(kafka)
    try {
      const inputs = await requireCopies(admin, prefix, shape)
      const follower = await connectFollower(kafka)
      const copies = new CopiedTopics({ prefix, admin, follower, inputs })
      for (const input of inputs) copies.#positions.set(inputKey(input), from(input))
      follower.assign(inputs.map((input) => ({ ...copies.#copyOf(input), offset: from(input) })))
      return copies
    } catch (error) {
      await admin.close()
      throw error
    }
  }

  nameOf(input: InputName): string {
    const { topic, partition } = this.#copyOf(input)
    return `${topic}[${partition}]`
  }

  async mark(): Promise<void> {
    await Promise.all(
      this.#inputs.map(async (input) => {
        const { topic, partition } = this.#copyOf(input)
        this.#ends.set(inputKey(input), (await this.#admin.watermarks(topic, partition)).high)
      }),
    )
  }

  isRead(input: InputName): boolean {
    const key = inputKey(input)
    return (this.#positions.get(key) ?? 0) >= (this.#ends.get(key) ?? 0)
  }

  /** Records of an input that are there and have not been read. */
  async unread(input: InputName): Promise<number> {
    const { topic, partition } = this.#copyOf(input)
    const { high } = await this.#admin.watermarks(topic, partition)
    return Math.max(0, high - (this.#positions.get(inputKey(input)) ?? 0))
  }

  async read(): Promise<readonly SourceRecord[]> {
    const messages = await this.#follower.read({ max: READ_MAX, waitMs: READ_WAIT_MS })
    return messages.map(({ topic: copy, ...message }) => {
      const topic = copy === `${this.#prefix}${TOPICS.riskIn}` ? TOPICS.riskIn : TOPICS.ordersIn
      const record = { ...message, topic }
      this.#positions.set(inputKey(record), message.offset + 1)
      return record
    })
  }

  pause(input: InputName): void {
    this.#follower.pause([this.#copyOf(input)])
  }

  resume(input: InputName): void {
    this.#follower.resume([this.#copyOf(input)])
  }

  async close(): Promise<void> {
    await this.#follower.close()
    await this.#admin.close()
  }

  #copyOf({ topic, partition }: InputName): TopicPartition {
    return { topic: `${this.#prefix}${topic}`, partition }
  }
}

async function requireCopies(
  admin: Admin,
  prefix: string,
  { riskPartitions, matchingPartitions }: ExchangeShape,
): Promise<InputName[]> {
  const inputs: InputName[] = []
  for (const [topic, wanted] of [
    [TOPICS.riskIn, riskPartitions],
    [TOPICS.ordersIn, matchingPartitions],
  ] as const) {
    const copy = `${prefix}${topic}`
    const partitions = await admin.partitionCount(copy)
    if (partitions !== wanted)
      throw new CutRefused(
        'copies_incomplete',
        `topic ${copy} has ${partitions ?? 'no'} partitions, not ${wanted}`,
      )
    for (let partition = 0; partition < partitions; partition++) {
      const { low, high } = await admin.watermarks(copy, partition)
      if (low > 0 || high === 0)
        throw new CutRefused(
          'copies_incomplete',
          `${copy}[${partition}] has the offsets from ${low} to ${high}`,
        )
      inputs.push({ topic, partition })
    }
  }
  return inputs
}
