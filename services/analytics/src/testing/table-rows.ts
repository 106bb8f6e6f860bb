import type { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import type { EventRow, Output } from '../core/position.ts'
import type { TradeRow } from '../core/trade-rows.ts'
import { decodeEvents, decodeTrades } from '../parquet/table-file.ts'

type Files = Pick<MemoryStore, 'files'>

/** Names of an output's files in a table, as they follow each other. */
export const namesIn = (
  { files }: Files,
  table: 'events' | 'trades',
  { topic, partition }: Output,
): string[] =>
  [...files.keys()]
    .filter((name) => name.startsWith(`${table}/`) && name.includes(`/${topic}-${partition}-`))
    .sort()

/** An output's rows of `events`, as a query reads them. */
export async function eventsIn(store: Files, output: Output): Promise<EventRow[]> {
  const names = namesIn(store, 'events', output)
  const files = await Promise.all(
    names.map((name) => decodeEvents(output, store.files.get(name) ?? Buffer.alloc(0), name)),
  )
  return files.flatMap(({ rows }) => rows)
}

/** An output's rows of `trades`. */
export async function tradesIn(store: Files, output: Output): Promise<TradeRow[]> {
  const names = namesIn(store, 'trades', output)
  const files = await Promise.all(
    names.map((name) => decodeTrades(store.files.get(name) ?? Buffer.alloc(0), name)),
  )
  return files.flat()
}
