import assert from 'node:assert/strict'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { EventReader, startOf } from '../core/event-reader.ts'
import type { EventsFile, Output } from '../core/position.ts'
import { TablesError } from '../core/tables-error.ts'
import { tradeRows } from '../core/trade-rows.ts'
import { columnsOf } from '../testing/columns-of.ts'
import { genesisOf, level, listed, OutputLog, trade } from '../testing/output-log.ts'
import { TRADES, eventsOf } from './columns.ts'
import { decodeEvents, decodeTrades, encodeEvents, encodeTrades } from './table-file.ts'
import { Tables } from './tables.ts'

const OUTPUT: Output = { topic: 'orders.out', partition: 1 }
const DAY_MS = 86_400_000
const MORNING = Date.UTC(2026, 10, 30, 8)

/** Files of an output, one for each time; the first has the genesis record before it. */
function filesAt(output: Output, times: readonly number[]): readonly EventsFile[] {
  const log = new OutputLog(output)
  const reader = new EventReader(output, startOf('log-1'))
  reader.read({ offset: 0, timestamp: 0, value: genesisOf('log-1') })
  return times.flatMap((time, i) => {
    log.add(
      time,
      ...(i === 0 ? [listed()] : []),
      level(i + 1),
      output.topic === 'risk.out' ? level(i) : trade(i + 1),
    )
    return reader.read({ offset: reader.next, timestamp: 0, value: log.frame() })
  })
}

const isDamaged = (error: unknown) => error instanceof TablesError && error.code === 'file_damaged'

describe('A file of a table', () => {
  const [file] = filesAt(OUTPUT, [MORNING]) as [EventsFile]

  it('has columns of its table, typed so that any reader knows them', () => {
    const names = (columns: readonly (readonly [string, string, ...unknown[]])[]) =>
      columns.map(([name, type]) => [name, type])
    assert.deepEqual(columnsOf(encodeEvents(OUTPUT, file)), names(eventsOf(OUTPUT)))
    assert.deepEqual(columnsOf(encodeTrades(OUTPUT, tradeRows(file))), names(TRADES))
  })

  it('gives back what was written, and where it ends', async () => {
    assert.deepEqual(await decodeEvents(OUTPUT, encodeEvents(OUTPUT, file), 'a'), file)
    assert.deepEqual(await decodeTrades(encodeTrades(OUTPUT, tradeRows(file)), 'a'), tradeRows(file))
  })

  const row = file.rows[0]!
  const damages: Readonly<Record<string, readonly [output: Output, bytes: Buffer]>> = {
    'another partition': [{ ...OUTPUT, partition: 2 }, encodeEvents(OUTPUT, file)],
    'another topic': [{ ...OUTPUT, topic: 'risk.out' }, encodeEvents(OUTPUT, file)],
    'a gap': [OUTPUT, encodeEvents(OUTPUT, { ...file, rows: [row, row, row] })],
    'an end elsewhere': [
      OUTPUT,
      encodeEvents(OUTPUT, { ...file, after: { ...file.after, lastSequence: 9 } }),
    ],
    'two days': [
      OUTPUT,
      encodeEvents(OUTPUT, { ...file, rows: [{ ...row, time: row.time - DAY_MS }, ...file.rows.slice(1)] }),
    ],
    'no position': [OUTPUT, encodeTrades(OUTPUT, tradeRows(file))],
    'its end cut off': [OUTPUT, encodeEvents(OUTPUT, file).subarray(0, 300)],
    'no content': [OUTPUT, Buffer.alloc(0)],
  }
  for (const [what, [output, bytes]] of Object.entries(damages))
    it(`is refused with ${what}`, () => assert.rejects(decodeEvents(output, bytes, 'a'), isDamaged))
})

describe('Tables', () => {
  it('name both files of a range after the day, the output and the first offset', async () => {
    const store = new MemoryStore()
    const tables = new Tables(store)
    const [file] = filesAt(OUTPUT, [MORNING])
    await tables.writeEvents(OUTPUT, file!)
    await tables.writeTrades(OUTPUT, file!)
    assert.deepEqual(
      [...store.files.keys()],
      ['events', 'trades'].map(
        (table) => `${table}/day=2026-11-30/orders.out-1-00000000000000000001.parquet`,
      ),
    )
  })

  it('find the end of an output among days, other outputs and what is not theirs', async () => {
    const store = new MemoryStore()
    const tables = new Tables(store)
    const others = [0, 2, 10, 11].map((partition) => ({ ...OUTPUT, partition }))
    assert.equal(await tables.last(OUTPUT), undefined)
    const files = filesAt(OUTPUT, [MORNING, MORNING + 1, MORNING + DAY_MS, MORNING + DAY_MS])
    for (const other of [...others, { topic: 'risk.out', partition: 1 } as const])
      for (const file of filesAt(other, [MORNING + 2 * DAY_MS])) await tables.writeEvents(other, file)
    assert.equal(await tables.last(OUTPUT), undefined)
    await store.writeOnce('events/day=someday/orders.out-1-0.parquet', Buffer.of(1))
    for (const file of files) {
      await tables.writeEvents(OUTPUT, file)
      assert.deepEqual(await tables.last(OUTPUT), file)
    }
  })

  it('write no file of trades where there are none', async () => {
    const store = new MemoryStore()
    const [file] = filesAt(OUTPUT, [MORNING])
    const rows = file!.rows.slice(0, 2)
    assert.equal(await new Tables(store).writeTrades(OUTPUT, { ...file!, rows }), undefined)
    assert.equal(store.files.size, 0)
  })

  it('leave trades that are there, and refuse others under their name', async () => {
    const store = new MemoryStore()
    const tables = new Tables(store)
    const [file] = filesAt(OUTPUT, [MORNING])
    assert.equal((await tables.writeTrades(OUTPUT, file!))?.outcome, 'written')
    assert.equal((await tables.writeTrades(OUTPUT, file!))?.outcome, 'exists')
    const [name] = store.files.keys()
    store.files.set(name!, encodeTrades(OUTPUT, [{ ...tradeRows(file!)[0]!, price: '1' }]))
    await assert.rejects(tables.writeTrades(OUTPUT, file!), /^TablesError: file_differs: trades\/day=/)
  })

  it('refuse a file that has the name of another', async () => {
    const store = new MemoryStore()
    const [file] = filesAt(OUTPUT, [MORNING])
    const wrong = 'events/day=2026-11-30/orders.out-1-00000000000000000007.parquet'
    await store.writeOnce(wrong, encodeEvents(OUTPUT, file!))
    await assert.rejects(new Tables(store).last(OUTPUT), isDamaged)
  })
})
