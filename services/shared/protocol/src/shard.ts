import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import type { Entry, EntryOf, ReplyAddress } from './entries.ts'
import { encodeEntry, hashAfter, type Frame, type FramedEntry, type Source } from './frame.ts'
import { emptyHash, type StreamHash } from './stream-hash.ts'
import {
  destinationKey,
  FIRST_EPOCH,
  InboundStream,
  InboundStreams,
  readDestination,
  readSource,
  sourceKey,
  writeDestination,
  writeSource,
  type Destination,
  type Dropped,
  type OutboundStream,
} from './streams.ts'

/** How many shards of each kind the exchange was created with. */
export type Topology = { readonly riskShards: number; readonly matchingShards: number }

/** What a machine may know and do while it applies one entry. It has no other way out. */
export interface Context {
  /** Log time, monotone. */
  readonly time: number
  /** The broker's time of this very record; may lie before `time`. */
  readonly appendedAt: number
  readonly source: Source
  /** Appends an entry to a stream and returns its sequence. */
  send(to: Destination, entry: Entry): number
  /** The sequence that the next entry to `to` will have. */
  nextSequence(to: Destination): number
  /** Answers a gateway, best effort. */
  reply(to: ReplyAddress, answer: Answer): void
}

export type Answer = Omit<EntryOf<'reply'>, 'type' | 'instance' | 'request' | 'shard' | 'position'>

/** A pure state machine: what follows from an entry depends on the entries so far and on nothing else. */
export interface Machine {
  readonly kind: 'risk' | 'matching'
  apply(entry: Entry, context: Context): void
  encode(writer: ByteWriter): void
  /** Rows that a reconciliation compares, as they are now. */
  cut(): unknown
  /** Parts of the state that no longer change: stored once, then only referred to by snapshots. */
  segments(): readonly Segment[]
}

/** An unchanging part of a machine's state. */
export type Segment = { readonly id: number; readonly body: Buffer }

/** Rebuilds a machine from its bytes and from the segments that they refer to. */
export type MachineDecoder<M extends Machine> = (
  reader: ByteReader,
  shard: number,
  topology: Topology,
  segments: readonly Segment[],
) => M

/** Bytes for one stream, with what a frame's header needs to know. */
export type Output = {
  readonly to: Destination
  readonly epoch: number
  readonly sequence: number
  readonly hashBefore: StreamHash
  readonly bytes: Buffer
  /** Nothing more of its command goes to this destination. */
  endsCommand: boolean
}

/** An encoded answer and its partition of `replies`. */
export type Reply = { readonly partition: number; readonly value: Buffer }

/** A finished cut: the state at the marker and what was under way to this shard when the others made theirs. */
export type Cut = {
  readonly marker: number
  readonly state: unknown
  readonly inFlight: readonly { readonly source: Source; readonly entry: Entry }[]
}

/** What one record made happen. */
export type Effects = { readonly outputs: Output[]; readonly replies: Reply[]; readonly cuts: Cut[] }

/** Faults seen on the inputs. They are about deliveries, so they are no part of the state. */
export type InboundCounts = {
  applied: number
  repeats: number
  gaps: number
  /** Entries of an epoch that is over: somebody still writes who should not. */
  stale: number
  leaps: number
}

const COUNTED_AS = { repeat: 'repeats', gap: 'gaps', stale: 'stale' } as const
const LEAP_MS = 5 * 60_000
const MARKERS_MAX = 16
/** 2 has an epoch for each inbound stream; 1 is written, and read by older versions, as long as all are the first. */
const SNAPSHOT_FORMATS = [1, 2]

type PendingCut = {
  readonly waitingFor: Set<string>
  readonly state: unknown
  readonly inFlight: Cut['inFlight'][number][]
}

/**
 * A machine with all that makes it exactly-once: sequences and hashes of its input and output streams, monotone log
 * time, the count of its inputs, and reconciliation's markers. Pure: it neither reads nor writes the log itself.
 */
export class Shard<M extends Machine> {
  readonly source: Source
  readonly topology: Topology
  readonly machine: M
  readonly counts: InboundCounts = { applied: 0, repeats: 0, gaps: 0, stale: 0, leaps: 0 }
  #inbound = new InboundStreams()
  readonly #outbound = new Map<string, OutboundStream & { readonly to: Destination }>()
  readonly #pendingCuts = new Map<number, PendingCut>()
  #log = ''
  #epoch = FIRST_EPOCH
  #version = 1
  #inputs = 0
  #time = 0
  #markerLast = 0

  constructor(machine: M, shard: number, topology: Topology) {
    this.machine = machine
    this.source = { kind: machine.kind, shard }
    this.topology = topology
  }

  get time(): number {
    return this.#time
  }

  /** Inputs applied since the exchange began: what `cause` counts. */
  get inputs(): number {
    return this.#inputs
  }

  /** Of what it writes from now on. */
  get epoch(): number {
    return this.#epoch
  }

  /** Name of the log that was read from its beginning, as its genesis entry gave it. */
  get log(): string {
    return this.#log
  }

