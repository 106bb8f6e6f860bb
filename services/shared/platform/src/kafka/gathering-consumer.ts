import { setTimeout as sleep } from 'node:timers/promises'
import type { TopicPartition, TopicPartitionOffset, Watermarks } from './client.ts'
import type { Message } from './consumer.ts'
import type { ConsumerGroup } from './group.ts'

/** Nobody waits for files: larger fetches cost less. */
export const GATHERING = { fetchBytesMin: 65_536, fetchWaitMs: 100 }
/** Writing may take so long before the group gives the partitions to another member. */
export const POLL_INTERVAL_MS_MAX = 600_000
/** Bytes that may wait for their files, of all partitions together. Then the largest are written early. */
export const GATHERED_BYTES_MAX = 64 * 1024 * 1024

const READ_RECORDS_MAX = 500
/** So often it is asked which files are old enough. */
const READ_WAIT_MS = 500
/** Files under way at the same time: each is in memory twice, as records and encoded. */
const WRITES_MAX = 4
const LAG_INTERVAL_MS = 5_000

/** A partition by the name that its topic has in the protocol; in Kafka it may have another, in tests. */
export type PartitionOf<Topic extends string> = { readonly topic: Topic; readonly partition: number }

/** What was read and is in no file yet. `now` is any clock's milliseconds that never go back. */
export type Gathered = {
  readonly bytes: number
  isFull(): boolean
  /** How long the oldest record has waited, or longer; 0 without one. */
  age(now: number): number
}

/** Writes one partition's files. */
export type Gatherer<Written> = {
  readonly gathering: Gathered
  /** The next offset, of which everything before is durable. */
  readonly end: number
  take(message: Message, now: number): void
  /** Writes the next file; undefined where nothing is gathered. */
  write(): Promise<Written | undefined>
}

export type GatheringOptions<Topic extends string, Written> = {
  /** The topics' names in Kafka. */
  readonly topics: Readonly<Record<Topic, string>>
  readonly fileAgeMsMax: number
  /** Where a partition goes on. */
  readonly begin: (partition: PartitionOf<Topic>, inKafka: TopicPartition) => Promise<Gatherer<Written>>
  /** Whether a partition stands still after this until a person acts. Any other error ends the process. */
  readonly isContradiction: (error: unknown) => error is Error
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly events: GatheringEvents<Topic, Written>
}

/** What happens to the partitions, for counters and logs. */
export type GatheringEvents<Topic extends string, Written> = {
  readonly assigned: (partition: PartitionOf<Topic>, offset: number) => void
  readonly revoked: (partition: PartitionOf<Topic>) => void
  readonly written: (partition: PartitionOf<Topic>, written: Written) => void
  /** Records that are in the log and in no file yet. */
  readonly lagging: (partition: PartitionOf<Topic>, records: number) => void
  readonly stopped: (partition: PartitionOf<Topic>, error: Error) => void
  readonly commitFailed: (error: unknown) => void
  readonly lagUnknown: (error: Error) => void
}

type Owned<Topic extends string, Written> = {
  readonly partition: PartitionOf<Topic>
  readonly inKafka: TopicPartition
  /** Undefined: it stands still. */
  readonly gatherer: Gatherer<Written> | undefined
}
type Working<Topic extends string, Written> = Owned<Topic, Written> & { readonly gatherer: Gatherer<Written> }
type Group = Pick<ConsumerGroup, 'read' | 'commit'>

/**
 * Writes what its group assigns into files, each partition on behind its own. One thing at a time: while files are
 * written, nothing is read, so what is in memory has a bound. A partition that cannot be continued stands still until a
 * person acts; the others go on.
 */
export class GatheringConsumer<Topic extends string = string, Written = unknown> {
  readonly #options: GatheringOptions<Topic, Written>
  readonly #names: ReadonlyMap<string, Topic>
  /** By the partition in Kafka. */
  readonly #owned = new Map<string, Owned<Topic, Written>>()
  readonly #committed = new Map<string, number>()
  #group: Group | undefined
  #failed = false

  constructor(options: GatheringOptions<Topic, Written>) {
    this.#options = options
    const topics = Object.entries(options.topics) as [Topic, string][]
    this.#names = new Map(topics.map(([name, topic]) => [topic, name]))
  }

