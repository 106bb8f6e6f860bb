import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ArchiveStore } from '@bourse/input-archive/archive-store'
import { dayOf, type EventsFile, type Output } from '../core/position.ts'
import { TablesError } from '../core/tables-error.ts'
import { tradeRows } from '../core/trade-rows.ts'
import { decodeEvents, decodeTrades, encodeEvents, encodeTrades } from './table-file.ts'

const DAY_MS = 86_400_000
/** Offsets in names have so many digits, so that names sort as offsets do. */
const OFFSET_DIGITS = 20
const DAY_FOLDER = /^day=\d{4}-\d\d-\d\d$/

type Table = 'events' | 'trades'

const prefixOf = ({ topic, partition }: Output): string => `${topic}-${partition}-`

/** `events/day=2026-11-30/orders.out-0-00000000000000000001.parquet`: both tables' files of one range have one name. */
function nameOf(table: Table, output: Output, { rows: [first] }: EventsFile): string {
  if (first === undefined) throw new RangeError('a file has at least one row')
  const day = new Date(dayOf(first.time) * DAY_MS).toISOString().slice(0, 10)
  return `${table}/day=${day}/${prefixOf(output)}${String(first.offset).padStart(OFFSET_DIGITS, '0')}.parquet`
}

export type Outcome = {
  readonly outcome: 'written' | 'exists'
  /** How large the file is, or would have been. */
  readonly bytes: number
}

/**
 * The tables in an object store. An output's files of `events` are a chain: each begins where the one before it ends, and
 * says where it ends itself. Its file of `trades` follows from it. Names follow from the log and are written once.
 */
export class Tables {
  readonly #store: ArchiveStore

  constructor(store: ArchiveStore) {
    this.#store = store
  }

  get place(): string {
    return this.#store.place
  }

  /** The file in which an output's chain ends; undefined where it has none. @throws TablesError `file_damaged` */
  async last(output: Output): Promise<EventsFile | undefined> {
    const days: string[] = []
    for await (const folder of this.#store.folders('events/')) if (DAY_FOLDER.test(folder)) days.push(folder)
    for (const day of days.reverse()) {
      let last: string | undefined
      for await (const name of this.#namesOf(output, `events/${day}/`)) last = name
      if (last !== undefined) return this.#read(output, last)
    }
    return undefined
  }

  async *#namesOf(output: Output, folder: string): AsyncGenerator<string> {
    const prefix = prefixOf(output)
    for await (const name of this.#store.list(folder, prefix)) {
      if (!name.startsWith(prefix)) return
      yield `${folder}${name}`
    }
  }

  /** Writes a file of `events`, unless there is one of its name. */
  async writeEvents(output: Output, file: EventsFile): Promise<Outcome> {
    // Encoding holds the event loop: others have their turn between two files.
    await turn()
    const bytes = encodeEvents(output, file)
    return {
      outcome: await this.#store.writeOnce(nameOf('events', output, file), bytes),
      bytes: bytes.length,
    }
  }

  /** The file of `events` that has the name which this one would have. @throws TablesError `file_damaged` */
  readEvents(output: Output, file: EventsFile): Promise<EventsFile> {
    return this.#read(output, nameOf('events', output, file))
  }

  /**
   * Makes sure that the trades of a file of `events` are in the other table; undefined where it has none. It has to be
   * done for each file before the next one of `events` is written: then only the last can lack its trades.
   *
   * @throws TablesError `file_differs`, `file_damaged`
   */
  async writeTrades(output: Output, file: EventsFile): Promise<(Outcome & { trades: number }) | undefined> {
    const rows = tradeRows(file)
    if (rows.length === 0) return undefined
    const name = nameOf('trades', output, file)
    const bytes = encodeTrades(output, rows)
    const outcome = await this.#store.writeOnce(name, bytes)
    if (
      outcome === 'exists' &&
      !isDeepStrictEqual(await decodeTrades(await this.#store.read(name), name), rows)
    )
      throw new TablesError('file_differs', `${name} has other trades than its file of events`)
    return { outcome, bytes: bytes.length, trades: rows.length }
  }

  async #read(output: Output, name: string): Promise<EventsFile> {
    const file = await decodeEvents(output, await this.#store.read(name), name)
    if (nameOf('events', output, file) !== name)
      throw new TablesError('file_damaged', `${name} is named ${nameOf('events', output, file)}`)
    return file
  }

  close(): void {
    this.#store.close()
  }
}