  /** Last sequence of every stream read and written, for those who decide what may be forgotten. */
  positions(): { readonly read: Record<string, number>; readonly written: Record<string, number> } {
    return {
      read: Object.fromEntries([...this.#inbound].map(([key, stream]) => [key, stream.sequence])),
      written: Object.fromEntries([...this.#outbound].map(([key, stream]) => [key, stream.sequence])),
    }
  }

  /** Applies a record's frame. `appendedAt` is the broker's time of the record. */
  apply(frame: Frame, appendedAt: number): Effects {
    const effects: Effects = { outputs: [], replies: [], cuts: [] }
    if (this.#time > 0 && appendedAt - this.#time > LEAP_MS) this.counts.leaps++
    this.#time = Math.max(this.#time, appendedAt)
    if (frame.source.kind === 'genesis') this.#readGenesis(frame)
    for (const framed of this.#inbound.take(frame, this.#countDropped))
      this.#applyEntry(frame.source, framed, appendedAt, effects)
    return effects
  }

  /** Everything the next input's outcome depends on. */
  encode(): Buffer {
    const writer = new ByteWriter(64 * 1024)
    const hasEpochs = [...this.#inbound].some(([, { epoch }]) => epoch !== FIRST_EPOCH)
    writer.u8(hasEpochs ? 2 : 1)
    writeSource(writer, this.source)
    writer.u16(this.topology.riskShards)
    writer.u16(this.topology.matchingShards)
    writer.text(this.#log, 36)
    writer.u32(this.#epoch)
    writer.u8(this.#version)
    for (const value of [this.#inputs, this.#time, this.#markerLast]) writer.safe(value)
    writer.u16(this.#inbound.size)
    for (const [key, stream] of this.#inbound) {
      writer.text(key, 64)
      if (hasEpochs) writer.u32(stream.epoch)
      stream.encode(writer)
    }
    writer.u16(this.#outbound.size)
    for (const { to, sequence, hash } of this.#outbound.values()) {
      writeDestination(writer, to)
      writer.safe(sequence)
      writer.u32(hash.high)
      writer.u32(hash.low)
    }
    writer.u16(this.#pendingCuts.size)
    for (const [marker, { waitingFor }] of this.#pendingCuts) {
      writer.safe(marker)
      writer.u16(waitingFor.size)
      for (const key of waitingFor) writer.text(key, 64)
    }
    this.machine.encode(writer)
    return writer.take()
  }

  /** Rebuilds a shard from `encode`'s bytes. Throws a MalformedError where they are none. */
  static decode<M extends Machine>(
    bytes: Buffer,
    segments: readonly Segment[],
    decodeMachine: MachineDecoder<M>,
  ): Shard<M> {
    const reader = new ByteReader(bytes)
    const format = reader.u8()
    if (!SNAPSHOT_FORMATS.includes(format)) throw new MalformedError(`snapshot format ${format}`, 0)
    const source = readSource(reader)
    const topology = { riskShards: reader.u16(), matchingShards: reader.u16() }
    const header = {
      log: reader.text(36),
      epoch: reader.u32(),
      version: reader.u8(),
      inputs: reader.safe(),
      time: reader.safe(),
      markerLast: reader.safe(),
    }
    const inbound = times(reader.u16(), () => {
      const key = reader.text(64)
      const epoch = format === 1 ? FIRST_EPOCH : reader.u32()
      return [key, InboundStream.decode(reader, epoch)] as const
    })
    const outbound = times(reader.u16(), () => ({
      to: readDestination(reader),
      sequence: reader.safe(),
      hash: { high: reader.u32(), low: reader.u32() },
    }))
    const cuts = times(
      reader.u16(),
      () => [reader.safe(), times(reader.u16(), () => reader.text(64))] as const,
    )
    const shard = new Shard(decodeMachine(reader, source.shard, topology, segments), source.shard, topology)
    reader.finish()
    shard.#log = header.log
    shard.#epoch = header.epoch
    shard.#version = header.version
    shard.#inputs = header.inputs
    shard.#time = header.time
    shard.#markerLast = header.markerLast
    shard.#inbound = new InboundStreams(inbound)
    for (const stream of outbound) shard.#outbound.set(destinationKey(stream.to), stream)
    // A cut's rows are not kept over a restart: it ends without a state, and the operator asks again.
    for (const [marker, keys] of cuts) {
      shard.#pendingCuts.set(marker, { waitingFor: new Set(keys), state: undefined, inFlight: [] })
    }
    return shard
  }

  #readGenesis(frame: Frame): void {
    const [first] = frame.entries
    if (first?.entry.type !== 'genesis') throw new MalformedError('a genesis frame names no log', 0)
    if (this.#log !== '' && this.#log !== first.entry.log) {
      throw new Error(`this is log ${first.entry.log}, the state was built from log ${this.#log}`)
    }
    this.#log = first.entry.log
  }

  readonly #countDropped = (verdict: Dropped): void => void this.counts[COUNTED_AS[verdict]]++

  #applyEntry(source: Source, { entry }: FramedEntry, appendedAt: number, effects: Effects): void {
    this.#inputs++
    this.counts.applied++
    const firstOutput = effects.outputs.length
    if (entry.type === 'marker') this.#mark(entry.marker, source, effects)
    else if (entry.type === 'epoch') this.#begin(entry.epoch, effects)
    else {
      for (const cut of this.#pendingCuts.values()) {
        if (cut.waitingFor.has(sourceKey(source))) cut.inFlight.push({ source, entry })
      }
      this.machine.apply(entry, this.#context(source, appendedAt, effects))
    }
    const ended = new Set<string>()
    for (let i = effects.outputs.length - 1; i >= firstOutput; i--) {
      const output = effects.outputs[i]
      if (output === undefined) continue
      const key = destinationKey(output.to)
      output.endsCommand = !ended.has(key)
      ended.add(key)
    }
  }

  #context(source: Source, appendedAt: number, effects: Effects): Context {
    return {
      time: this.#time,
      appendedAt,
      source,
      send: (to, entry) => this.#send(to, entry, effects),
      nextSequence: (to) => this.#stream(to).sequence + 1,
      reply: (to, answer) => {
        const { instance, request, partition } = to
        if (instance === 0) return
        const position = this.#outbound.get(
          destinationKey({ topic: 'risk.out', partition: this.source.shard }),
        )
        const shard = this.source.shard
        const entry = {
          type: 'reply',
          ...answer,
          instance,
          request,
          shard,
          position: position?.sequence ?? 0,
        } as const
        effects.replies.push({ partition, value: this.#encodeReply(entry) })
      },
    }
  }

  #encodeReply(entry: EntryOf<'reply'>): Buffer {
    return encodeEntry(entry, { version: this.#version, cause: this.#inputs, time: this.#time })
  }

  #stream(to: Destination): OutboundStream {
    const key = destinationKey(to)
    let stream = this.#outbound.get(key)
    if (stream === undefined) {
      stream = { to, sequence: 0, hash: emptyHash }
      this.#outbound.set(key, stream)
    }
    return stream
  }

  #send(to: Destination, entry: Entry, effects: Effects): number {
    const stream = this.#stream(to)
    const bytes = encodeEntry(entry, { version: this.#version, cause: this.#inputs, time: this.#time })
    stream.sequence++
    effects.outputs.push({
      to,
      epoch: this.#epoch,
      sequence: stream.sequence,
      hashBefore: stream.hash,
      bytes,
      endsCommand: false,
    })
    stream.hash = hashAfter(stream.hash, bytes)
    return stream.sequence
  }

  /** A new epoch begins with the entry that says so, first on every stream. One that is not higher is known already. */
  #begin(epoch: number, effects: Effects): void {
    if (epoch <= this.#epoch) return
    this.#epoch = epoch
    for (const to of this.#destinations()) this.#send(to, { type: 'epoch', epoch }, effects)
  }

  #mark(marker: number, source: Source, effects: Effects): void {
    this.#dropSkippedCuts(marker, source)
    if (marker > this.#markerLast && this.#pendingCuts.size < MARKERS_MAX) {
      this.#markerLast = marker
      const waitingFor = new Set(this.#sources().map(sourceKey))
      this.#pendingCuts.set(marker, { waitingFor, state: this.machine.cut(), inFlight: [] })
      for (const to of this.#destinations()) this.#send(to, { type: 'marker', marker }, effects)
    }
    const pending = this.#pendingCuts.get(marker)
    if (pending === undefined) return
    pending.waitingFor.delete(sourceKey(source))
    if (pending.waitingFor.size > 0) return
    this.#pendingCuts.delete(marker)
    effects.cuts.push({ marker, state: pending.state, inFlight: pending.inFlight })
  }

  /** Markers ascend on every stream: a cut that still waits for an older one of this source would wait for ever. */
  #dropSkippedCuts(marker: number, source: Source): void {
    for (const [older, { waitingFor }] of this.#pendingCuts) {
      if (older < marker && waitingFor.has(sourceKey(source))) this.#pendingCuts.delete(older)
    }
  }

  /** Every shard that writes a stream to this one. */
  #sources(): Source[] {
    const { riskShards, matchingShards } = this.topology
    const risk = times(riskShards, (shard) => ({ kind: 'risk', shard }) as const)
    if (this.source.kind === 'matching') return risk
    const others = risk.filter(({ shard }) => shard !== this.source.shard)
    return [...others, ...times(matchingShards, (shard) => ({ kind: 'matching', shard }) as const)]
  }

  /** Every stream that this shard writes. */
  #destinations(): Destination[] {
    const { riskShards, matchingShards } = this.topology
    const { kind, shard } = this.source
    const risk = times(riskShards, (partition) => ({ topic: 'risk.in', partition }) as const)
    if (kind === 'matching') return [...risk, { topic: 'orders.out', partition: shard }]
    const books = times(matchingShards, (partition) => ({ topic: 'orders.in', partition }) as const)
    return [
      ...risk.filter(({ partition }) => partition !== shard),
      ...books,
      { topic: 'risk.out', partition: shard },
    ]
  }
}

function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
