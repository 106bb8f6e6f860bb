import { ByteReader, ByteWriter, MalformedError } from '@bourse/protocol/bytes'
import type { StreamHash } from '@bourse/protocol/stream-hash'
import type { StreamPosition } from '@bourse/protocol/streams'
import type { InputName, Tally } from './largest-cut.ts'

/** A source's last entry in what is kept of an input, and the running hash after it. */
export type KeptStream = StreamPosition & { readonly hash: StreamHash }

export type InputPosition = InputName & {
  /** Where the copy goes on behind the last record that was kept. */
  readonly next: number
  /** That record: by it copy and cut prove to be the same. Undefined where none is kept. */
  readonly last: { readonly timestamp: number; readonly hash: StreamHash } | undefined
  readonly kept: Readonly<Tally>
  /** The shard's monotone log time. */
  readonly time: number
  /** By the source's key. */
  readonly streams: ReadonlyMap<string, KeptStream>
  /** Numbers of inputs and the log times that they were the last to have, ascending. */
  readonly times: readonly (readonly [input: number, time: number])[]
}

/** How far a cut has come: all that it needs to go on from here as if it had never stopped. */
export type CutPosition = {
  /** Name of the log; empty before a first record was read. */
  readonly log: string
  readonly epoch: number
  /** In the order of the cut's names. */
  readonly inputs: readonly InputPosition[]
}

const FORMAT = 1
const INPUTS_MAX = 512
const STREAMS_MAX = 1_024
/** Log times of an input that a position has. Causes lie a moment back; those of before are not compared any more. */
export const TIMES_SAVED_MAX = 1_024
const TOPICS = ['risk.in', 'orders.in'] as const
const LOG_BYTES_MAX = 36
const SOURCE_BYTES_MAX = 64

export function encodePosition({ log, epoch, inputs }: CutPosition): Buffer {
  const writer = new ByteWriter(64 * 1024)
  writer.u8(FORMAT)
  writer.text(log, LOG_BYTES_MAX)
  writer.u32(epoch)
  writer.u16(inputs.length)
  for (const input of inputs) writeInput(writer, input)
  return writer.take()
}

/** @throws MalformedError where the bytes are no position */
export function decodePosition(bytes: Buffer): CutPosition {
  const reader = new ByteReader(bytes)
  const format = reader.u8()
  if (format !== FORMAT) throw new MalformedError(`position format ${format}`, 0)
  const log = reader.text(LOG_BYTES_MAX)
  const epoch = reader.u32()
  const inputs = several(reader, INPUTS_MAX, () => readInput(reader))
  reader.finish()
  return { log, epoch, inputs }
}

function writeInput(writer: ByteWriter, input: InputPosition): void {
  const { topic, partition, next, last, kept, time, streams, times } = input
  writer.u8(TOPICS.indexOf(topic))
  writer.u16(partition)
  for (const value of [next, kept.records, kept.entries, kept.commands, time]) writer.safe(value)
  writer.u8(last === undefined ? 0 : 1)
  if (last !== undefined) {
    writer.safe(last.timestamp)
    writer.safe(kept.from ?? 0)
    writer.safe(kept.to ?? 0)
    writeHash(writer, last.hash)
  }
  writer.u16(streams.size)
  for (const [source, { epoch, sequence, hash }] of streams) {
    writer.text(source, SOURCE_BYTES_MAX)
    writer.u32(epoch)
    writer.safe(sequence)
    writeHash(writer, hash)
  }
  writer.u16(times.length)
  for (const [number, at] of times) {
    writer.safe(number)
    writer.safe(at)
  }
}

function readInput(reader: ByteReader): InputPosition {
  const topic = TOPICS[reader.u8()]
  if (topic === undefined) throw new MalformedError('a topic that is no input', reader.position - 1)
  const partition = reader.u16()
  const next = reader.safe()
  const counts = { records: reader.safe(), entries: reader.safe(), commands: reader.safe() }
  const time = reader.safe()
  const hasLast = reader.u8() === 1
  if (hasLast !== counts.records > 0) throw new MalformedError('records without a last one', reader.position)
  const timestamp = hasLast ? reader.safe() : 0
  const [from, to] = hasLast ? [reader.safe(), reader.safe()] : []
  const last = hasLast ? { timestamp, hash: readHash(reader) } : undefined
  const streams = several(reader, STREAMS_MAX, () => {
    const source = reader.text(SOURCE_BYTES_MAX)
    return [source, { epoch: reader.u32(), sequence: reader.safe(), hash: readHash(reader) }] as const
  })
  const times = several(reader, TIMES_SAVED_MAX, () => [reader.safe(), reader.safe()] as const)
  return {
    ...{ topic, partition, next, last, kept: { ...counts, from, to }, time },
    ...{ streams: new Map(streams), times },
  }
}

function several<Value>(reader: ByteReader, max: number, read: () => Value): Value[] {
  const count = reader.u16()
  if (count > max) throw new MalformedError(`${count} where at most ${max} may be`, reader.position - 2)
  return Array.from({ length: count }, read)
}

function writeHash(writer: ByteWriter, { high, low }: StreamHash): void {
  writer.u32(high)
  writer.u32(low)
}

const readHash = (reader: ByteReader): StreamHash => ({ high: reader.u32(), low: reader.u32() })
