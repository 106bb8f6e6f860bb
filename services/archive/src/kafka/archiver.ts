import { setTimeout as sleep } from 'node:timers/promises'
import { ArchiveError } from '@bourse/input-archive/archive-error'
import type { ArchivedInput } from '@bourse/input-archive/file-name'
import type { InputArchive } from '@bourse/input-archive/input-archive'
import { endOf } from '@bourse/input-archive/input-file'
import type { TopicPartition, TopicPartitionOffset, Watermarks } from '@bourse/platform/kafka/client'
import type { CommittedOffset } from '@bourse/platform/kafka/committed'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { ConsumerGroup } from '@bourse/platform/kafka/group'
import { due } from '../core/gathering.ts'
import { logNamedBy, requireSameLog } from '../core/same-log.ts'
import { ChainWriter, type Written } from './chain-writer.ts'

/** Nobody waits for the archive: larger fetches cost less. */
export const GATHERING = { fetchBytesMin: 65_536, fetchWaitMs: 100 }
/** Writing may take so long before the group gives the partitions to another member. */
export const POLL_INTERVAL_MS_MAX = 600_000

const READ_RECORDS_MAX = 500
/** So often it is asked which files are old enough. */
const READ_WAIT_MS = 500
/** Files under way at the same time: each is in memory twice, as records and encoded. */
const WRITES_MAX = 4
const LAG_INTERVAL_MS = 5_000

export type ArchiverOptions = {
  /** The names of the two logs in Kafka. */
  readonly topics: Readonly<Record<ArchivedInput['topic'], string>>
  readonly archive: InputArchive
  readonly fileAgeMsMax: number
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly committed: (partitions: readonly TopicPartition[]) => Promise<readonly CommittedOffset[]>
  readonly recordAt: (at: TopicPartitionOffset) => Promise<Message>
  readonly events: ArchiverEvents
}

/** What happens to the archive, for counters and logs. */
export type ArchiverEvents = {
  readonly assigned: (input: ArchivedInput, offset: number) => void
  readonly revoked: (input: ArchivedInput) => void
  readonly written: (input: ArchivedInput, written: Written) => void
  /** How far an input's chain goes, in log time. */
  readonly archived: (input: ArchivedInput, logTimeMs: number) => void
  /** Records that are in the log and in no file yet. */
  readonly lagging: (input: ArchivedInput, records: number) => void
  readonly stopped: (input: ArchivedInput, error: ArchiveError) => void
  readonly commitFailed: (error: unknown) => void
  readonly lagUnknown: (error: Error) => void
}

type Owned = ChainWriter | { readonly input: ArchivedInput; readonly stopped: ArchiveError }
type Group = Pick<ConsumerGroup, 'read' | 'commit'>

/**
 * Archives the inputs that its group gives it, each on behind its files. One thing at a time: while files are written,
 * nothing is read, so what is in memory has a bound. An input whose chain cannot be continued stands still until a
 * person acts; the others go on.
 */
export class Archiver {
  readonly #options: ArchiverOptions
  readonly #owned = new Map<string, Owned>()
  readonly #committed = new Map<string, number>()
  #group: Group | undefined
  #failed = false

  constructor(options: ArchiverOptions) {
    this.#options = options
  }

