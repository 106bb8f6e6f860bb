import assert from 'node:assert/strict'
import { startOf } from './event-reader.ts'
import { FILE_BYTES_MAX, FILE_ROWS_MAX, Gathering } from './gathering.ts'
import type { EventsFile } from './position.ts'

const DAY_MS = 86_400_000

/** A part with one row, or more, that ends with a sequence. */
function part(lastSequence: number, { rows = 1, day = 0, body = '{}' } = {}): EventsFile {
  const time = day * DAY_MS
  return {
    rows: Array.from({ length: rows }, (_, i) => ({
      ...{ offset: lastSequence, sequence: lastSequence - rows + 1 + i, type: 'level', body, time },
    })),
    after: { ...startOf('log-1'), lastSequence, nextOffset: lastSequence + 1, lastTime: time },
  }
}

function gathered(...parts: readonly EventsFile[]): Gathering {
  const gathering = new Gathering()
  gathering.take(parts, 1_000)
  return gathering
}

const sequences = (gathering: Gathering) => gathering.file()?.rows.map(({ sequence }) => sequence)

describe('Gathering', () => {
  it('has no file without a row', () => {
    assert.equal(new Gathering().file(), undefined)
    assert.equal(new Gathering().isFull(), false)
    assert.equal(new Gathering().age(5_000), 0)
  })

  it('makes one file of what it has, up to where the last record ends', () => {
    const gathering = gathered(part(2, { rows: 2 }), part(3), part(7, { rows: 4 }))
    assert.deepEqual(sequences(gathering), [1, 2, 3, 4, 5, 6, 7])
    assert.equal(gathering.file()?.after.nextOffset, 8)
    assert.equal(gathering.isFull(), false)
    assert.equal(gathering.age(1_500), 500)
  })

  it('ends a file with its day, at once', () => {
    const gathering = gathered(part(1), part(2), part(3, { day: 1 }))
    assert.equal(gathering.isFull(), true)
    assert.deepEqual(sequences(gathering), [1, 2])
    gathering.written(gathering.file()!.after)
    assert.deepEqual(sequences(gathering), [3])
    assert.equal(gathering.isFull(), false)
  })

  it('is full by rows, never within a record', () => {
    const gathering = gathered(part(10, { rows: 10 }), part(FILE_ROWS_MAX + 5, { rows: FILE_ROWS_MAX - 5 }))
    assert.equal(gathering.isFull(), true)
    gathering.take([part(FILE_ROWS_MAX + 6)], 0)
    assert.equal(gathering.file()?.after.lastSequence, FILE_ROWS_MAX + 5)
  })

  it('is full by bytes, never within a record', () => {
    const body = 'x'.repeat(FILE_BYTES_MAX / 4)
    const gathering = gathered(...[1, 2, 3, 4, 5].map((sequence) => part(sequence, { body })))
    assert.equal(gathering.isFull(), true)
    assert.deepEqual(sequences(gathering), [1, 2, 3, 4])
  })

  it('goes on behind what was written, by whomever', () => {
    for (const [end, left] of [
      [2, [3, 4, 5]],
      [5, undefined],
      [9, undefined],
    ] as const) {
      const gathering = gathered(part(2, { rows: 2 }), part(3), part(5, { rows: 2 }))
      gathering.written(part(end).after)
      assert.deepEqual(sequences(gathering), left)
      assert.equal(gathering.isEmpty, left === undefined)
      assert.equal(gathering.bytes === 0, left === undefined)
      assert.equal(gathering.age(1_500), left === undefined ? 0 : 500)
    }
  })
})
