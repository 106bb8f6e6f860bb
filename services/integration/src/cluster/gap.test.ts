import assert from 'node:assert/strict'
import { longestWait } from './gap.ts'

describe('the longest wait', () => {
  const waits = [
    { since: 0, until: 10 },
    { since: 20, until: 500 },
    { since: 510, until: 520 },
    { since: 530, until: undefined },
  ]

  it('is the longest, and not the pause between two', () => assert.equal(longestWait(waits, 0, 600), 480))

  it('counts when it ends in the time looked at', () => assert.equal(longestWait(waits, 300, 530), 480))

  it('does not count when it ended before', () => assert.equal(longestWait(waits, 505, 535), 10))

  it('counts as far as it has come', () => assert.equal(longestWait(waits, 505, 2_000), 1_470))

  it('ends with the time looked at', () => assert.equal(longestWait(waits, 0, 300), 280))

  it('is none where nobody asked', () => assert.equal(longestWait([], 0, 700), 0))
})