  /** Inputs that stand still. */
  get stopped(): readonly string[] {
    return [...this.#owned.values()].filter((owned) => !isWriter(owned)).map(({ input }) => keyOf(input))
  }

  /** Answers where to read from. @throws ArchiveError `archive_of_another_log`: the process has to end */
  assign(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    return Promise.all(partitions.map((partition) => this.#assign(partition)))
  }

  /** Writes what is gathered, so that the next owner begins with little; nothing after a failure. */
  async revoke(partitions: readonly TopicPartition[], { lost }: { readonly lost: boolean }): Promise<void> {
    const inputs = partitions.map((partition) => this.#inputOf(partition))
    if (!lost && !this.#failed) await this.#finish(inputs.flatMap((input) => this.#writerOf(input) ?? []))
    for (const input of inputs) {
      this.#owned.delete(keyOf(input))
      this.#committed.delete(keyOf(input))
      this.#options.events.revoked(input)
    }
  }

  /**
   * Works until `signal` is aborted. Asked to end, it writes what is gathered; after a failure it does not.
   *
   * @throws what the store threw: it has retried already
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
    if (!this.#failed) await this.#finish(this.#writers)
  }

  async #read(group: Group, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const messages = await group.read({ max: READ_RECORDS_MAX, waitMs: READ_WAIT_MS, signal })
      const now = performance.now()
      for (const message of messages) this.#take(message, now)
      await this.#writeDue(signal)
      await this.#commit(this.#writers)
    }
  }

  #take({ topic, partition, offset, timestamp, value }: Message, now: number): void {
    const writer = this.#writerOf(this.#inputOf({ topic, partition }))
    if (writer === undefined) return
    try {
      writer.gathering.take({ offset, timestamp, value }, now)
    } catch (error) {
      this.#stop(writer.input, error)
    }
  }

  async #writeDue(signal: AbortSignal): Promise<void> {
    const ageMsMax = this.#options.fileAgeMsMax
    while (!signal.aborted) {
      const writers = due(this.#writers, { now: performance.now(), ageMsMax }).slice(0, WRITES_MAX)
      if (writers.length === 0) return
      await Promise.all(writers.map((writer) => this.#write(writer)))
    }
  }

  async #write(writer: ChainWriter): Promise<Written | undefined> {
    const { events } = this.#options
    try {
      const written = await writer.write()
      if (written !== undefined) events.written(writer.input, written)
      if (writer.logTime !== undefined) events.archived(writer.input, writer.logTime)
      return written
    } catch (error) {
      this.#stop(writer.input, error)
      return undefined
    }
  }

  /** Writes everything that these have gathered, and tells the group. */
  async #finish(writers: readonly ChainWriter[]): Promise<void> {
    const left = [...writers]
    const work = async (): Promise<void> => {
      for (let writer = left.pop(); writer !== undefined; writer = left.pop())
        while ((await this.#write(writer)) !== undefined);
    }
    await Promise.all(Array.from({ length: WRITES_MAX }, work))
    await this.#commit(writers)
  }

  /** The group's offsets are a hint where the chain ends, and tell operators and the autoscaler the lag. */
  async #commit(writers: readonly ChainWriter[]): Promise<void> {
    const moved = writers.filter(({ input, end }) => this.#committed.get(keyOf(input)) !== end)
    if (moved.length === 0 || this.#group === undefined) return
    const ends = moved.map(({ input, end }) => ({ input, end }))
    try {
      await this.#group.commit(ends.map(({ input, end }) => ({ ...this.#partitionOf(input), offset: end })))
      for (const { input, end } of ends) this.#committed.set(keyOf(input), end)
    } catch (error) {
      this.#options.events.commitFailed(error)
    }
  }

  async #assign(partition: TopicPartition): Promise<TopicPartitionOffset> {
    const input = this.#inputOf(partition)
    try {
      const writer = await this.#begin(input, partition)
      this.#owned.set(keyOf(input), writer)
      this.#options.events.assigned(input, writer.end)
      if (writer.logTime !== undefined) this.#options.events.archived(input, writer.logTime)
      return { ...partition, offset: writer.end }
    } catch (error) {
      if (error instanceof ArchiveError && error.code === 'archive_of_another_log')
        throw new ArchiveError(
          error.code,
          `${keyOf(input)} at ${this.#options.archive.place}: ${error.detail}`,
        )
      this.#stop(input, error)
      const { topic, partition: number } = partition
      return { ...partition, offset: (await this.#options.watermarks(topic, number)).high }
    }
  }

  /** Where the chain ends, after a proof that it is of this log. */
  async #begin(input: ArchivedInput, partition: TopicPartition): Promise<ChainWriter> {
    const { archive, watermarks, committed, recordAt } = this.#options
    const [hint] = await committed([partition])
    const last = await archive.last(input, hint?.offset)
    const { low, high } = await watermarks(partition.topic, partition.partition)
    const end = last === undefined ? 0 : endOf(last)
    if (low > 0 && low > end - 1)
      throw new ArchiveError('input_incomplete', `the log begins at ${low}, the archive ends before ${end}`)
    const log =
      last !== undefined && low > 0
        ? last.log
        : logNamedBy((await recordAt({ ...partition, offset: 0 })).value)
    if (last !== undefined) {
      const record = end <= high ? await recordAt({ ...partition, offset: end - 1 }) : undefined
      requireSameLog(last, { log, high, record })
    }
    return new ChainWriter({ input, archive, log, last })
  }

  /** @throws what is no contradiction between archive and log: a fresh start may mend it */
  #stop(input: ArchivedInput, error: unknown): void {
    if (!(error instanceof ArchiveError)) throw error
    this.#owned.set(keyOf(input), { input, stopped: error })
    this.#options.events.stopped(input, error)
  }

  async #tellLags(signal: AbortSignal): Promise<void> {
    const { watermarks, events } = this.#options
    while (!signal.aborted) {
      await sleep(LAG_INTERVAL_MS, undefined, { signal }).catch(() => {})
      for (const writer of this.#writers) {
        const { topic, partition } = this.#partitionOf(writer.input)
        await watermarks(topic, partition)
          .then(({ high }) => this.#isOwned(writer) && events.lagging(writer.input, high - writer.end))
          .catch((error: Error) => events.lagUnknown(error))
      }
    }
  }

  get #writers(): readonly ChainWriter[] {
    return [...this.#owned.values()].filter(isWriter)
  }

  #writerOf(input: ArchivedInput): ChainWriter | undefined {
    const owned = this.#owned.get(keyOf(input))
    return owned !== undefined && isWriter(owned) ? owned : undefined
  }

  #isOwned(writer: ChainWriter): boolean {
    return this.#owned.get(keyOf(writer.input)) === writer
  }

  #inputOf({ topic, partition }: TopicPartition): ArchivedInput {
    return { topic: topic === this.#options.topics['risk.in'] ? 'risk.in' : 'orders.in', partition }
  }

  #partitionOf({ topic, partition }: ArchivedInput): TopicPartition {
    return { topic: this.#options.topics[topic], partition }
  }
}

const keyOf = ({ topic, partition }: ArchivedInput): string => `${topic}/${partition}`

const isWriter = (owned: Owned): owned is ChainWriter => owned instanceof ChainWriter
