import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { ArchiveError } from './archive-error.ts'
import { fileNameOf, folderOf, type ArchivedInput } from './file-name.ts'

/** A record of an input, as the log has it. */
export type ArchivedRecord = {
  readonly offset: number
  /** Log time, in milliseconds since 1970. */
  readonly timestamp: number
  readonly value: Buffer
}

/** Successive records of one input, at least one. */
export type InputFile = {
  /** The log's name, from its genesis record. */
  readonly log: string
  readonly records: readonly ArchivedRecord[]
}

/** Part of the format: whoever looks for the file that ends at an offset need not look further back than this. */
export const FILE_RECORDS_MAX = 65_536

/** The offset after a file's last record. */
export const endOf = ({ records }: InputFile): number => (records.at(-1)?.offset ?? -1) + 1

/** Parquet, so that anybody can read it for as long as it is kept: columns `offset`, `log_time`, `value`. */
export function encodeInputFile({ topic, partition }: ArchivedInput, { log, records }: InputFile): Buffer {
  const bytes = parquetWriteBuffer({
    columnData: [
      {
        ...{ name: 'offset', type: 'INT64', nullable: false, encoding: 'DELTA_BINARY_PACKED' },
        data: records.map(({ offset }) => BigInt(offset)),
      },
      {
        ...{ name: 'log_time', type: 'TIMESTAMP', nullable: false, encoding: 'DELTA_BINARY_PACKED' },
        data: records.map(({ timestamp }) => new Date(timestamp)),
      },
      {
        ...{ name: 'value', type: 'BYTE_ARRAY', nullable: false, encoding: 'PLAIN', statistics: false },
        data: records.map(({ value }) => value),
      },
    ],
    codec: 'SNAPPY',
    rowGroupSize: FILE_RECORDS_MAX,
    kvMetadata: Object.entries({ topic, partition: String(partition), log }).map(([key, value]) => ({
      key,
      value,
    })),
    createdBy: 'bourse archive',
  })
  return Buffer.from(bytes)
}

/**
 * Reads a file that should begin at `first`, and proves that it is what its place says: topic, partition, and offsets
 * one after the other.
 *
 * @throws ArchiveError `file_damaged`
 */
export async function decodeInputFile(
  input: ArchivedInput,
  first: number,
  bytes: Buffer,
): Promise<InputFile> {
  const where = `${folderOf(input)}${fileNameOf(first)}`
  const damaged = (what: string, options?: ErrorOptions) =>
    new ArchiveError('file_damaged', `${where}: ${what}`, options)
  const { facts, rows } = await parse(bytes).catch((cause: Error) => {
    throw damaged(cause.message, { cause })
  })
  const { topic, partition, log } = facts
  if (topic !== input.topic || partition !== String(input.partition))
    throw damaged(`it is of ${topic}/${partition}`)
  if (log === undefined || log === '') throw damaged('it does not name its log')
  if (rows.length === 0 || rows.length > FILE_RECORDS_MAX) throw damaged(`it has ${rows.length} records`)
  const records = rows.map((row, i) => {
    const record = recordOf(row)
    if (record === undefined) throw damaged(`row ${i} is no record`)
    if (record.offset !== first + i) throw damaged(`row ${i} has offset ${record.offset}, not ${first + i}`)
    return record
  })
  return { log, records }
}

type Row = Readonly<Record<string, unknown>>

async function parse(bytes: Buffer): Promise<{ facts: Readonly<Record<string, string>>; rows: Row[] }> {
  // A copy: what is decoded refers to it, and the buffer may be a part of a larger one.
  const file = new Uint8Array(bytes).buffer
  const metadata = parquetMetadata(file)
  const facts = (metadata.key_value_metadata ?? []).map(({ key, value = '' }) => [key, value] as const)
  return {
    facts: Object.fromEntries(facts),
    rows: await parquetReadObjects({ file, metadata, utf8: false }),
  }
}

function recordOf({ offset, log_time: time, value }: Row): ArchivedRecord | undefined {
  if (typeof offset !== 'bigint' || !(time instanceof Date) || !(value instanceof Uint8Array))
    return undefined
  return {
    offset: Number(offset),
    timestamp: time.getTime(),
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  }
}
