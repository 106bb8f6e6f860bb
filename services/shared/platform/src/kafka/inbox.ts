import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConsumer, LibrdKafkaError, Message as ClientMessage } from 'node-rdkafka'

import { LOG_TIME_HEADER, type TopicPartition, type TopicPartitionOffset } from './client.ts'
import { KafkaError, kafkaError } from './error.ts'

/** One record. Keys and headers are not used: the partition is always named, and the frame says the rest. */
export type Message = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970, by the clock of the broker that had it first where its topic says LogAppendTime. */
  readonly timestamp: number
  readonly value: Buffer
  /** Set where it was copied from another region's log, and kept the time that it had there. */
  readonly copied?: true
}

export type ReadOptions = {
  /** Records at most. */
  readonly max: number
  /** How long to wait for the first record when there is none. */
  readonly waitMs: number
  /** How long to wait for more once the first record has come. @default 0 */
  readonly gatherMs?: number
  /** Ends the wait; nothing is lost by it. */
  readonly signal?: AbortSignal
}

/** Errors that the client mends by itself; it is enough to read again. */
const TRANSIENT = new Set([
  'transport',
  'all_brokers_down',
  'timed_out',
  'timed_out_queue',
  'request_timed_out',
  'leader_not_available',
  'not_leader_for_partition',
  'max_poll_exceeded',
])

/**
 * The client says that an offset is out of range first to its reader and then, from another thread, to its log; only
 * the log names the partition and the offset. So the reader's error counts only when no log has come by then.
 */
const NAMED_WITHIN_MS = 500

const NONE: readonly Message[] = []
const NO_VALUE = Buffer.alloc(0)

/**
 * Where a consumer's records arrive.
 *
 * The client's `consume(n)` waits for n records or the timeout, and begins the timeout anew for each. So a wait is
 * always for one record, and what else is there is then taken without waiting: a record is handed over as it
 * arrives, and an idle reader sleeps in native code.
 *
 * It also counts offsets: a partition's records come without a hole, or reading fails with `log_gap`.
 */
export class Inbox {
  readonly #consumer: KafkaConsumer
  readonly #positions = new Map<string, Position>()
  #ready: Message[] = []
  #pull: Promise<void> | undefined
  #wake: (() => void) | undefined
  #failure: KafkaError | undefined
  #pulls = 0
  #paused = 0
  #reads = 0
  #readsSeen = 0
  #exhausted = false

  constructor(consumer: KafkaConsumer) {
    this.#consumer = consumer
  }

