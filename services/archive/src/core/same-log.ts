import { ArchiveError } from '@bourse/input-archive/archive-error'
import { endOf, type ArchivedRecord, type InputFile } from '@bourse/input-archive/input-file'
import { decodeFrame } from '@bourse/protocol/frame'

/** The log's name, as its first record says it. @throws ArchiveError `input_incomplete` where it is no such record */
export function logNamedBy(value: Buffer): string {
  const [first] = decodeFrame(value).entries
  if (first?.entry.type === 'genesis') return first.entry.log
  throw new ArchiveError('input_incomplete', 'the log does not begin with its first record')
}

export const isSame = (one: ArchivedRecord, other: ArchivedRecord): boolean =>
  one.offset === other.offset && one.timestamp === other.timestamp && one.value.equals(other.value)

/** What is known of a partition of the log before its archive goes on. */
export type LogFacts = {
  /** The log's name. */
  readonly log: string
  /** The offset after its last record. */
  readonly high: number
  /** The record at the offset of the last that is archived; undefined where the log has none there. */
  readonly record: ArchivedRecord | undefined
}

/**
 * An archive is continued by its own log alone: a cut begins with the same records and goes on with others.
 *
 * @throws ArchiveError `archive_of_another_log`
 */
export function requireSameLog(last: InputFile, { log, high, record }: LogFacts): void {
  const end = endOf(last)
  const refuse = (what: string): never => {
    throw new ArchiveError('archive_of_another_log', `${what}. Give this log an archive under another prefix`)
  }
  if (last.log !== log) refuse(`the archive is of log ${last.log}, and this is log ${log}`)
  if (end > high) refuse(`the archive goes up to offset ${end - 1}, and the log ends before ${high}`)
  const archived = last.records.at(-1)
  if (archived === undefined || record === undefined || !isSame(archived, record))
    refuse(`at offset ${end - 1} the archive has another record than the log, which has another history`)
}
