import { invariant } from '@bourse/domain/result'
import { decodeFrame, encodeFrame, ENTRIES_PER_FRAME_MAX, FRAME_BYTES_MAX } from './frame.ts'
import type { Cut, Effects, Machine, Output, Reply, Segment, Shard } from './shard.ts'
import { emptyHash, hashOf, sameHash, type StreamHash } from './stream-hash.ts'
import { destinationKey } from './streams.ts'

/** A record as a broker hands it over. */
export type LogRecord = { readonly offset: number; readonly timestamp: number; readonly value: Buffer }

/** A record to be written. */
export type Outgoing = { readonly topic: string; readonly partition: number; readonly value: Buffer }

/** Where a snapshot stands in the log: the next offset to read, and the hash of the record before it. */
export type LogPosition = { readonly offset: number; readonly lastRecord: StreamHash }

export type Snapshot = LogPosition & {
  readonly state: Buffer
  /** What `state` refers to and no longer changes. */
  readonly segments: readonly Segment[]
  readonly hash: StreamHash
  readonly log: string
  /** Last sequence per stream, read and written: what decides when the snapshot may be forgotten. */
  readonly read: Readonly<Record<string, number>>
  readonly written: Readonly<Record<string, number>>
}

/** Frames that belong together: once all are acknowledged, X may move to `upTo`. Replies are not waited for. */
export type Batch = {
  readonly frames: readonly Outgoing[]
  readonly replies: readonly Outgoing[]
  readonly upTo: number
}

/** The log does not continue what the state was built from: another log, or one that was cut short. */
export class WrongLogError extends Error {
  override readonly name = 'WrongLogError'
}

/** Outputs that a replica keeps while it does not own its partition; then it stops reading until X moves on. */
export const KEPT_OUTPUTS_MAX = 200_000

type Kept = { readonly offset: number; readonly effects: Effects }

/**
 * One copy of a shard, with the two watermarks. It reads the shard's input whether or not it owns the partition; what
 * follows from inputs at and after X it keeps, and hands out once it is the owner. Pure: the shell moves the bytes.
 *
 * S is the offset of a snapshot: what the state contains. X is the offset up to which every output was acknowledged.
 */
export class Replica<M extends Machine> {
  readonly shard: Shard<M>
  #next: number
  #lastRecord: StreamHash
  #x: number
  #owned = false
  /** What inputs at and after X made happen and nobody has taken yet, oldest first. */
  #kept: Kept[] = []
  #keptOutputs = 0
  readonly #unacknowledged: { upTo: number; done: boolean }[] = []

  /** @param x the committed X if there is one; without it everything after the snapshot is emitted again. */
  constructor(shard: Shard<M>, position: LogPosition, x: number = position.offset) {
    this.shard = shard
    this.#next = position.offset
    this.#lastRecord = position.lastRecord
    this.#x = x
  }

  /** The next offset to read. */
  get next(): number {
    return this.#next
  }

  /** X: every output of every input before it was acknowledged. */
  get acknowledged(): number {
    return this.#x
  }

  get owned(): boolean {
    return this.#owned
  }

  /** Whether it must wait before it reads on: as a standby that runs too far ahead of the owner, or as an owner the broker cannot follow. */
  get full(): boolean {
    return this.#keptOutputs >= KEPT_OUTPUTS_MAX
  }

  /** Batches handed out that wait for acknowledgement. */
  get batchesInFlight(): number {
    return this.#unacknowledged.length
  }

