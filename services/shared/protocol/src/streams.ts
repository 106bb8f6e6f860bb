import type { ByteReader, ByteWriter } from './bytes.ts'
import { hashAfter, sourceKinds, type Source } from './frame.ts'
import { emptyHash, sameHash, type StreamHash } from './stream-hash.ts'

export const topics = ['risk.in', 'orders.in', 'orders.out', 'risk.out'] as const
export type Topic = (typeof topics)[number]

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

export type Verdict = 'next' | 'repeat' | 'gap'

/** A receiver's memory of one source's stream: what came last, and the running hashes of what came lately. */
export class InboundStream {
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

  /**
   * Decides about one entry and, if it is the next, takes it. A repeat is to be dropped, an entry beyond the next to
   * be ignored. Throws a DivergenceError where content differs from what this receiver has seen.
   *
   * @param before the sender's running hash before this entry
   */
  accept(sequence: number, before: StreamHash, bytes: Buffer): Verdict {
    if (sequence > this.#sequence + 1) return 'gap'
    const after = hashAfter(before, bytes)
    if (sequence <= this.#sequence) {
      this.#compare(sequence, after)
      return 'repeat'
    }
    if (!sameHash(before, this.#hash)) {
      throw new DivergenceError(`entry ${sequence} follows another history than the one received`)
    }
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

  static decode(reader: ByteReader): InboundStream {
    const stream = new InboundStream()
    stream.#sequence = reader.safe()
    stream.#hash = { high: reader.u32(), low: reader.u32() }
    for (let i = 0; i < stream.#recent.length; i++) stream.#recent[i] = reader.u32()
    return stream
  }

  /** A receiver that keeps its position elsewhere (settlement's offset row) begins from there. */
  static resume(sequence: number, hash: StreamHash): InboundStream {
    const stream = new InboundStream()
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
