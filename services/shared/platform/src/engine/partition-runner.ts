import { Replica, type Batch, type LogRecord, type Snapshot } from '@bourse/protocol/replica'
import type { Cut, Machine, Shard } from '@bourse/protocol/shard'

/**
 * Batches under way to the broker; beyond, outputs gather in the next one until an acknowledgement comes. A lone output
 * goes at once, and a busy engine writes fewer and larger frames: everybody who reads them is woken less often. What
 * may gather is limited by the replica.
 */
export const BATCHES_IN_FLIGHT_MAX = 1

/** Records applied before outputs are handed to the producer. */
export const RECORDS_PER_STEP_MAX = 256

/** What a runner needs of a producer: records of one partition are delivered in the order in which they were sent. */
export interface Sender {
  send(topic: string, partition: number, value: Buffer, onDelivered: (error: Error | undefined) => void): void
}

export type RunnerCounts = { records: number; entriesOut: number; framesOut: number; repliesLost: number }

/**
 * Drives one replica: feeds it records, hands its frames to the producer and its acknowledgements back. What cannot be
 * delivered is fatal, because a later frame may already be on its way; only replies may be lost.
 *
 * A record that cannot be applied stops it for good: its state may be half changed. What came of the records before
 * is still emitted.
 */
export class PartitionRunner<M extends Machine> {
  readonly replica: Replica<M>
  readonly partition: number
  readonly counts: RunnerCounts = { records: 0, entriesOut: 0, framesOut: 0, repliesLost: 0 }
  readonly #producer: Sender
  readonly #onCut: (cut: Cut) => void
  readonly #onFatal: (error: Error) => void
  readonly #batchesInFlightMax: number
  readonly #onStopped: (error: Error) => void
  readonly #waiting: LogRecord[] = []
  readonly #idle: (() => void)[] = []
  /** The newest X that the group has stored. Snapshots are published up to here. */
  committed: number
  /** What it stopped for. */
  stopped: Error | undefined

  constructor(options: {
    readonly replica: Replica<M>
    readonly partition: number
    readonly producer: Sender
    readonly onCut: (cut: Cut) => void
    readonly onFatal: (error: Error) => void
    /** @default BATCHES_IN_FLIGHT_MAX */
    readonly batchesInFlightMax?: number
    /** @default it throws what stops it */
    readonly onStopped?: (error: Error) => void
  }) {
    this.replica = options.replica
    this.partition = options.partition
    this.committed = options.replica.acknowledged
    this.#producer = options.producer
    this.#onCut = options.onCut
    this.#onFatal = options.onFatal
    this.#batchesInFlightMax = options.batchesInFlightMax ?? BATCHES_IN_FLIGHT_MAX
    this.#onStopped = options.onStopped ?? rethrow
  }

  get shard(): Shard<M> {
    return this.replica.shard
  }

  /** Whether the replica may not read on yet, or never again. */
  get blocked(): boolean {
    return this.#waiting.length > 0 || this.stopped !== undefined
  }

  /**
   * Whether it has read up to `end`, or as far as it can before it owns the partition: what nobody has emitted is
   * limited, and where nobody owns, as in an exchange that is recovered, it will not get less.
   */
  isWarm(end: number): boolean {
    return this.replica.next >= end || this.blocked
  }

  /** Takes records in the order of the log, applies what may be applied, and emits. */
  offer(records: readonly LogRecord[]): void {
    if (this.stopped !== undefined) return
    this.#waiting.push(...records)
    this.advance()
  }

  /** Goes on with what waits: called when X or an acknowledgement may have made room. */
  advance(): void {
    let taken = 0
    while (taken < this.#waiting.length && this.#mayRead()) {
      const record = this.#waiting[taken]
      const cuts = record && this.#read(record)
      if (cuts === undefined) break
      for (const cut of cuts) this.#onCut(cut)
      this.counts.records++
      taken++
      if (taken % RECORDS_PER_STEP_MAX === 0) this.#emit()
    }
    if (taken > 0) this.#waiting.splice(0, taken)
    this.#emit()
  }

  own(x: number | undefined): void {
    this.replica.own(x)
    this.advance()
  }

  /** Stops emitting, and waits until everything handed out was acknowledged. */
  async handOver(): Promise<void> {
    this.replica.disown()
    if (this.replica.batchesInFlight === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  snapshot(): Snapshot {
    return this.replica.snapshot()
  }

  /** The cuts in a record; undefined where the record stops the shard. */
  #read(record: LogRecord): readonly Cut[] | undefined {
    try {
      return this.replica.read(record)
    } catch (error) {
      this.stopped = error instanceof Error ? error : new Error(String(error))
      this.#waiting.length = 0
      this.#onStopped(this.stopped)
      return undefined
    }
  }

  #mayRead(): boolean {
    return !this.replica.full
  }

  #emit(): void {
    if (!this.replica.owned || this.replica.batchesInFlight >= this.#batchesInFlightMax) return
    const batch = this.replica.take()
    if (batch === undefined) return
    let left = batch.frames.length
    if (left === 0) this.#acknowledge(batch)
    for (const { topic, partition, value } of batch.frames) {
      this.counts.framesOut++
      this.#producer.send(topic, partition, value, (error) => {
        if (error !== undefined)
          return this.#onFatal(
            new Error(`a frame for ${topic}/${partition} was not delivered`, { cause: error }),
          )
        left--
        if (left === 0) this.#acknowledge(batch)
      })
    }
    for (const { topic, partition, value } of batch.replies) {
      this.#producer.send(topic, partition, value, (error) => {
        if (error !== undefined) this.counts.repliesLost++
      })
    }
  }

  #acknowledge(batch: Batch): void {
    this.replica.acknowledge(batch)
    if (this.replica.batchesInFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
    queueMicrotask(() => this.advance())
  }
}

function rethrow(error: Error): never {
  throw error
}