  /** Expects a partition's records from here on; a negative offset takes the first one that comes. */
  expect({ topic, partition, offset }: TopicPartitionOffset): void {
    this.forget({ topic, partition })
    const next = offset < 0 ? undefined : offset
    this.#positions.set(keyOf(topic, partition), {
      topic,
      partition,
      next,
      since: this.#pulls,
      paused: false,
    })
  }

  /** Drops a partition, and what has arrived of it. */
  forget({ topic, partition }: TopicPartition): void {
    this.#setPaused({ topic, partition }, false)
    this.#positions.delete(keyOf(topic, partition))
    this.#ready = this.#ready.filter((message) => message.topic !== topic || message.partition !== partition)
  }

  /** Keeps what has arrived of a partition back, until `resume`. */
  pause(partition: TopicPartition): void {
    this.#setPaused(partition, true)
  }

  resume(partition: TopicPartition): void {
    this.#setPaused(partition, false)
  }

  /** Ends a waiting `read`, which then returns what there is. */
  interrupt(): void {
    this.#wake?.()
  }

  /** Makes every `read` from now on fail. The first failure counts. */
  fail(error: KafkaError): void {
    this.#failure ??= error
    this.interrupt()
  }

  /**
   * The next offset of every partition that should move while there are records: none that is paused, and none at all
   * when nobody has wanted to read since the last call, or when there was always something to read: what the client has
   * fetched ahead may be of other partitions for a long time.
   */
  standings(): readonly TopicPartitionOffset[] {
    const wanted = this.#wake !== undefined || this.#reads !== this.#readsSeen
    const exhausted = this.#exhausted
    this.#readsSeen = this.#reads
    this.#exhausted = false
    if (!wanted || !exhausted) return []
    return [...this.#positions.values()].flatMap(({ topic, partition, next, paused }) =>
      next === undefined || paused ? [] : [{ topic, partition, offset: next }],
    )
  }

  /** Up to `max` records: those that are there, at once, or else the first to come within `waitMs`. */
  async read({ max, waitMs, signal, gatherMs = 0 }: ReadOptions): Promise<readonly Message[]> {
    this.#reads++
    if (!this.#hasReady()) {
      await this.#arrival(waitMs, signal)
      if (gatherMs > 0 && this.#hasReady()) await sleep(gatherMs)
    }
    if (this.#hasReady() && this.#ready.length < max && this.#pull === undefined) {
      await this.poll(0, max - this.#ready.length)
    }
    if (this.#failure !== undefined) throw this.#failure
    return this.#take(max)
  }

  /**
   * Lets the client run its callbacks (rebalances, commits) and collects what comes. One pull at a time: while one
   * is waiting, this is that one.
   */
  poll(waitMs: number, max = 1): Promise<void> {
    this.#pull ??= this.#consume(waitMs, max).finally(() => {
      this.#pull = undefined
    })
    return this.#pull
  }

  async #arrival(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted || this.#failure !== undefined) return
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const wake = () => this.interrupt()
    signal?.addEventListener('abort', wake, { once: true })
    await Promise.race([this.poll(waitMs), woken])
    signal?.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  #consume(waitMs: number, max: number): Promise<void> {
    const pull = ++this.#pulls
    return new Promise((resolve) => {
      this.#consumer.setDefaultConsumeTimeout(waitMs)
      this.#consumer.consume(max, (cause: LibrdKafkaError | null, messages: ClientMessage[]) => {
        if (cause) this.#failed(kafkaError(cause, 'consume'))
        else {
          if (messages.length < max) this.#exhausted = true
          for (const message of messages) this.#arrived(message, pull)
        }
        resolve()
      })
    })
  }

  #failed(error: KafkaError): void {
    if (TRANSIENT.has(error.code)) return
    if (error.code === 'auto_offset_reset') setTimeout(() => this.fail(error), NAMED_WITHIN_MS).unref()
    else this.fail(error)
  }

  /** `pull` is the native wait that brought the message: one begun before the assignment may bring an old one. */
  #arrived({ topic, partition, offset, headers, ...message }: ClientMessage, pull: number): void {
    const position = this.#positions.get(keyOf(topic, partition))
    if (position === undefined) return
    const { next, since } = position
    if (next !== undefined && offset !== next) {
      if (offset < next || pull <= since) return
      this.fail(
        new KafkaError('log_gap', `${topic}[${partition}] goes from offset ${next} on with ${offset}`),
      )
      return
    }
    position.next = offset + 1
    const logTime = headers && logTimeIn(headers)
    const timestamp = logTime ?? message.timestamp ?? -1
    const value = message.value ?? NO_VALUE
    this.#ready.push(
      logTime === undefined
        ? { topic, partition, offset, timestamp, value }
        : { topic, partition, offset, timestamp, value, copied: true },
    )
  }

  #hasReady(): boolean {
    return this.#paused === 0
      ? this.#ready.length > 0
      : this.#ready.some((message) => !this.#isPaused(message))
  }

  #take(max: number): readonly Message[] {
    if (this.#ready.length === 0) return NONE
    if (this.#paused === 0 && this.#ready.length <= max) {
      const all = this.#ready
      this.#ready = []
      return all
    }
    const taken: Message[] = []
    const kept: Message[] = []
    for (const message of this.#ready) {
      if (taken.length < max && !this.#isPaused(message)) taken.push(message)
      else kept.push(message)
    }
    this.#ready = kept
    return taken
  }

  #isPaused({ topic, partition }: TopicPartition): boolean {
    return this.#positions.get(keyOf(topic, partition))?.paused === true
  }

  #setPaused({ topic, partition }: TopicPartition, paused: boolean): void {
    const position = this.#positions.get(keyOf(topic, partition))
    if (position === undefined || position.paused === paused) return
    position.paused = paused
    this.#paused += paused ? 1 : -1
  }
}

type Position = TopicPartition & { next: number | undefined; readonly since: number; paused: boolean }

/** Headers come as one object each, their values as bytes. */
function logTimeIn(headers: readonly object[]): number | undefined {
  for (const header of headers) {
    for (const [name, value] of Object.entries(header)) if (name === LOG_TIME_HEADER) return Number(value)
  }
  return undefined
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`
