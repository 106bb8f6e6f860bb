import type { LogRecord } from '@bourse/protocol/replica'
import assert from 'node:assert/strict'
import { batchesFrom, riskOut } from '../testing/ledger-suite.ts'
import { LogWriter } from '../testing/log-writer.ts'
import { QUOTE, ScriptedShard } from '../testing/scripted-shard.ts'
import type { Batch } from './batch.ts'
import { startPosition, type Position } from './position.ts'
import { SettlementStream } from './settlement-stream.ts'

const LIMITS = { batchEntriesMax: 100, checkpointsPerSum: 2 }

describe('SettlementStream', () => {
  it('drops what it has and takes what is new in the same record', () => {
    const { log } = shardWith(6)
    log.record(1, 4)
    log.record(2, 6)
    const { stream, batches } = read(log.records)
    assert.deepEqual(stream.counts, { next: 6, repeat: 3, gap: 0, stale: 0 })
    assert.equal(batches.at(-1)?.after.lastSequence, 6)
  })

  it('ignores what lies beyond a gap until the missing entries have come', () => {
    const { log } = shardWith(6)
    log.record(1, 2)
    log.record(4, 6)
    const { stream, batches } = read(log.records)
    assert.deepEqual(stream.counts, { next: 2, repeat: 0, gap: 3, stale: 0 })
    assert.equal(batches.at(-1)?.after.nextOffset, 3)
    log.record(3, 6)
    stream.read(log.records.at(-1)!)
    assert.equal(stream.take()?.after.lastSequence, 6)
  })

  it('goes on into a new epoch, and refuses what the older one says after it', () => {
    const { log } = shardWith(2)
    log.record(1, 1)
    log.record(2, 2, 2)
    log.record(2, 2, 1)
    const { stream, batches } = read(log.records)
    assert.deepEqual(stream.counts, { next: 2, repeat: 0, gap: 0, stale: 1 })
    const { epoch, lastSequence } = batches.at(-1)!.after
    assert.deepEqual({ epoch, lastSequence }, { epoch: 2, lastSequence: 2 })
    const resumed = new SettlementStream(stream.input, batches.at(-1)!.after)
    log.record(2, 2, 1)
    resumed.read(log.records.at(-1)!)
    assert.equal(resumed.counts.stale, 1)
  })

  it('ends a batch at a marker, within a record too, and goes on behind it', () => {
    const shard = shardWith(2)
    shard.marker(1)
    shard.checkpoint()
    shard.marker(2)
    shard.log.flush()
    const { batches } = read(shard.log.records)
    assert.deepEqual(
      batches.map(({ marker, entries, after }) => [marker, entries, after.nextOffset]),
      [
        [1, 3, 1],
        [undefined, 1, 1],
        [2, 1, 2],
      ],
    )
  })

  it('sums the first checkpoint and then every so many', () => {
    const shard = shardWith(1)
    for (let i = 0; i < 5; i++) shard.checkpoint()
    shard.log.flush()
    const { batches } = read(shard.log.records)
    assert.deepEqual(
      batches.map(({ sum }) => sum),
      [true, true, true],
    )
    assert.deepEqual(
      batches.flatMap(({ checkpoints }) => checkpoints.map(({ summed }) => summed)),
      [true, false, true, false, true],
    )
  })

  it('holds no more entries in a batch than it may', () => {
    const { log } = shardWith(250)
    log.flush()
    assert.deepEqual(
      read(log.records).batches.map(({ entries }) => entries),
      [100, 100, 50],
    )
  })

  it('resumes anywhere, also within a record', () => {
    const { log } = shardWith(250)
    log.flush()
    const { batches } = read(log.records)
    const resumed = read(log.records.slice(1), batches[0]!.after)
    assert.deepEqual(resumed.stream.counts, { next: 150, repeat: 100, gap: 0, stale: 0 })
    assert.deepEqual(resumed.batches.map(rowsOf), batches.slice(1).map(rowsOf))
  })

  it('gives no batch where nothing was read', () => {
    const { log } = shardWith(1)
    log.flush()
    const { stream } = read(log.records)
    assert.equal(stream.take(), undefined)
  })

  const refusals: Record<
    string,
    { records: () => readonly LogRecord[]; position?: () => Position; error: RegExp }
  > = {
    'a checkpoint with other sums': {
      records: () => {
        const shard = shardWith(3)
        shard.checkpoint({ totals: [{ asset: QUOTE, available: 1n, held: 0n }] })
        return flushed(shard)
      },
      error: /checkpoint 4 differs: asset 2: available 0, held 0; risk says 1, 0/,
    },
    'a checkpoint with another number of open orders': {
      records: () => {
        const shard = shardWith(3)
        shard.checkpoint({ openOrders: 7 })
        return flushed(shard)
      },
      error: /open orders 0; risk says 7/,
    },
    'a repeat with other content': {
      records: () => [...flushed(shardWith(3)), { ...flushed(shardWith(3, 'else'))[1]!, offset: 2 }],
      error: /other content/,
    },
    'entries that follow another history': {
      records: () => {
        const [one, other] = [shardWith(3), shardWith(4, 'else')]
        one.log.record(1, 3)
        other.log.record(1, 3)
        other.log.record(4, 4)
        return [...one.log.records, { ...other.log.records[2]!, offset: 2 }]
      },
      error: /another history/,
    },
    'another log': {
      records: () => [new LogWriter({ kind: 'risk', shard: 0 }, 'log-2').records[0]!],
      position: () => ({ ...startPosition, log: 'log-1' }),
      error: /is log 'log-2'/,
    },
    'a log without a genesis': {
      records: () => [{ ...flushed(shardWith(3))[1]!, offset: 0 }],
      error: /does not begin with a genesis/,
    },
    'a genesis in the middle': {
      records: () => [0, 1].map((offset) => ({ ...flushed(shardWith(1))[0]!, offset })),
      error: /is log 'log-1' at 1/,
    },
    'a log that was cut and grew again': {
      records: () => [{ ...flushed(shardWith(3, 'else'))[1]!, offset: 1 }],
      position: () => read(flushed(shardWith(3))).batches.at(-1)!.after,
      error: /the record at 1 is not the one/,
    },
    'a frame of another shard': {
      records: () => {
        const log = new LogWriter({ kind: 'risk', shard: 1 })
        log.append({ type: 'marker', marker: 1 }, 1)
        log.flush()
        return log.records
      },
      error: /holds a frame of risk\/1/,
    },
    "a gateway's frame": {
      records: () => {
        const log = new LogWriter({ kind: 'risk', shard: 0 })
        log.recordCommand()
        return log.records
      },
      error: /holds a frame of gateway/,
    },
    'an entry that belongs elsewhere': {
      records: () => {
        const log = new LogWriter({ kind: 'risk', shard: 0 })
        log.append({ type: 'tick', number: 1 }, 1)
        log.flush()
        return log.records
      },
      error: /tick at 1 does not belong here/,
    },
    'a posting that does not balance': {
      records: () => {
        const log = new LogWriter({ kind: 'risk', shard: 0 })
        const legs = [{ account: 16, asset: 1, amount: 5n }]
        log.append({ type: 'posting', kind: 'deposit', account: 16, reference: 'x', legs }, 1)
        log.flush()
        return log.records
      },
      error: /posting 1 is off by 5/,
    },
    'a record that is no frame': {
      records: () => [{ offset: 0, timestamp: 0, value: Buffer.from('hello') }],
      error: /malformed at byte 0/,
    },
  }
  for (const [what, { records, position, error }] of Object.entries(refusals)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => read(records(), position?.()), error)
    })
  }

  it('compares the last record when it comes once more', () => {
    const records = flushed(shardWith(3))
    const { after } = read(records).batches.at(-1)!
    const { stream } = read(records.slice(1), after)
    assert.equal(stream.next, 2)
  })
})

function shardWith(accounts: number, owner = 'owner'): ScriptedShard {
  const shard = new ScriptedShard()
  for (let i = 0; i < accounts; i++) shard.openAccount(`${owner}-${i}`)
  return shard
}

function flushed({ log }: ScriptedShard): readonly LogRecord[] {
  log.flush()
  return log.records
}

function read(records: readonly LogRecord[], position = startPosition) {
  const stream = new SettlementStream(riskOut, position, LIMITS)
  for (const record of records) stream.read(record)
  const batches: Batch[] = [...batchesFrom(stream)]
  return { stream, batches }
}

const rowsOf = ({ accounts, after }: Batch) => ({ accounts, after })
