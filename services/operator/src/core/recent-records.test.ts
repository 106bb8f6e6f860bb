import assert from 'node:assert/strict'
import { RecentRecords } from './recent-records.ts'

const record = (timestamp: number, text: string) => ({ timestamp, value: Buffer.from(text) })

describe('RecentRecords', () => {
  it('knows a record by its time and its bytes', () => {
    const known = new RecentRecords(4)
    assert.equal(known.has(record(1, 'a')), false)
    assert.equal(known.has(record(1, 'a')), true)
    assert.equal(known.has(record(2, 'a')), false)
    assert.equal(known.has(record(1, 'b')), false)
    assert.equal(known.has(record(1, 'a')), true)
  })

  it('remembers so many, and forgets the oldest for each that comes', () => {
    const known = new RecentRecords(3)
    for (const text of ['a', 'b', 'c', 'd', 'e']) known.has(record(1, text))
    for (const text of ['c', 'd', 'e']) assert.equal(known.has(record(1, text)), true, text)
    assert.equal(known.has(record(1, 'a')), false)
    assert.equal(known.has(record(1, 'c')), false, 'the one in whose place it came')
  })
})
