import assert from 'node:assert/strict'
import { createLog } from '@bourse/platform/log'
import { Registry } from 'prom-client'
import type { Ledger } from '../core/ledger.ts'
import { MemoryLedger } from '../core/memory-ledger.ts'
import type { LogRecord } from '@bourse/protocol/replica'
import { Events } from '../events.ts'
import { riskOut, settle } from '../testing/ledger-suite.ts'
import { randomNumbers, randomShard } from '../testing/random-shard.ts'
import { QUOTE, ScriptedShard } from '../testing/scripted-shard.ts'
import { PartitionWriter } from './partition-writer.ts'

/** Where the first entry's kind stands in a frame. */
const KIND_AT = 51

describe('PartitionWriter', () => {
  it('settles what it is given, in pieces of any size', async () => {
    const { log } = randomShard({ seed: 1, steps: 300, frames: randomNumbers(1) })
    const test = writing(new MemoryLedger())
    const { ledger, writer } = test
    const draws = randomNumbers(2)
    for (let from = 0; from < log.records.length;) {
      const to = from + 1 + Math.floor(draws() * 20)
      writer.push(log.records.slice(from, to))
      if (draws() < 0.5) await writer.progress()
      from = to
    }
    await settled(test, log.records)
    assert.deepEqual(ledger.balances.rows(), (await straight(log)).balances.rows())
    assert.equal(writer.bytes, 0)
  })

  it('waits while PostgreSQL is away and keeps its place', async () => {
    const { log } = randomShard({ seed: 2, steps: 50, frames: randomNumbers(2) })
    const memory = new MemoryLedger()
    let failing = 2
    const test = writing(memory, {
      apply: (batch) => {
        if (failing-- > 0) throw Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })
        return memory.apply(batch)
      },
    })
    test.writer.push(log.records)
    await settled(test, log.records)
    assert(failing < 0)
    assert.deepEqual(memory.journal.rows(), (await straight(log)).journal.rows())
  })

  it('takes its own commit for done when the answer to it was lost', async () => {
    const { log } = randomShard({ seed: 3, steps: 50, frames: randomNumbers(3) })
    const memory = new MemoryLedger()
    let lost = 0
    const test = writing(memory, {
      apply: (batch) => {
        const applied = memory.apply(batch)
        if (lost++ === 0) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
        return applied
      },
    })
    test.writer.push(log.records)
    await settled(test, log.records)
    assert.doesNotMatch(await test.metrics.metrics(), /fenced_total\{/)
    assert.deepEqual(memory.journal.rows(), (await straight(log)).journal.rows())
  })

  it('goes on from where another writer is, be it within what it has read or beyond', async () => {
    const { log } = randomShard({ seed: 4, steps: 300, frames: randomNumbers(4) })
    for (const [mine, others] of [
      [20, 10],
      [10, 20],
    ] as const) {
      const memory = new MemoryLedger()
      const test = writing(memory)
      const { writer, metrics } = test
      await settle(memory, { records: log.records.slice(0, others) } as typeof log)
      writer.push(log.records.slice(0, mine))
      writer.push(log.records.slice(mine))
      await settled(test, log.records)
      assert.match(await metrics.metrics(), /bourse_settlement_fenced_total\{.*\} 1/)
      assert.deepEqual(memory.balances.rows(), (await straight(log)).balances.rows())
    }
  })

  it('stops at a record that is no frame and says where', async () => {
    const { shard, records } = small()
    const value = Buffer.from(records[1]!.value)
    value.writeUInt8(0xff, KIND_AT)
    const test = writing(new MemoryLedger())
    const { writer, failures, ledger } = test
    writer.push([records[0]!, { ...records[1]!, value }])
    await writer.progress()
    assert.match(failures[0]!.message, /^risk.out\/0 offset 1: malformed at byte \d+/)
    assert.deepEqual([writer.stopped, writer.bytes], ['malformed', 0])
    assert.equal(ledger.orders.rows().length, 0)
    assert.equal(shard.log.sequence, 3)
  })

  it('stops when the database went back', async () => {
    const { records } = small()
    const memory = new MemoryLedger()
    const test = writing(memory)
    const { writer, failures } = test
    writer.push(records)
    await settled(test, records)
    memory.positions.clear()
    const { shard } = small()
    shard.checkpoint()
    shard.log.flush()
    writer.push(shard.log.records.slice(2))
    await writer.progress()
    assert.match(failures[0]!.message, /the database went back from offset 2 to 0/)
    assert.equal(writer.stopped, undefined, 'a fresh start mends it')
  })
})

function small(): { shard: ScriptedShard; records: readonly LogRecord[] } {
  const shard = new ScriptedShard()
  const account = shard.openAccount()
  shard.deposit(account, QUOTE, 100n)
  shard.place({ account, side: 'buy', price: 1, quantity: 100 })
  shard.log.flush()
  return { shard, records: shard.log.records }
}

function writing(ledger: MemoryLedger, other: Partial<Ledger> = {}) {
  const metrics = new Registry()
  const failures: Error[] = []
  const writer = new PartitionWriter({
    input: riskOut,
    position: ledger.position(riskOut),
    ledger: { position: (input) => ledger.position(input), apply: (batch) => ledger.apply(batch), ...other },
    events: new Events({ log: createLog({ name: 'test', level: 'silent' }), metrics }),
    onStopped: (error) => failures.push(error),
    onFatal: (error) => failures.push(error),
  })
  return { ledger, writer, failures, metrics }
}

async function straight(log: ScriptedShard['log']): Promise<MemoryLedger> {
  const ledger = new MemoryLedger()
  await settle(ledger, log)
  return ledger
}

/** Waits until the ledger has them all; ends early when the writer has failed. */
async function settled(
  { writer, failures }: ReturnType<typeof writing>,
  records: readonly LogRecord[],
): Promise<void> {
  while (writer.position.nextOffset < records.length && failures.length === 0) await writer.progress()
  assert.deepEqual(failures, [])
}
