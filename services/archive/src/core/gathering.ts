import { ArchiveError } from '@bourse/input-archive/archive-error'
import { FILE_RECORDS_MAX, type ArchivedRecord } from '@bourse/input-archive/input-file'

/** Bytes of values from which on a file is full. The last record goes in whole. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024

/** The records of one input that are in no file yet. Pure: `now` is any clock's milliseconds that never go back. */
export class Gathering {
  #records: ArchivedRecord[] = []
  #bytes = 0
  #next: number
  #since: number | undefined

  /** @param next offset of the first record that is wanted */
  constructor(next: number) {
    this.#next = next
  }

  /** Of the record that the next file begins with. */
  get first(): number {
    return this.#next - this.#records.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes the next record; one from before is dropped.
   *
   * @throws ArchiveError `input_incomplete`: an input has no gaps
   */
  take(record: ArchivedRecord, now: number): void {
    if (record.offset < this.#next) return
    if (record.offset > this.#next)
      throw new ArchiveError('input_incomplete', `offset ${record.offset} comes after ${this.#next - 1}`)
    this.#records.push(record)
    this.#bytes += record.value.length
    this.#next++
    this.#since ??= now
  }

  /** How long the oldest record has waited, or longer; 0 without one. */
  age(now: number): number {
    return this.#since === undefined ? 0 : now - this.#since
  }

  isFull(): boolean {
    return this.#bytes >= FILE_BYTES_MAX || this.#records.length >= FILE_RECORDS_MAX
  }

  /** What the next file is to have: as much as it may. */
  file(): readonly ArchivedRecord[] {
    let count = 0
    for (let bytes = 0; count < this.#records.length; count++) {
      if (bytes >= FILE_BYTES_MAX || count >= FILE_RECORDS_MAX) break
      bytes += this.#records[count]?.value.length ?? 0
    }
    return this.#records.slice(0, count)
  }

  /** Everything before `end` is in a file now; it may be more than was gathered. */
  archived(end: number): void {
    const kept = this.#records.filter(({ offset }) => offset >= end)
    this.#records = kept
    this.#bytes = kept.reduce((sum, { value }) => sum + value.length, 0)
    this.#next = Math.max(this.#next, end)
    if (kept.length === 0) this.#since = undefined
  }
}
