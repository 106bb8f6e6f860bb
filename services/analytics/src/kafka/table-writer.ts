import { isDeepStrictEqual } from 'node:util'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { Gatherer } from '@bourse/platform/kafka/gathering-consumer'
import { verdicts, type Verdict } from '@bourse/protocol/streams'
import { EventReader } from '../core/event-reader.ts'
import { Gathering } from '../core/gathering.ts'
import type { EventsFile, Output, Position } from '../core/position.ts'
import { outputKey } from '../core/position.ts'
import { TablesError } from '../core/tables-error.ts'
import type { Tables } from '../parquet/tables.ts'

/** What became of one file of `events` and its trades. */
export type Written = {
  /** By whom the file of `events` was written, which decides what the range has. */
  readonly by: 'us' | 'another'
  readonly rows: number
  readonly trades: number
  /** Of the files that we wrote. */
  readonly files: Readonly<Partial<Record<'events' | 'trades', { readonly bytes: number }>>>
  /** Log time up to which the tables go now. */
  readonly logTimeMs: number
}

export type WriterEvents = {
  readonly read: (output: Output, verdict: Verdict, entries: number) => void
}

export type TableWriterOptions = {
  readonly output: Output
  readonly tables: Pick<Tables, 'readEvents' | 'writeEvents' | 'writeTrades'>
  /** Where the output's chain ends. Its last file's trades must be there. */
  readonly position: Position
  readonly events: WriterEvents
}

/** Writes one output on behind the chain of its files. Of several that do, each goes on where the chain ends. */
export class TableWriter implements Gatherer<Written> {
  readonly gathering = new Gathering()
  readonly #options: TableWriterOptions
  #reader: EventReader
  #position: Position

  constructor(options: TableWriterOptions) {
    this.#options = options
    this.#position = options.position
    this.#reader = new EventReader(options.output, options.position)
  }

  /** What brought no row is done with when everything before it is. */
  get end(): number {
    return this.gathering.isEmpty ? this.#reader.next : this.#position.nextOffset
  }

  take(message: Message, now: number): void {
    this.gathering.take(this.#reader.read(message), now)
    this.#count()
  }

  /**
   * Writes the next file and its trades, or finds that somebody has. The file of `events` is first: from it the
   * trades follow, for whoever finds it after a crash in between.
   *
   * @throws TablesError `file_differs`, `file_damaged`: the chain cannot be continued
   */
  async write(): Promise<Written | undefined> {
    const { output, tables } = this.#options
    const file = this.gathering.file()
    if (file === undefined) return undefined
    const { outcome, bytes } = await tables.writeEvents(output, file)
    const found = outcome === 'written' ? file : await this.#sameAs(file)
    const trades = await tables.writeTrades(output, found)
    this.#goOnBehind(found.after)
    return {
      by: outcome === 'written' ? 'us' : 'another',
      rows: found.rows.length,
      trades: trades?.trades ?? 0,
      files: {
        ...(outcome === 'written' ? { events: { bytes } } : {}),
        ...(trades?.outcome === 'written' ? { trades: { bytes: trades.bytes } } : {}),
      },
      logTimeMs: found.after.lastTime,
    }
  }

  #goOnBehind(position: Position): void {
    this.#position = position
    this.gathering.written(position)
    if (position.lastSequence > this.#reader.lastSequence)
      this.#reader = new EventReader(this.#options.output, position)
  }

  /** The file that has the name already. What it and we both have must be the same, and so what follows. */
  async #sameAs(ours: EventsFile): Promise<EventsFile> {
    const { output, tables } = this.#options
    const found = await tables.readEvents(output, ours)
    const other = ours.rows.find((row, i) => i < found.rows.length && !isDeepStrictEqual(row, found.rows[i]))
    const sameEnd = found.after.lastSequence === ours.after.lastSequence
    const where = `the file of ${outputKey(output)} from entry ${ours.rows[0]?.sequence} on`
    if (other !== undefined)
      throw new TablesError(
        'file_differs',
        `${where} has another row than the log at entry ${other.sequence}`,
      )
    if (found.after.log !== ours.after.log || (sameEnd && !isDeepStrictEqual(found.after, ours.after)))
      throw new TablesError('file_differs', `${where} ends elsewhere than the log`)
    return found
  }

  #count(): void {
    const { output, events } = this.#options
    for (const verdict of verdicts) {
      const entries = this.#reader.counts[verdict]
      this.#reader.counts[verdict] = 0
      if (entries > 0) events.read(output, verdict, entries)
    }
  }
}
