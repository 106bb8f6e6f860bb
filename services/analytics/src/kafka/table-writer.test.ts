import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { EventReader, startOf } from '../core/event-reader.ts'
import type { Output } from '../core/position.ts'
import { stopReason, TablesError, type StopReason } from '../core/tables-error.ts'
import { Tables } from '../parquet/tables.ts'
import { genesisOf, level, listed, OutputLog, trade } from '../testing/output-log.ts'
import { eventsIn, namesIn, tradesIn } from '../testing/table-rows.ts'
import { openWriter } from './open-writer.ts'
import type { TableWriter } from './table-writer.ts'

const OUTPUT: Output = { topic: 'orders.out', partition: 0 }
const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 10, 30)
const RECORDS = 60

/** A log of sixty records over five days; every third record also repeats, every fourth has no trade. */
function aLog(): readonly Buffer[] {
  const log = new OutputLog(OUTPUT)
  log.add(START, listed())
  const values = [genesisOf('log-1'), log.frame()]
  let [sequence, trades] = [1, 0]
  for (let i = 2; i < RECORDS; i++) {
    const first = sequence + 1
    const bodies = [level(i), ...(i % 4 === 0 ? [] : [trade(++trades)]), level(i)]
    for (const [k, body] of bodies.entries()) log.add(START + i * 2 * HOUR_MS + k * 2 * HOUR_MS * 0.4, body)
    sequence += bodies.length
    values.push(log.frame({ from: i % 3 === 0 ? first - 1 : first, to: sequence }))
  }
  return values
}

const VALUES = aLog()
const wanted = (() => {
  const reader = new EventReader(OUTPUT, startOf('log-1'))
  return VALUES.flatMap((value, offset) => reader.read({ offset, timestamp: 0, value })).flatMap(
    ({ rows }) => rows,
  )
})()
const TRADE_IDS = wanted.filter(({ type }) => type === 'trade').map((_, i) => String(i + 1))

class Killed extends Error {}

/** A store that a process dies at: after so many writes, before the answer. */
class DeadlyStore extends MemoryStore {
  writesLeft = Infinity

  override async writeOnce(name: string, bytes: Buffer): Promise<'written' | 'exists'> {
    if (this.writesLeft <= 0) throw new Killed()
    const outcome = await super.writeOnce(name, bytes)
    if (--this.writesLeft <= 0) throw new Killed()
    return outcome
  }
}

/** As a process begins. */
function open(store: MemoryStore, values: readonly Buffer[] = VALUES, low = 0): Promise<TableWriter> {
  return openWriter({
    ...{ output: OUTPUT, partition: OUTPUT, tables: new Tables(store) },
    watermarks: async () => ({ low, high: values.length }),
    recordAt: async (at) => ({ ...at, timestamp: 0, value: values[at.offset]! }),
    events: { read: () => {}, tabled: () => {} },
  })
}

/** Lets a writer read up to an offset. */
function read(writer: TableWriter, to: number, cursor: { next: number }): void {
  for (; cursor.next < Math.min(to, RECORDS); cursor.next++) {
    const message = { ...OUTPUT, offset: cursor.next, timestamp: 0, value: VALUES[cursor.next]! }
    writer.take(message, 0)
  }
}

async function writeAll(writer: TableWriter): Promise<void> {
  while ((await writer.write()) !== undefined);
}

async function assertEachOnce(store: MemoryStore): Promise<void> {
  assert.deepEqual(await eventsIn(store, OUTPUT), wanted)
  assert.deepEqual(
    (await tradesIn(store, OUTPUT)).map(({ tradeId }) => tradeId),
    TRADE_IDS,
  )
}

