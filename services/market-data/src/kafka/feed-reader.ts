import { setTimeout as sleep } from 'node:timers/promises'
import type { TopicPartition, TopicPartitionOffset, Watermarks } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { ConsumerGroup } from '@bourse/platform/kafka/group'
import { untilDone } from '@bourse/platform/until-done'
import { logStart } from '../core/log-start.ts'
import { MarketFeed } from '../core/market-feed.ts'
import type { Checkpoints } from '../postgres/checkpoints.ts'
import type { Publisher } from '../redis/publisher.ts'

/** The book is published every 50 ms: larger fetches cost less and delay nothing. */
export const GATHERING = { fetchBytesMin: 65_536, fetchWaitMs: 20 }

/** Records applied before anything else gets its turn. */
const BATCH_SIZE_MAX = 100
const READ_WAIT_MS = 1_000
/** From one read to the next: publications are further apart, and a wake-up per record would cost more than its work. */
const READ_PAUSE_MS = 10
/** How often the group hears of the position, and the broker is asked how far it is ahead. */
const LAG_INTERVAL_MS = 1_000

export type FeedReaderOptions = {
  readonly checkpoints: Pick<Checkpoints, 'load' | 'save'>
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly checkpointIntervalMs: number
  /** Told of each feed that this process has from now on, or no longer has, and when they have read. */
  readonly publisher: Pick<Publisher, 'add' | 'remove' | 'wake'>
  readonly events: ReaderEvents
  /** Ends the waiting for PostgreSQL. */
  readonly signal: AbortSignal
}

/** What happens to the feeds, for counters and logs. */
export type ReaderEvents = {
  readonly assigned: (partition: number, offset: number) => void
  readonly revoked: (partition: number) => void
  /** Entries of a feed are missing; their sender has to write them again. */
  readonly gap: (partition: number, missing: number) => void
  readonly lagging: (partition: number, records: number) => void
  readonly checkpointFailed: (error: Error) => void
  /** PostgreSQL does not tell where to begin; it is asked again. */
  readonly checkpointUnknown: (error: unknown) => void
  readonly lagUnknown: (error: Error) => void
}

type Owned = { readonly topic: string; readonly feed: MarketFeed; savedOffset: number; gapsSeen: number }

/** Reads the partitions of `orders.out` that its group gives it, each from its checkpoint on. */
export class FeedReader {
  readonly #options: FeedReaderOptions
  readonly #owned = new Map<number, Owned>()

  constructor(options: FeedReaderOptions) {
    this.#options = options
  }

  get feeds(): MarketFeed[] {
    return [...this.#owned.values()].map(({ feed }) => feed)
  }

  /** Answers where to read from; waits while PostgreSQL is away. Throws where a partition's log is not the one of its checkpoint: that is fatal. */
  async assign(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    return Promise.all(
      partitions.map(async ({ topic, partition }) => {
        // First the checkpoint: until now another process may have moved it on, and the log's end with it.
        const feed = (await this.#load(partition)) ?? new MarketFeed(partition)
        const next = feed.logPosition.offset
        const offset = logStart(next, await this.#options.watermarks(topic, partition))
        this.#owned.set(partition, { topic, feed, savedOffset: next, gapsSeen: 0 })
        this.#options.publisher.add(feed)
        this.#options.events.assigned(partition, offset)
        return { topic, partition, offset }
      }),
    )
  }

  /** Saves what the next owner begins with, and lets go. */
  async revoke(partitions: readonly TopicPartition[]): Promise<void> {
    for (const { partition } of partitions) {
      const owned = this.#owned.get(partition)
      if (owned === undefined) continue
      this.#owned.delete(partition)
      this.#options.publisher.remove(owned.feed)
      await this.#save(owned)
      this.#options.events.revoked(partition)
    }
  }

  /** Works until `signal` is aborted. Throws what is fatal: a log that does not parse, or is another. */
  async run(group: Pick<ConsumerGroup, 'read' | 'commit'>, signal: AbortSignal): Promise<void> {
    await Promise.all([this.#read(group, signal), this.#saveAll(signal), this.#tellLags(group, signal)])
  }

  #load(partition: number): Promise<MarketFeed | undefined> {
    const { checkpoints, signal, events } = this.#options
    return untilDone(() => checkpoints.load(partition), { signal, onWait: events.checkpointUnknown })
  }

  async #read(group: Pick<ConsumerGroup, 'read'>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const messages = await group.read({ max: BATCH_SIZE_MAX, waitMs: READ_WAIT_MS, signal })
      if (messages.length === 0) continue
      for (const message of messages) this.#apply(message)
      this.#reportGaps()
      this.#options.publisher.wake()
      if (messages.length < BATCH_SIZE_MAX) await sleep(READ_PAUSE_MS)
    }
  }

  /** Saves checkpoints at a steady pace. What fails is done the next time. */
  async #saveAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.checkpointIntervalMs, undefined, { signal }).catch(() => {})
      for (const owned of this.#owned.values()) await this.#save(owned)
    }
  }

  /** Tells the group how far it has read and counts what is still to be read. */
  async #tellLags(group: Pick<ConsumerGroup, 'commit'>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(LAG_INTERVAL_MS, undefined, { signal }).catch(() => {})
      await this.#tellLag(group).catch((error: Error) => this.#options.events.lagUnknown(error))
    }
  }

  #apply({ topic, partition, offset, timestamp, value }: Message): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    try {
      owned.feed.read({ offset, timestamp, value })
    } catch (cause) {
      const { message } = cause as Error
      throw new Error(`${topic}/${partition} at offset ${offset}: ${message}`, { cause })
    }
  }

  #reportGaps(): void {
    for (const [partition, owned] of this.#owned) {
      const { gaps } = owned.feed.counts
      if (gaps > owned.gapsSeen) this.#options.events.gap(partition, gaps - owned.gapsSeen)
      owned.gapsSeen = gaps
    }
  }

  async #save(owned: Owned): Promise<void> {
    const { offset } = owned.feed.logPosition
    if (offset === owned.savedOffset) return
    try {
      await this.#options.checkpoints.save(owned.feed)
      owned.savedOffset = offset
    } catch (error) {
      this.#options.events.checkpointFailed(error as Error)
    }
  }

  async #tellLag(group: Pick<ConsumerGroup, 'commit'>): Promise<void> {
    const { watermarks, events } = this.#options
    const positions = [...this.#owned.values()].map(({ topic, feed }) => ({
      topic,
      partition: feed.partition,
      offset: feed.logPosition.offset,
    }))
    if (positions.length === 0) return
    await group.commit(positions)
    for (const { topic, partition, offset } of positions) {
      const { high } = await watermarks(topic, partition)
      if (this.#owned.has(partition)) events.lagging(partition, high - offset)
    }
  }
}
