import assert from 'node:assert/strict'
import { shardOfOwner } from './owner-shard.ts'

describe('shardOfOwner', () => {
  it('never changes: an owner elsewhere would get a second account', () => {
    const shards = ['alice', 'bob', 'replay-17', 'Åse', '0f8b2a54-8c1e-4c57-8f0e-0b1f6f5c9a11'].map((owner) =>
      shardOfOwner(owner, 8),
    )
    assert.deepEqual(shards, [6, 6, 7, 7, 6])
  })

  it('spreads owners over the shards', () => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 4_000; i++) counts[shardOfOwner(`replay-${i}`, 4)]!++
    assert(
      counts.every((count) => count > 800 && count < 1_200),
      String(counts),
    )
  })
})
