import assert from 'node:assert/strict'
import { due, GATHERED_BYTES_MAX } from './gathering-consumer.ts'

const MEBIBYTE = 1024 * 1024

/** What waits since `since`, and is full from 16 MiB on. */
const waiting = (bytes: number, since: number) => ({
  gatherer: {
    gathering: {
      bytes,
      isFull: () => bytes >= 16 * MEBIBYTE,
      age: (now: number) => (bytes === 0 ? 0 : now - since),
    },
  },
})

describe('What is due', () => {
  it('is old or full', () => {
    const [old, young, full, empty] = [
      waiting(1, 0),
      waiting(1, 1),
      waiting(16 * MEBIBYTE, 1),
      waiting(0, 0),
    ] as const
    const chosen = due([old, young, full, empty], { now: 300_000, ageMsMax: 300_000 })
    assert.deepEqual(chosen, [old, full])
  })

  it('is the largest too, until what waits is little enough', () => {
    const all = [8, 15, 12, 14, 13, 11].map((size) => waiting(size * MEBIBYTE, 0))
    const chosen = due(all, { now: 1, ageMsMax: 300_000 })
    assert.deepEqual(chosen, [all[1]], '73 MiB wait, and 64 may')
    assert.equal(GATHERED_BYTES_MAX / MEBIBYTE, 64)
  })
})
