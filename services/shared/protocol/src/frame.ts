import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import { readEntry, writeEntry, type Entry } from './entries.ts'
import { emptyHash, extendHash, type StreamHash } from './stream-hash.ts'

/**
 * One Kafka record: a frame of whole entries for one destination. Little-endian.
 *
 *     u16 magic · u8 format · u8 flags · u8 source kind · u8 0 · u16 source shard · u32 epoch
 *     u64 sequence of the first entry · u32 u32 running hash before it · u16 entries
 *     then per entry: u32 length · u8 code version · u64 cause · u64 time · u8 kind · body
 *
 * `cause` is the number of the input that made the sender write the entry, `time` the sender's log time then. Entries of
 * gateways have no sequence, cause or time (all 0), and no hash: their order and time are the record's.
 */

export const FRAME_BYTES_MAX = 512 * 1024
export const ENTRIES_PER_FRAME_MAX = 65_535
const FRAME_MAGIC = 0xb0e5
const FRAME_FORMAT = 1
const HEADER_BYTES = 30
const FLAG_ENDS_COMMAND = 1

/** Who writes: gateways and operators without a sequence, shards with one; `genesis` begins a partition. */
export const sourceKinds = ['gateway', 'risk', 'matching', 'genesis'] as const
export type SourceKind = (typeof sourceKinds)[number]
export type Source = { readonly kind: SourceKind; readonly shard: number }

export type FrameHeader = {
  readonly source: Source
  readonly epoch: number
  /** Of the first entry; the others follow without a gap. 0 for gateways. */
  readonly sequence: number
  readonly hashBefore: StreamHash
  /** The frame's last entry is the last of its command. */
  readonly endsCommand: boolean
}

/** An entry as it stands in a frame. `bytes` is what its sender's running hash covers. */
export type FramedEntry = {
  readonly sequence: number
  readonly version: number
  readonly cause: number
  readonly time: number
  readonly entry: Entry
  readonly bytes: Buffer
}

export type Frame = FrameHeader & { readonly entries: readonly FramedEntry[] }

const scratch = new ByteWriter(4096)

/** An entry's bytes, the way frames carry and hashes cover them. */
export function encodeEntry(entry: Entry, { version, cause, time }: EntryStamp): Buffer {
  scratch.clear()
  scratch.u32(0)
  scratch.u8(version)
  scratch.safe(cause)
  scratch.safe(time)
  writeEntry(scratch, entry)
  scratch.patchU32(0, scratch.length - 4)
  return scratch.take()
}

export type EntryStamp = { readonly version: number; readonly cause: number; readonly time: number }

/** Puts encoded entries into one frame. Refuses what no reader would take. */
export function encodeFrame(header: FrameHeader, entries: readonly Buffer[]): Buffer {
  if (entries.length === 0 || entries.length > ENTRIES_PER_FRAME_MAX) {
    throw new RangeError(`a frame of ${entries.length} entries`)
  }
  const writer = new ByteWriter(HEADER_BYTES)
  writer.u16(FRAME_MAGIC)
  writer.u8(FRAME_FORMAT)
  writer.u8(header.endsCommand ? FLAG_ENDS_COMMAND : 0)
  writer.u8(sourceKinds.indexOf(header.source.kind))
  writer.u8(0)
  writer.u16(header.source.shard)
  writer.u32(header.epoch)
  writer.safe(header.sequence)
  writer.u32(header.hashBefore.high)
  writer.u32(header.hashBefore.low)
  writer.u16(entries.length)
  const frame = Buffer.concat([writer.take(), ...entries])
  if (frame.length > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${frame.length} bytes`)
  return frame
}

/**
 * A gateway's or operator's frame: entries without sequences. Where two writers may say the same at the same time,
 * `nonce` keeps their frames apart: a copier's repeat is told by its bytes.
 */
export function encodeCommands(entries: readonly Entry[], nonce: StreamHash = emptyHash): Buffer {
  const stamp = { version: 0, cause: 0, time: 0 }
  return encodeFrame(
    {
      source: { kind: 'gateway', shard: 0 },
      epoch: 0,
      sequence: 0,
      hashBefore: nonce,
      endsCommand: true,
    },
    entries.map((entry) => encodeEntry(entry, stamp)),
  )
}

/** Reads a whole frame or throws a MalformedError with the byte position: nothing is ever half applied. */
export function decodeFrame(bytes: Buffer): Frame {
  if (bytes.length > FRAME_BYTES_MAX) throw new MalformedError(`frame of ${bytes.length} bytes`, 0)
  const reader = new ByteReader(bytes)
  const { header, count } = readHeader(reader)
  const entries: FramedEntry[] = []
  let at = reader.position
  for (let i = 0; i < count; i++) {
    const length = new ByteReader(bytes, at).u32()
    if (length > bytes.length - at - 4) throw new MalformedError(`entry of ${length} bytes`, at)
    const end = at + 4 + length
    entries.push(readFramed(bytes, at, end, header.sequence === 0 ? 0 : header.sequence + i))
    at = end
  }
  if (at !== bytes.length) throw new MalformedError(`${bytes.length - at} bytes too many`, at)
  return { ...header, entries }
}

/** The running hash after one more entry. */
export const hashAfter = (before: StreamHash, entry: Buffer): StreamHash =>
  extendHash(before, entry, 0, entry.length)

function readHeader(reader: ByteReader): { header: FrameHeader; count: number } {
  if (reader.u16() !== FRAME_MAGIC) throw new MalformedError('not a frame', 0)
  const format = reader.u8()
  if (format !== FRAME_FORMAT) throw new MalformedError(`frame format ${format}`, 2)
  const flags = reader.u8()
  const kind = sourceKinds[reader.u8()]
  if (kind === undefined) throw new MalformedError('unknown kind of source', 4)
  if (reader.u8() !== 0) throw new MalformedError('reserved byte in use', 5)
  const source = { kind, shard: reader.u16() }
  const epoch = reader.u32()
  const sequence = reader.safe()
  const hashBefore = { high: reader.u32(), low: reader.u32() }
  const count = reader.u16()
  if (count === 0) throw new MalformedError('frame without entries', HEADER_BYTES - 2)
  if (flags > FLAG_ENDS_COMMAND) throw new MalformedError(`unknown flags ${flags}`, 3)
  const header = { source, epoch, sequence, hashBefore, endsCommand: flags === FLAG_ENDS_COMMAND }
  return { header, count }
}

function readFramed(bytes: Buffer, start: number, end: number, sequence: number): FramedEntry {
  const reader = new ByteReader(bytes, start + 4, end)
  const version = reader.u8()
  const cause = reader.safe()
  const time = reader.safe()
  const entry = readEntry(reader)
  reader.finish()
  return { sequence, version, cause, time, entry, bytes: bytes.subarray(start, end) }
}
