import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { EventReader, startOf } from '../core/event-reader.ts'
import type { Output } from '../core/position.ts'
import { Tables } from '../parquet/tables.ts'
import { listed, OutputLog, trade } from './output-log.ts'

/** The files that the tables have, by their names, when one trade was made on a day. */
export async function tablesOfOneTrade(time: number): Promise<ReadonlyMap<string, Buffer>> {
  const output: Output = { topic: 'orders.out', partition: 0 }
  const log = new OutputLog(output)
  log.add(time, listed(), trade(1))
  const store = new MemoryStore()
  const tables = new Tables(store)
  for (const file of new EventReader(output, startOf('log-1')).read({
    ...{ offset: 0, timestamp: time },
    value: log.frame(),
  })) {
    await tables.writeEvents(output, file)
    await tables.writeTrades(output, file)
  }
  return store.files
}
