import { dayOf, type EventsFile, type Position } from './position.ts'

/** Bytes of bodies, and rows, from which on a file is full. The last record goes in whole. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024
export const FILE_ROWS_MAX = 65_536
/** What a row needs beside its body, about. */
const ROW_BYTES = 128

const sizeOf = ({ rows }: EventsFile): number =>
  rows.reduce((sum, { body }) => sum + body.length + ROW_BYTES, 0)

const dayOfPart = ({ rows }: EventsFile): number => dayOf(rows[0]?.time ?? 0)

/**
 * The rows of one output that are in no file yet, in parts that a file does not divide: those of one record and day.
 * So all writers end a day's files at the ends of records, and no two files of a day begin in one. Pure.
 */
export class Gathering {
  #parts: EventsFile[] = []
  #bytes = 0
  #rows = 0
  #since: number | undefined

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  take(parts: readonly EventsFile[], now: number): void {
    for (const part of parts) {
      this.#parts.push(part)
      this.#bytes += sizeOf(part)
      this.#rows += part.rows.length
      this.#since ??= now
    }
  }

  /** How long the oldest row has waited, or longer; 0 without one. */
  age(now: number): number {
    return this.#since === undefined ? 0 : now - this.#since
  }

  /** Full, or nothing more can come to it, because its day is over. */
  isFull(): boolean {
    const [first] = this.#parts
    const last = this.#parts.at(-1)
    if (first === undefined || last === undefined) return false
    const isOver = dayOfPart(first) !== dayOfPart(last)
    return isOver || this.#bytes >= FILE_BYTES_MAX || this.#rows >= FILE_ROWS_MAX
  }

  /** What the next file is to have: as much of one day as it may; undefined where there is nothing. */
  file(): EventsFile | undefined {
    const [first] = this.#parts
    if (first === undefined) return undefined
    const chosen: EventsFile[] = []
    let bytes = 0
    let rows = 0
    for (const part of this.#parts) {
      if (dayOfPart(part) !== dayOfPart(first) || bytes >= FILE_BYTES_MAX || rows >= FILE_ROWS_MAX) break
      chosen.push(part)
      bytes += sizeOf(part)
      rows += part.rows.length
    }
    return { rows: chosen.flatMap((part) => part.rows), after: chosen.at(-1)?.after ?? first.after }
  }

  /** Everything up to a position is in a file now; it may be more than was gathered. */
  written({ lastSequence }: Position): void {
    this.#parts = this.#parts.filter(({ after }) => after.lastSequence > lastSequence)
    this.#bytes = this.#parts.reduce((sum, part) => sum + sizeOf(part), 0)
    this.#rows = this.#parts.reduce((sum, { rows }) => sum + rows.length, 0)
    if (this.#parts.length === 0) this.#since = undefined
  }
}
