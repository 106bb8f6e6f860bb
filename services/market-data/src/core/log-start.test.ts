import assert from 'node:assert/strict'
import { WrongLogError } from '@bourse/protocol/replica'
import { logStart, LogTooShortError } from './log-start.ts'

describe('logStart', () => {
  const rows: [next: number, low: number, high: number, start: number | (new (message: string) => Error)][] =
    [
      [0, 0, 0, 0],
      [0, 0, 9, 0],
      [1, 0, 9, 0],
      [7, 0, 9, 6],
      [9, 0, 9, 8],
      [7, 6, 9, 6],
      [7, 7, 9, 7],
      [10, 0, 9, WrongLogError],
      [7, 8, 9, LogTooShortError],
      [0, 1, 9, LogTooShortError],
    ]
  for (const [next, low, high, start] of rows) {
    const outcome = typeof start === 'number' ? `begins at ${start}` : `refuses with ${start.name}`
    it(`${outcome} when it stands at ${next} of a log from ${low} to ${high}`, () => {
      if (typeof start === 'number') assert.equal(logStart(next, { low, high }), start)
      else assert.throws(() => logStart(next, { low, high }), start)
    })
  }
})
