import assert from 'node:assert/strict'
import { longestGap } from './gap.ts'

describe('the longest gap', () => {
  const times = [0, 10, 20, 500, 510, 520]

  it('lies between two successes', () => assert.equal(longestGap(times, 0, 530), 480))

  it('counts when it ends in the time looked at', () => assert.equal(longestGap(times, 300, 530), 480))

  it('does not count when it ended before', () => assert.equal(longestGap(times, 505, 530), 10))

  it('counts up to now when it has not ended', () => assert.equal(longestGap(times, 505, 2_000), 1_480))

  it('is everything when nothing succeeded', () => assert.equal(longestGap([0], 0, 700), 700))
})
