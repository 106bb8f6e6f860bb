import assert from 'node:assert/strict'
import { ArchiveError } from '@bourse/input-archive/archive-error'
import { FILE_RECORDS_MAX } from '@bourse/input-archive/input-file'
import { FILE_BYTES_MAX, Gathering } from './gathering.ts'

const MEBIBYTE = Buffer.alloc(1024 * 1024)
const record = (offset: number, value = Buffer.of(1)) => ({ offset, timestamp: offset, value })

function gathered(first: number, count: number, { value = Buffer.of(1), now = 0 } = {}): Gathering {
  const gathering = new Gathering(first)
  for (let i = 0; i < count; i++) gathering.take(record(first + i, value), now)
  return gathering
}

const offsets = (gathering: Gathering) => gathering.file().map(({ offset }) => offset)

describe('Gathering', () => {
  it('takes records one after the other and begins with the first that is wanted', () => {
    const gathering = gathered(5, 3)
    assert.deepEqual(offsets(gathering), [5, 6, 7])
    assert.equal(gathering.first, 5)
  })

  it('drops what is in a file already', () => {
    const gathering = new Gathering(5)
    gathering.take(record(4), 0)
    gathering.take(record(5), 0)
    gathering.take(record(5), 0)
    assert.deepEqual(offsets(gathering), [5])
  })

  it('refuses a gap', () => {
    const gathering = gathered(5, 1)
    assert.throws(
      () => gathering.take(record(7), 0),
      (error) => error instanceof ArchiveError && error.code === 'input_incomplete',
    )
    assert.deepEqual(offsets(gathering), [5])
  })

  it('is full by bytes; the file has the record that filled it, and no more', () => {
    const gathering = gathered(0, 15, { value: MEBIBYTE })
    assert.equal(gathering.isFull(), false)
    for (let offset = 15; offset < 20; offset++) gathering.take(record(offset, MEBIBYTE), 0)
    assert.equal(gathering.isFull(), true)
    assert.equal(gathering.file().length, FILE_BYTES_MAX / MEBIBYTE.length)
  })

  it('is full by records, and a file has no more', () => {
    const gathering = gathered(0, FILE_RECORDS_MAX)
    assert.equal(gathering.isFull(), true)
    gathering.take(record(FILE_RECORDS_MAX), 0)
    assert.equal(gathering.file().length, FILE_RECORDS_MAX)
  })

  it('goes on behind what was written, by whomever', () => {
    for (const [end, left] of [
      [3, [3, 4]],
      [5, []],
      [9, []],
    ] as const) {
      const gathering = gathered(0, 5)
      gathering.archived(end)
      assert.deepEqual(offsets(gathering), left)
      assert.equal(gathering.bytes, left.length)
      gathering.take(record(end - 1), 0)
      gathering.take(record(Math.max(end, 5)), 0)
      assert.equal(gathering.file().at(-1)?.offset, Math.max(end, 5))
    }
  })

  it('is as old as the oldest record that waits', () => {
    const gathering = new Gathering(0)
    assert.equal(gathering.age(1_000), 0)
    gathering.take(record(0), 1_000)
    gathering.take(record(1), 2_000)
    assert.equal(gathering.age(2_500), 1_500)
    gathering.archived(1)
    assert.equal(gathering.age(2_500), 1_500, 'or longer: it is not known of each')
    gathering.archived(2)
    assert.equal(gathering.age(9_000), 0)
  })
})
