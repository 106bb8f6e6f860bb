import assert from 'node:assert/strict'
import { listingOf, genesisOf, level, listed, OutputLog, trade } from '../testing/output-log.ts'
import { EventReader, startOf } from './event-reader.ts'
import type { EventsFile, Output } from './position.ts'
import { stopReason, type StopReason } from './tables-error.ts'
import { tradeRows } from './trade-rows.ts'

const OUTPUT: Output = { topic: 'orders.out', partition: 0 }
const DAY_MS = 86_400_000
const NOON = 20_000 * DAY_MS + DAY_MS / 2

/** Reads records that stand at offsets 0, 1, … */
function read(values: readonly Buffer[], reader = new EventReader(OUTPUT, startOf('log-1'))) {
  const parts = values.flatMap((value) => reader.read({ offset: reader.next, timestamp: 0, value }))
  return { reader, parts }
}

const sequences = (parts: readonly EventsFile[]) =>
  parts.map(({ rows }) => rows.map(({ sequence }) => sequence))

function begun(): { log: OutputLog; values: Buffer[] } {
  const log = new OutputLog(OUTPUT)
  log.add(NOON, listed(), level(1), trade(1))
  return { log, values: [genesisOf('log-1'), log.frame()] }
}

describe('EventReader', () => {
  it('makes a row of each entry, as the log has it, and amounts text', () => {
    const { parts } = read(begun().values)
    assert.deepEqual(
      parts[0]?.rows.map(({ offset, sequence, type, time }) => [offset, sequence, type, time]),
      [
        [1, 1, 'symbolListed', NOON],
        [1, 2, 'level', NOON],
        [1, 3, 'trade', NOON],
      ],
    )
    assert.equal(parts[0].rows[1]?.body, '{"symbol":1,"update":1,"side":"sell","price":10000,"quantity":5}')
    const risk = { topic: 'risk.out', partition: 3 } as const
    const log = new OutputLog(risk)
    const legs = [{ account: 17, asset: 2, amount: 2n ** 80n }]
    log.add(NOON, { type: 'posting', kind: 'deposit', account: 17, reference: 'd-1', legs })
    const { parts: postings } = read(
      [genesisOf('log-1'), log.frame()],
      new EventReader(risk, startOf('log-1')),
    )
    assert.equal(
      postings[0]?.rows[0]?.body,
      '{"kind":"deposit","account":17,"reference":"d-1","legs":[{"account":17,"asset":2,"amount":"1208925819614629174706176"}]}',
    )
  })

  it('drops repeats, ignores what lies beyond the next, refuses an epoch that is over', () => {
    const { log, values } = begun()
    log.add(NOON, level(2), level(3), level(4), level(5))
    values.push(
      log.frame({ from: 2, to: 4 }),
      log.frame({ from: 6, to: 7 }),
      log.frame({ from: 3, to: 5, epoch: 2 }),
    )
    values.push(log.frame({ from: 5, to: 6, epoch: 1 }), log.frame({ from: 5, to: 7, epoch: 2 }))
    const { reader, parts } = read(values)
    assert.deepEqual(sequences(parts), [[1, 2, 3], [4], [5], [6, 7]])
    assert.deepEqual(reader.counts, { next: 7, repeat: 2 + 2 + 1, gap: 2, stale: 2 })
    assert.deepEqual(
      parts.map(({ after }) => [after.epoch, after.nextOffset, after.lastSequence]),
      [
        [1, 2, 3],
        [1, 3, 4],
        [2, 5, 5],
        [2, 7, 7],
      ],
    )
  })

  it('divides a record where the day ends, and goes on in it from there', () => {
    const { log, values } = begun()
    const midnight = 20_001 * DAY_MS
    log.add(midnight - 1, level(2), trade(2))
    log.add(midnight, level(3))
    log.add(midnight + DAY_MS, trade(3))
    values.push(log.frame())
    const { parts } = read(values)
    assert.deepEqual(sequences(parts), [[1, 2, 3], [4, 5], [6], [7]])
    assert.deepEqual(
      parts.map(({ after }) => after.nextOffset),
      [2, 2, 2, 3],
    )
    const { parts: again } = read(values.slice(2), new EventReader(OUTPUT, parts[1]!.after))
    assert.deepEqual(again, parts.slice(2))
  })

  it('reads on from any position as if it had never stopped', () => {
    const { log, values } = begun()
    for (let i = 2; i < 40; i++) {
      log.add(NOON + i * DAY_MS * 0.3, level(i), trade(i))
      if (i % 3 === 0) values.push(log.frame(i % 2 === 0 ? { from: 2 * i - 7 } : {}))
    }
    const { parts } = read(values)
    assert.ok(parts.length > values.length)
    for (const [i, { after }] of parts.entries())
      assert.deepEqual(
        read(values.slice(after.nextOffset), new EventReader(OUTPUT, after)).parts,
        parts.slice(i + 1),
      )
  })

  const stops: readonly [what: string, reason: StopReason, record: (log: OutputLog) => Buffer][] = [
    ['what is no frame', 'malformed', () => Buffer.from('no frame')],
    ['another log', 'wrong_log', () => genesisOf('log-2')],
    ["another shard's frame", 'wrong_log', (log) => log.frame({ from: 1, shard: 1 })],
    [
      'a trade in what was never listed',
      'malformed',
      (log) => (log.add(NOON, { ...trade(2), symbol: 2 } as never), log.frame()),
    ],
    ['a time before the last', 'malformed', (log) => (log.add(NOON - 1, level(2)), log.frame())],
    [
      'other content under a number',
      'difference',
      () => {
        const other = new OutputLog(OUTPUT)
        other.add(NOON, listed(), level(1), trade(1, 9_999))
        return other.frame()
      },
    ],
  ]
  for (const [what, reason, record] of stops)
    it(`stops at ${what}`, () => {
      const { log, values } = begun()
      assert.throws(
        () => read([...values, record(log)]),
        (error) => stopReason(error) === reason,
      )
    })

  it('stops where records are missing, and passes over those before its position', () => {
    const { log, values } = begun()
    const { reader } = read(values)
    assert.deepEqual(reader.read({ offset: 1, timestamp: 0, value: Buffer.from('any') }), [])
    log.add(NOON, level(2))
    assert.throws(
      () => reader.read({ offset: 3, timestamp: 0, value: log.frame() }),
      (error) => stopReason(error) === 'log_incomplete',
    )
  })
})

describe('Trades', () => {
  it('follow from a file of events, in the decimals of their listing', () => {
    const { parts } = read(begun().values)
    assert.deepEqual(tradeRows(parts[0]!), [
      {
        ...{ tradeId: '1', symbol: 'BTC-USD', price: '100.5', quantity: '1.5', takerSide: 'buy', time: NOON },
        ...{ makerOrderId: '35184372088833', takerOrderId: '1' },
      },
    ])
    assert.deepEqual(parts[0]?.after.listings, [
      { symbol: 1, name: listingOf(1, 'BTC-USD').name, tickDecimals: 2, lotDecimals: 3 },
    ])
  })
})
