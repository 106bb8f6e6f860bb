import rdkafka from 'node-rdkafka'

import {
  type KafkaConnection,
  type TopicPartition,
  type TopicPartitionOffset,
  type Watermarks,
  clientSettings,
  connect,
  disconnect,
  queryWatermarks,
} from './client.ts'
import { KafkaError } from './error.ts'
import { Inbox, type Message, type ReadOptions } from './inbox.ts'
import { watchForStalls } from './stall-watch.ts'

export type { Message, ReadOptions } from './inbox.ts'

export type FollowerOptions = KafkaConnection & {
  /**
   * How long the broker keeps an empty fetch open. It answers at once when there is a record; but a partition that
   * is added or resumed waits for the fetch that is out. @default 100
   */
  readonly fetchWaitMs?: number
  /** The broker waits for so many bytes, but no longer than `fetchWaitMs`. @default 1: it answers at once */
  readonly fetchBytesMin?: number
  /** What is fetched ahead, in KiB. @default 16_384 */
  readonly queueKilobytesMax?: number
}

/** The settings of every consumer: read from where we say, never jump, never store an offset by itself. */
export function consumerSettings({
  fetchWaitMs = 100,
  fetchBytesMin = 1,
  queueKilobytesMax = 16_384,
  ...connection
}: FollowerOptions) {
  return {
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': false,
    'check.crcs': true,
    'fetch.min.bytes': fetchBytesMin,
    'fetch.wait.max.ms': fetchWaitMs,
    'fetch.queue.backoff.ms': 10,
    'fetch.error.backoff.ms': 50,
    'queued.min.messages': 10_000,
    'queued.max.messages.kbytes': queueKilobytesMax,
    // Its lines say which partition's offset is out of range; the error itself does not, and may get lost.
    debug: 'topic',
    ...clientSettings(connection),
  }
}

/** An offset that the broker does not have is an error, and never a leap to another one. */
export const CONSUMER_TOPIC_SETTINGS = { 'auto.offset.reset': 'error' } as const

/** Follows partitions that it is told to, outside any group. */
export async function connectFollower(options: FollowerOptions): Promise<Follower> {
  const consumer = new rdkafka.KafkaConsumer(
    // The client asks for a group's name; no group comes of it, as nothing is subscribed to or committed.
    { ...consumerSettings(options), 'group.id': `${options.clientId}-follower` },
    CONSUMER_TOPIC_SETTINGS,
  )
  const inbox = new Inbox(consumer)
  watchOffsets(consumer, inbox)
  await connect(consumer, options, (error) => inbox.fail(error))
  return new Follower(consumer, inbox, watchReader(inbox, options))
}

/** Seconds that a reader may stand still while there are records and the broker answers. */
const STALLED_SECONDS_MAX = 6

/** Makes every read fail with `stalled` when the client has silently stopped fetching. Returns what ends the watch. */
export function watchReader(inbox: Inbox, connection: KafkaConnection): () => Promise<void> {
  return watchForStalls(connection, {
    checksMax: STALLED_SECONDS_MAX,
    standings: () =>
      inbox.standings().map(({ topic, partition, offset }) => ({
        topic,
        partition,
        position: offset,
        isBehind: (end) => end > offset,
      })),
    onStalled: ({ topic, partition, end }) =>
      inbox.fail(
        new KafkaError('stalled', `${topic}[${partition}] ends at ${end}, and nothing has come for seconds`),
      ),
  })
}

export class Follower {
  readonly #consumer: rdkafka.KafkaConsumer
  readonly #inbox: Inbox
  readonly #endWatch: () => Promise<void>
  #assigned: readonly TopicPartition[] = []
  #closed = false

  constructor(consumer: rdkafka.KafkaConsumer, inbox: Inbox, endWatch: () => Promise<void>) {
    this.#consumer = consumer
    this.#inbox = inbox
    this.#endWatch = endWatch
  }

  /** Follows these partitions, from these offsets on, and no others. */
  assign(positions: readonly TopicPartitionOffset[]): void {
    for (const partition of this.#assigned) this.#inbox.forget(partition)
    for (const position of positions) this.#inbox.expect(position)
    this.#assigned = positions
    this.#consumer.assign([...positions])
  }

  /** Follows one more partition. */
  add(position: TopicPartitionOffset): void {
    this.#inbox.expect(position)
    this.#assigned = [...this.#assigned, position]
    this.#consumer.incrementalAssign([position])
  }

  /** Follows a partition no longer. None of its records is read after this. */
  remove(removed: TopicPartition): void {
    this.#inbox.forget(removed)
    this.#assigned = this.#assigned.filter(
      ({ topic, partition }) => topic !== removed.topic || partition !== removed.partition,
    )
    this.#consumer.incrementalUnassign([removed])
  }

  /** Stops fetching; what was fetched is kept until `resume`. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#inbox.pause(partition)
    this.#consumer.pause([...partitions])
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#inbox.resume(partition)
    this.#consumer.resume([...partitions])
  }

  /** Asks the broker. */
  watermarks(topic: string, partition: number): Promise<Watermarks> {
    return queryWatermarks(this.#consumer, topic, partition)
  }

  /**
   * Up to `max` records, in order per partition: those that are there, at once, or else the first to come. Empty
   * when none came within `waitMs` or `signal` was aborted. One read at a time.
   *
   * @throws KafkaError `offset_out_of_range` or `log_gap` when the log is not what it was, `fatal`, `stalled` and the
   *   like when the client is dead. Every later read fails the same way: the process has to end.
   */
  async read(options: ReadOptions): Promise<readonly Message[]> {
    return this.#closed ? [] : this.#inbox.read(options)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#inbox.interrupt()
    await Promise.all([this.#endWatch(), disconnect(this.#consumer)])
  }
}

/**
 * Makes an offset out of range fail every read.
 *
 * The client drops that error when it comes behind records in one `consume`, and the partition would stand still
 * for ever. Its log always has it, and there with the partition and the offset.
 */
export function watchOffsets(consumer: rdkafka.KafkaConsumer, inbox: Inbox): void {
  consumer.on('event.log', ({ fac, message }: { fac: string; message: string }) => {
    const [, topic, partition, offset, reason] = (fac === 'OFFSET' && OFFSET_RESET.exec(message)) || []
    if (topic === undefined) return
    inbox.fail(
      new KafkaError('offset_out_of_range', `${topic}[${partition}] has no offset ${offset}: ${reason}`),
    )
  })
}

/** "… orders.in [3]: offset reset (at offset 17 (leader epoch 0), broker 1) to offset INVALID (…): why". */
const OFFSET_RESET =
  /(\S+) \[(\d+)\]: offset reset \(at offset (\S+) \(.*?\), broker -?\d+\) to offset INVALID \(.*?\): (.*)/
