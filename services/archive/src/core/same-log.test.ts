import assert from 'node:assert/strict'
import { ArchiveError } from '@bourse/input-archive/archive-error'
import { encodeCommands, encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { logNamedBy, requireSameLog, type LogFacts } from './same-log.ts'

const record = (offset: number, value = `record ${offset}`) => ({
  offset,
  timestamp: 100 + offset,
  value: Buffer.from(value),
})
const last = { log: 'log-1', records: [record(7), record(8)] }
const same: LogFacts = { log: 'log-1', high: 9, record: record(8) }

describe('An archive', () => {
  it('is continued by its own log, wherever that ends', () => {
    requireSameLog(last, same)
    requireSameLog(last, { ...same, high: 1_000 })
  })

  const others: Readonly<Record<string, Partial<LogFacts>>> = {
    'a log of another name': { log: 'log-2' },
    'a log that ends earlier': { high: 8 },
    'a log with other bytes at its last record': { record: record(8, 'other') },
    'a log with another time there': { record: { ...record(8), timestamp: 1 } },
    'a log with nothing there': { record: undefined },
  }
  for (const [what, difference] of Object.entries(others))
    it(`is not continued by ${what}`, () => {
      assert.throws(
        () => requireSameLog(last, { ...same, ...difference }),
        (error) =>
          error instanceof ArchiveError &&
          error.code === 'archive_of_another_log' &&
          /another prefix/.test(error.message),
      )
    })
})

describe("A log's name", () => {
  it('is in its first record', () => {
    const entry = encodeEntry({ type: 'genesis', log: 'log-1' }, { version: 0, cause: 0, time: 0 })
    const header = { epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }
    assert.equal(
      logNamedBy(encodeFrame({ ...header, source: { kind: 'genesis', shard: 0 } }, [entry])),
      'log-1',
    )
  })

  it('is in no other', () => {
    assert.throws(() => logNamedBy(encodeCommands([{ type: 'marker', marker: 1 }])), /input_incomplete/)
  })
})