  /**
   * Applies the next record. Throws a MalformedError for a frame that does not parse, and a WrongLogError for a record
   * before the next one that is not the one the state ends with.
   *
   * @returns cuts that a reconciliation waits for
   */
  read(record: LogRecord): readonly Cut[] {
    const hash = hashOf(record.value)
    if (record.offset < this.#next) {
      if (record.offset === this.#next - 1 && !sameHash(hash, this.#lastRecord)) {
        throw new WrongLogError(
          `the record at offset ${record.offset} is not the one this state was built from`,
        )
      }
      return []
    }
    invariant(record.offset === this.#next, `read offset ${record.offset}, ${this.#next} is next`)
    const effects = this.shard.apply(decodeFrame(record.value), record.timestamp)
    this.#next = record.offset + 1
    this.#lastRecord = hash
    if (record.offset >= this.#x && effects.outputs.length + effects.replies.length > 0) {
      this.#kept.push({ offset: record.offset, effects })
      this.#keptOutputs += effects.outputs.length
    }
    return effects.cuts
  }

  /** Becomes the owner: emits from the committed X on. */
  own(x: number | undefined): void {
    if (x !== undefined) this.observe(x)
    this.#owned = true
  }

  /** Gives the partition up. Acknowledgements of what was handed out still count: those entries are in the log. */
  disown(): void {
    this.#owned = false
  }

  /** Learns how far the owner has come. */
  observe(x: number): void {
    if (x <= this.#x) return
    this.#x = x
    let covered = 0
    while (covered < this.#kept.length && (this.#kept[covered]?.offset ?? x) < x) {
      this.#keptOutputs -= this.#kept[covered]?.effects.outputs.length ?? 0
      covered++
    }
    if (covered > 0) this.#kept = this.#kept.slice(covered)
  }

  /** Hands out everything kept as frames, to be produced in this order. Undefined where nothing is to be done. */
  take(): Batch | undefined {
    invariant(this.#owned, 'only the owner emits')
    if (this.#next <= this.#x || (this.#unacknowledged.at(-1)?.upTo ?? this.#x) >= this.#next)
      return undefined
    const kept = this.#kept
    this.#kept = []
    this.#keptOutputs = 0
    const outputs = kept.flatMap(({ effects }) => effects.outputs)
    const replies = kept.flatMap(({ effects }) => effects.replies)
    const upTo = this.#next
    this.#unacknowledged.push({ upTo, done: false })
    return { frames: this.#frames(outputs), replies: this.#replyFrames(replies), upTo }
  }

  /** Every frame of the batch was acknowledged by all in-sync replicas. Moves X over all batches done so far. */
  acknowledge(batch: Batch): void {
    const entry = this.#unacknowledged.find(({ upTo }) => upTo === batch.upTo)
    if (entry === undefined) return
    entry.done = true
    while (this.#unacknowledged[0]?.done === true) {
      this.#x = Math.max(this.#x, this.#unacknowledged[0].upTo)
      this.#unacknowledged.shift()
    }
  }

  /** The state as of `next`. It may be published once X has reached its offset. */
  snapshot(): Snapshot {
    const state = this.shard.encode()
    const position = { offset: this.#next, lastRecord: this.#lastRecord }
    const segments = this.shard.machine.segments()
    return {
      ...position,
      state,
      segments,
      hash: hashOf(state),
      log: this.shard.log,
      ...this.shard.positions(),
    }
  }

  #frames(outputs: readonly Output[]): Outgoing[] {
    const open = new Map<string, Output[]>()
    const sizes = new Map<string, number>()
    const frames: Outgoing[] = []
    for (const output of outputs) {
      const key = destinationKey(output.to)
      const size = sizes.get(key) ?? 0
      const pending = open.get(key)
      if (
        pending === undefined ||
        pending[0]?.epoch !== output.epoch ||
        size + output.bytes.length > PAYLOAD_BYTES_MAX ||
        pending.length >= ENTRIES_PER_FRAME_MAX
      ) {
        if (pending !== undefined) frames.push(this.#frame(pending))
        open.set(key, [output])
        sizes.set(key, output.bytes.length)
      } else {
        pending.push(output)
        sizes.set(key, size + output.bytes.length)
      }
    }
    for (const pending of open.values()) frames.push(this.#frame(pending))
    return frames
  }

  #frame(outputs: readonly Output[]): Outgoing {
    const [first] = outputs
    invariant(first !== undefined, 'a frame holds at least one entry')
    const header = {
      source: this.shard.source,
      epoch: first.epoch,
      sequence: first.sequence,
      hashBefore: first.hashBefore,
      endsCommand: outputs.at(-1)?.endsCommand ?? true,
    }
    const value = encodeFrame(
      header,
      outputs.map(({ bytes }) => bytes),
    )
    return { ...first.to, value }
  }

  #replyFrames(replies: readonly Reply[]): Outgoing[] {
    const header = {
      source: this.shard.source,
      epoch: this.shard.epoch,
      sequence: 0,
      hashBefore: emptyHash,
      endsCommand: true,
    }
    const frames: Outgoing[] = []
    for (const partition of new Set(replies.map((reply) => reply.partition))) {
      const values = replies.filter((reply) => reply.partition === partition).map(({ value }) => value)
      for (const group of inGroups(values)) {
        frames.push({ topic: 'replies', partition, value: encodeFrame(header, group) })
      }
    }
    return frames
  }
}

const HEADER_ALLOWANCE_BYTES = 64
const PAYLOAD_BYTES_MAX = FRAME_BYTES_MAX - HEADER_ALLOWANCE_BYTES

/** Splits entries so that each group fits a frame. */
function* inGroups(entries: readonly Buffer[]): Generator<Buffer[]> {
  let group: Buffer[] = []
  let size = 0
  for (const entry of entries) {
    if (size + entry.length > PAYLOAD_BYTES_MAX || group.length >= ENTRIES_PER_FRAME_MAX) {
      yield group
      group = []
      size = 0
    }
    group.push(entry)
    size += entry.length
  }
  if (group.length > 0) yield group
}