  /** Partitions that stand still. */
  get stopped(): readonly string[] {
    const all = [...this.#owned.values()]
    return all.filter(({ gatherer }) => gatherer === undefined).map(({ partition }) => keyOf(partition))
  }

  /** Answers where to read from. @throws what `begin` threw, unless the partition stands still after it */
  assign(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    return Promise.all(partitions.map((partition) => this.#assign(partition)))
  }

  /** Writes what is gathered, so that the next owner begins with little; nothing after a failure. */
  async revoke(partitions: readonly TopicPartition[], { lost }: { readonly lost: boolean }): Promise<void> {
    if (!lost && !this.#failed)
      await this.#finish(partitions.flatMap((partition) => this.#workingOf(partition) ?? []))
    for (const partition of partitions) {
      this.#owned.delete(keyOf(partition))
      this.#committed.delete(keyOf(partition))
      this.#options.events.revoked(this.#named(partition))
    }
  }

  /**
   * Works until `signal` is aborted. Asked to end, it writes what is gathered; after a failure it does not.
   *
   * @throws what is no contradiction
   */
  async run(group: Group, signal: AbortSignal): Promise<void> {
    this.#group = group
    try {
      await Promise.all([this.#read(group, signal), this.#tellLags(signal)])
    } catch (error) {
      this.#failed = true
      throw error
    }
    this.#failed = signal.reason instanceof Error
    if (!this.#failed) await this.#finish(this.#working)
  }

  async #read(group: Group, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const messages = await group.read({ max: READ_RECORDS_MAX, waitMs: READ_WAIT_MS, signal })
      const now = performance.now()
      for (const message of messages) this.#take(message, now)
      await this.#writeDue(signal)
      await this.#commit(this.#working)
    }
  }

  #take(message: Message, now: number): void {
    const working = this.#workingOf(message)
    if (working === undefined) return
    try {
      working.gatherer.take(message, now)
    } catch (error) {
      this.#stop(working, error)
    }
  }

  async #writeDue(signal: AbortSignal): Promise<void> {
    const ageMsMax = this.#options.fileAgeMsMax
    while (!signal.aborted) {
      const chosen = due(this.#working, { now: performance.now(), ageMsMax }).slice(0, WRITES_MAX)
      if (chosen.length === 0) return
      await Promise.all(chosen.map((working) => this.#write(working)))
    }
  }

  async #write(working: Working<Topic, Written>): Promise<Written | undefined> {
    try {
      const written = await working.gatherer.write()
      if (written !== undefined) this.#options.events.written(working.partition, written)
      return written
    } catch (error) {
      this.#stop(working, error)
      return undefined
    }
  }

  /** Writes everything that these have gathered, and tells the group. */
  async #finish(all: readonly Working<Topic, Written>[]): Promise<void> {
    const left = [...all]
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop())
        while ((await this.#write(next)) !== undefined);
    }
    await Promise.all(Array.from({ length: WRITES_MAX }, work))
    await this.#commit(all)
  }

  /** The group's offsets are a hint where files end, and tell operators and the autoscaler the lag. */
  async #commit(all: readonly Working<Topic, Written>[]): Promise<void> {
    const ends = all.map(({ inKafka, gatherer }) => ({ ...inKafka, offset: gatherer.end }))
    const moved = ends.filter((end) => this.#committed.get(keyOf(end)) !== end.offset)
    if (moved.length === 0 || this.#group === undefined) return
    try {
      await this.#group.commit(moved)
      for (const end of moved) this.#committed.set(keyOf(end), end.offset)
    } catch (error) {
      this.#options.events.commitFailed(error)
    }
  }

  async #assign({ topic, partition: number }: TopicPartition): Promise<TopicPartitionOffset> {
    const inKafka = { topic, partition: number }
    const partition = this.#named(inKafka)
    try {
      const gatherer = await this.#options.begin(partition, inKafka)
      this.#owned.set(keyOf(inKafka), { partition, inKafka, gatherer })
      this.#options.events.assigned(partition, gatherer.end)
      return { ...inKafka, offset: gatherer.end }
    } catch (error) {
      this.#stop({ partition, inKafka }, error)
      return { ...inKafka, offset: (await this.#options.watermarks(topic, number)).high }
    }
  }

  /** @throws what is no contradiction: a fresh start may mend it */
  #stop({ partition, inKafka }: Omit<Owned<Topic, Written>, 'gatherer'>, error: unknown): void {
    if (!this.#options.isContradiction(error)) throw error
    this.#owned.set(keyOf(inKafka), { partition, inKafka, gatherer: undefined })
    this.#options.events.stopped(partition, error)
  }

  async #tellLags(signal: AbortSignal): Promise<void> {
    const { watermarks, events } = this.#options
    while (!signal.aborted) {
      await sleep(LAG_INTERVAL_MS, undefined, { signal }).catch(() => {})
      for (const { partition, inKafka, gatherer } of this.#working) {
        const isOwned = () => this.#workingOf(inKafka)?.gatherer === gatherer
        await watermarks(inKafka.topic, inKafka.partition)
          .then(({ high }) => isOwned() && events.lagging(partition, high - gatherer.end))
          .catch((error: Error) => events.lagUnknown(error))
      }
    }
  }

  get #working(): readonly Working<Topic, Written>[] {
    return [...this.#owned.values()].filter(isWorking)
  }

  #workingOf(inKafka: TopicPartition): Working<Topic, Written> | undefined {
    const owned = this.#owned.get(keyOf(inKafka))
    return owned !== undefined && isWorking(owned) ? owned : undefined
  }

  #named({ topic, partition }: TopicPartition): PartitionOf<Topic> {
    const name = this.#names.get(topic)
    if (name === undefined) throw new RangeError(`${topic} is not asked for`)
    return { topic: name, partition }
  }
}

/** Which are to be written now: full or old ones, and the largest where all together are too much. */
export function due<Each extends { readonly gatherer: { readonly gathering: Gathered } }>(
  all: readonly Each[],
  { now, ageMsMax }: { readonly now: number; readonly ageMsMax: number },
): readonly Each[] {
  const gathered = ({ gatherer }: Each): Gathered => gatherer.gathering
  const isDue = (each: Each): boolean => gathered(each).isFull() || gathered(each).age(now) >= ageMsMax
  const chosen = all.filter(isDue)
  const others = all.filter((each) => !chosen.includes(each))
  others.sort((a, b) => gathered(b).bytes - gathered(a).bytes)
  let waiting = others.reduce((sum, each) => sum + gathered(each).bytes, 0)
  for (const each of others) {
    if (waiting <= GATHERED_BYTES_MAX) break
    chosen.push(each)
    waiting -= gathered(each).bytes
  }
  return chosen
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

const isWorking = <Topic extends string, Written>(
  owned: Owned<Topic, Written>,
): owned is Working<Topic, Written> => owned.gatherer !== undefined