describe('TableWriter', function () {
  this.timeout(60_000)

  it('writes each row once, in files of one day each', async () => {
    const store = new MemoryStore()
    const writer = await open(store)
    const cursor = { next: writer.end }
    for (let to = 0; to <= RECORDS; to += 7) {
      read(writer, to + 7, cursor)
      await writeAll(writer)
      assert.equal(writer.end, cursor.next)
    }
    await assertEachOnce(store)
    assert.ok(namesIn(store, 'events', OUTPUT).length > 9)
  })

  it('moves on by a file without trades', async () => {
    const store = new MemoryStore()
    const writer = await open(store)
    read(writer, 2, { next: 0 })
    assert.deepEqual((await writer.write())?.trades, 0)
    assert.deepEqual([...store.files.keys()].length, 1)
    assert.equal((await open(store)).end, 2)
  })

  it('loses and doubles nothing, after whichever write it is killed', async () => {
    let writes = 0
    for (let dies = 1; dies <= writes + 1; dies++) {
      const store = new DeadlyStore()
      // Batches of successors differ from those of who died: they close their files elsewhere.
      for (const [life, size] of [9, 4, 23].entries()) {
        store.writesLeft = life === 2 ? Infinity : life === 0 ? dies : 1
        try {
          const writer = await open(store)
          const cursor = { next: writer.end }
          while (cursor.next < RECORDS) {
            read(writer, cursor.next + size, cursor)
            await writeAll(writer)
          }
        } catch (error) {
          if (!(error instanceof Killed)) throw error
        }
      }
      writes = Math.max(writes, store.files.size)
      await assertEachOnce(store)
    }
    assert.ok(writes > 15)
  })

  it('makes one chain of what two write, each with files of its own size, in any order of their steps', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const store = new MemoryStore()
      let state = seed
      const draw = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1
        return (state >>> 8) % below
      }
      const writers = await Promise.all([open(store), open(store)])
      const cursors = writers.map(({ end }) => ({ next: end }))
      const steps = writers.map(async (writer, i) => {
        while (cursors[i]!.next < RECORDS) {
          read(writer, cursors[i]!.next + 1 + draw(15), cursors[i]!)
          for (let pause = draw(5); pause > 0; pause--) await turn()
          if (draw(3) > 0) await writer.write()
        }
        await writeAll(writer)
      })
      await Promise.all(steps)
      await assertEachOnce(store)
    }
  })

  it('goes on where another has been while it slept', async () => {
    const store = new MemoryStore()
    const [sleeper, other] = await Promise.all([open(store), open(store)])
    const [slept, went] = [{ next: 0 }, { next: 0 }]
    read(sleeper, 5, slept)
    for (let to = 3; to <= RECORDS; to += 3) {
      read(other, to, went)
      await writeAll(other)
    }
    read(sleeper, RECORDS, slept)
    await writeAll(sleeper)
    assert.equal(sleeper.end, RECORDS)
    await assertEachOnce(store)
  })

  it('refuses a file that has other rows than the log, or ends elsewhere', async () => {
    const before = new MemoryStore()
    const writer = await open(before)
    read(writer, 6, { next: 0 })
    const theirs = writer.gathering.file()!
    const other = { ...theirs.rows[1]!, body: '{}' }
    for (const file of [
      { ...theirs, rows: [theirs.rows[0]!, other, ...theirs.rows.slice(2)] },
      { ...theirs, after: { ...theirs.after, lastHash: '0'.repeat(16) } },
      { ...theirs, after: { ...theirs.after, log: 'log-2' } },
    ]) {
      const store = new MemoryStore()
      const ours = await open(store)
      await new Tables(store).writeEvents(OUTPUT, file)
      read(ours, 6, { next: 0 })
      await assert.rejects(
        ours.write(),
        (error) => error instanceof TablesError && error.code === 'file_differs',
      )
    }
  })

  const altered = VALUES.with(20, VALUES[21]!)
  const logs: readonly [what: string, reason: StopReason, values: readonly Buffer[], low?: number][] = [
    ['another name', 'wrong_log', VALUES.with(0, genesisOf('log-2'))],
    ['another record where the files end', 'wrong_log', altered],
    ['fewer records than the files were made of', 'wrong_log', VALUES.slice(0, 15)],
    ['no record any more where the files end', 'log_incomplete', VALUES, 40],
  ]
  for (const [what, reason, values, low] of logs)
    it(`does not begin on a log that has ${what}`, async () => {
      const store = new MemoryStore()
      const writer = await open(store)
      read(writer, 21, { next: 0 })
      await writeAll(writer)
      await assert.rejects(open(store, values, low), (error) => stopReason(error) === reason)
      assert.equal((await open(store, VALUES, 20)).end, 21)
    })

  it('does not begin in the middle of a log', async () => {
    await assert.rejects(open(new MemoryStore(), VALUES, 1), /log_incomplete/)
    await assert.rejects(open(new MemoryStore(), VALUES.slice(1)), /does not begin with its first record/)
  })
})
