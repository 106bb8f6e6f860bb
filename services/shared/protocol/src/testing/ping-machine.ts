import { encodeCommands, encodeEntry, encodeFrame, hashAfter, type Source } from '../frame.ts'
import type { ByteReader, ByteWriter } from '../bytes.ts'
import type { Entry } from '../entries.ts'
import type { LogRecord } from '../replica.ts'
import { Shard, type Context, type Machine, type Topology } from '../shard.ts'
import { emptyHash, type StreamHash } from '../stream-hash.ts'
import { FIRST_EPOCH } from '../streams.ts'

export const topology: Topology = { riskShards: 2, matchingShards: 1 }

/** The smallest machine of use: counts what it applies and passes every tick on, to risk.out and to the other shard. */
export class PingMachine implements Machine {
  readonly kind = 'risk'
  applied = 0

  apply(entry: Entry, context: Context): void {
    this.applied++
    if (entry.type !== 'tick') return
    context.send({ topic: 'risk.out', partition: 0 }, entry)
    context.send({ topic: 'risk.in', partition: 1 }, entry)
  }

  encode(writer: ByteWriter): void {
    writer.safe(this.applied)
  }

  static decode(reader: ByteReader): PingMachine {
    return Object.assign(new PingMachine(), { applied: reader.safe() })
  }

  cut(): unknown {
    return this.applied
  }

  segments(): readonly [] {
    return []
  }
}

export const newShard = (): Shard<PingMachine> => new Shard(new PingMachine(), 0, topology)

/** Writes one source's stream in frames. */
export class StreamWriter {
  epoch = FIRST_EPOCH
  readonly #source: Source
  #sequence = 0
  #hash: StreamHash = emptyHash

  constructor(source: Source) {
    this.#source = source
  }

  frame(...entries: readonly Entry[]): Buffer {
    const stamp = { version: 1, cause: 1, time: 1 }
    const encoded = entries.map((entry) => encodeEntry(entry, stamp))
    const header = {
      source: this.#source,
      epoch: this.epoch,
      sequence: this.#sequence + 1,
      endsCommand: true,
    }
    const frame = encodeFrame({ ...header, hashBefore: this.#hash }, encoded)
    this.#sequence += encoded.length
    for (const bytes of encoded) this.#hash = hashAfter(this.#hash, bytes)
    return frame
  }
}

/** A log of ticks as gateways write them, one a record. */
export const ticks = (count: number): LogRecord[] =>
  Array.from({ length: count }, (_, offset) => ({
    offset,
    timestamp: 1_000 + offset,
    value: encodeCommands([{ type: 'tick', number: offset + 1 }]),
  }))
