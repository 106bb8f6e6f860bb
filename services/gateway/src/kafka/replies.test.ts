import assert from 'node:assert/strict'
import { encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { blankReply } from '../testing/gateway.ts'
import { partitionOf, readReplies } from './replies.ts'

describe('readReplies', () => {
  it('hands over what is addressed to this process, with its log time', () => {
    const header = {
      source: { kind: 'risk', shard: 0 },
      epoch: 1,
      sequence: 0,
      hashBefore: emptyHash,
      endsCommand: true,
    } as const
    const entries = [
      { ...blankReply, instance: 7, request: 1 },
      { ...blankReply, instance: 8, request: 1 },
      { ...blankReply, instance: 7, request: 2 },
    ].map((reply, i) => encodeEntry(reply, { version: 0, cause: i, time: 100 + i }))
    const received: number[][] = []
    readReplies(encodeFrame(header, entries), 7, ({ request }, time) => received.push([request, time]))
    assert.deepEqual(received, [
      [1, 100],
      [2, 102],
    ])
  })
})

describe('partitionOf', () => {
  it('spreads gateways over the partitions, always the same way', () => {
    const partitions = Array.from({ length: 64 }, (_, i) => partitionOf(`gateway-${i}`, 16))
    assert(new Set(partitions).size > 10)
    assert(partitions.every((partition) => partition >= 0 && partition < 16))
    assert.equal(partitionOf('gateway-1', 16), partitions[1])
  })
})
