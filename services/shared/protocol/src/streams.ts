import { invariant } from '@bourse/domain/result'
import type { ByteReader, ByteWriter } from './bytes.ts'
import { hashAfter, sourceKinds, type Frame, type FramedEntry, type Source } from './frame.ts'
import { emptyHash, sameHash, type StreamHash } from './stream-hash.ts'

export const topics = ['risk.in', 'orders.in', 'orders.out', 'risk.out'] as const
export type Topic = (typeof topics)[number]

/** A place in one source's stream. Epochs never go back, and a later epoch goes on with the sequence. */
export type StreamPosition = { readonly epoch: number; readonly sequence: number }

/** One end of a stream: a partition that a shard writes to. */
export type Destination = { readonly topic: Topic; readonly partition: number }

export const sourceKey = ({ kind, shard }: Source): string => `${kind}/${shard}`
export const destinationKey = ({ topic, partition }: Destination): string => `${topic}/${partition}`

/** Two writers gave one sequence number different content: the machine is not deterministic, or the log is another. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError'
}

/** How many of a stream's last hashes a receiver keeps, to compare repeats with. */
export const HASHES_KEPT = 256

/** The epoch in which an exchange begins. Each recovery elsewhere is followed by a higher one. */
export const FIRST_EPOCH = 1

export const verdicts = ['next', 'repeat', 'gap', 'stale'] as const
/** `stale`: of an epoch that is over for this source, whatever its sequence says. */
export type Verdict = (typeof verdicts)[number]
export type Dropped = Exclude<Verdict, 'next'>

/** A receiver's memory of one source's stream: what came last, and the running hashes of what came lately. */
export class InboundStream {
  #epoch = FIRST_EPOCH
  #sequence = 0
  #hash: StreamHash = emptyHash
  readonly #recent = new Uint32Array(HASHES_KEPT * 2)

  /** Of the last entry taken; 0 before the first. */
  get sequence(): number {
    return this.#sequence
  }

  get hash(): StreamHash {
    return this.#hash
  }

  /** Of the last entry taken. */
  get epoch(): number {
    return this.#epoch
  }

  /**
   * Decides about one entry and, if it is the next, takes it. A repeat is to be dropped, an entry beyond the next to
   * be ignored, a stale one refused. Throws a DivergenceError where content differs from what this receiver has seen.
   *
   * An epoch begins for this receiver with the first entry of it that is the next one: sequences and hashes go on
   * over the change, so everything before it has come, and what an older epoch says after it is not of this history.
   *
   * @param before the sender's running hash before this entry
   */
  accept({ epoch, sequence }: StreamPosition, before: StreamHash, bytes: Buffer): Verdict {
    if (epoch < this.#epoch) return 'stale'
    if (sequence > this.#sequence + 1) return 'gap'
    const after = hashAfter(before, bytes)
    if (sequence <= this.#sequence) {
      this.#compare(sequence, after)
      return 'repeat'
    }
    if (!sameHash(before, this.#hash)) {
      throw new DivergenceError(`entry ${sequence} follows another history than the one received`)
    }
    this.#epoch = epoch
    this.#sequence = sequence
    this.#hash = after
    this.#recent[(sequence % HASHES_KEPT) * 2] = after.high
    this.#recent[(sequence % HASHES_KEPT) * 2 + 1] = after.low
    return 'next'
  }

  encode(writer: ByteWriter): void {
    writer.safe(this.#sequence)
    writer.u32(this.#hash.high)
    writer.u32(this.#hash.low)
    for (const word of this.#recent) writer.u32(word)
  }

  /** `encode`'s bytes do not have the epoch: whoever stores a stream stores it beside. */
  static decode(reader: ByteReader, epoch: number): InboundStream {
    const stream = new InboundStream()
    stream.#epoch = epoch
    stream.#sequence = reader.safe()
    stream.#hash = { high: reader.u32(), low: reader.u32() }
    for (let i = 0; i < stream.#recent.length; i++) stream.#recent[i] = reader.u32()
    return stream
  }

  /** A receiver that keeps its position elsewhere (settlement's offset row) begins from there. */
  static resume({ epoch, sequence }: StreamPosition, hash: StreamHash): InboundStream {
    const stream = new InboundStream()
    stream.#epoch = epoch
    stream.#sequence = sequence
    stream.#hash = hash
    stream.#recent[(sequence % HASHES_KEPT) * 2] = hash.high
    stream.#recent[(sequence % HASHES_KEPT) * 2 + 1] = hash.low
    return stream
  }

  #compare(sequence: number, after: StreamHash): void {
    if (sequence <= this.#sequence - HASHES_KEPT) return
    const high = this.#recent[(sequence % HASHES_KEPT) * 2] ?? 0
    const low = this.#recent[(sequence % HASHES_KEPT) * 2 + 1] ?? 0
    // Both words 0: not kept, because this receiver began after that entry.
    if ((high !== 0 || low !== 0) && !sameHash(after, { high, low })) {
      throw new DivergenceError(`entry ${sequence} came again with other content`)
    }
  }
}

/** How many shards may write to one partition. */
const SOURCES_MAX = 1024

/** A reader's memory of all streams in its partition. What it takes for the next entries is what a shard applies. */
export class InboundStreams {
  readonly #streams: Map<string, InboundStream>

  constructor(streams: Iterable<readonly [string, InboundStream]> = []) {
    this.#streams = new Map(streams)
  }

  /** Streams by their source's key. */
  [Symbol.iterator](): IterableIterator<[string, InboundStream]> {
    return this.#streams[Symbol.iterator]()
  }

  get size(): number {
    return this.#streams.size
  }

  /** Undefined before a source's first entry. */
  of(source: string): InboundStream | undefined {
    return this.#streams.get(source)
  }

  /**
   * The entries of a frame that are to be applied, in order: a gateway's all, a shard's those that are next. The others
   * are counted. A genesis frame has none.
   */
  take(frame: Frame, count: (verdict: Dropped) => void): readonly FramedEntry[] {
    if (frame.source.kind === 'genesis') return []
    if (frame.source.kind === 'gateway') return frame.entries
    const stream = this.#stream(sourceKey(frame.source))
    let before = frame.hashBefore
    return frame.entries.filter(({ sequence, bytes }) => {
      const verdict = stream.accept({ epoch: frame.epoch, sequence }, before, bytes)
      before = verdict === 'next' ? stream.hash : hashAfter(before, bytes)
      if (verdict !== 'next') count(verdict)
      return verdict === 'next'
    })
  }

  #stream(key: string): InboundStream {
    let stream = this.#streams.get(key)
    if (stream === undefined) {
      invariant(this.#streams.size < SOURCES_MAX, `more than ${SOURCES_MAX} sources write to one partition`)
      stream = new InboundStream()
      this.#streams.set(key, stream)
    }
    return stream
  }
}

/** A sender's memory of one of its streams. */
export type OutboundStream = { sequence: number; hash: StreamHash }

export function writeSource(writer: ByteWriter, source: Source): void {
  writer.u8(sourceKinds.indexOf(source.kind))
  writer.u16(source.shard)
}

export function readSource(reader: ByteReader): Source {
  return { kind: sourceKinds[reader.u8()] ?? 'gateway', shard: reader.u16() }
}

export function writeDestination(writer: ByteWriter, { topic, partition }: Destination): void {
  writer.u8(topics.indexOf(topic))
  writer.u16(partition)
}

export function readDestination(reader: ByteReader): Destination {
  return { topic: topics[reader.u8()] ?? 'risk.in', partition: reader.u16() }
}
