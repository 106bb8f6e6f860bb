import assert from 'node:assert/strict'
import { decodeFrame, encodeCommands, encodeEntry, encodeFrame, hashAfter } from '@bourse/protocol/frame'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'
import { StreamAudit } from './stream-audit.ts'

const source = { kind: 'matching', shard: 0 } as const
const entryOf = (marker: number): Buffer =>
  encodeEntry({ type: 'marker', marker }, { version: 1, cause: marker, time: 1 })

/** Frames of one entry each, as an owner would write them. */
function written(markers: readonly number[]) {
  let hashBefore: StreamHash = emptyHash
  return markers.map((marker, index) => {
    const entry = entryOf(marker)
    const header = { source, epoch: 0, sequence: index + 1, hashBefore, endsCommand: true }
    hashBefore = hashAfter(hashBefore, entry)
    return decodeFrame(encodeFrame(header, [entry]))
  })
}

function audit(frames: readonly ReturnType<typeof decodeFrame>[]) {
  const found = new StreamAudit()
  for (const frame of frames) found.add('orders.out/0', frame)
  return found.report()
}

describe('an audit of a stream', () => {
  const [one, two, three] = written([1, 2, 3])
  assert.ok(one !== undefined && two !== undefined && three !== undefined)

  it('counts what was accepted', () => {
    const report = audit([one, two, three])
    assert.deepEqual(report, { streams: 1, accepted: 3, repeats: 0, gaps: 0, differences: [] })
  })

  it('takes what a second owner wrote for repeats, when it is the same', () => {
    assert.deepEqual(audit([one, two, one, two, three]).repeats, 2)
    assert.deepEqual(audit([one, two, one, two, three]).differences, [])
  })

  it('finds a second owner that wrote something else', () => {
    const [, other] = written([1, 9])
    assert.ok(other !== undefined)
    assert.deepEqual(audit([one, two, other]).differences, [
      'matching/0 in orders.out/0: entry 2 came again with other content',
    ])
  })

  it('finds an entry that follows another history', () => {
    const [, , other] = written([1, 9, 3])
    assert.ok(other !== undefined)
    assert.equal(audit([one, two, other]).differences.length, 1)
  })

  it('ignores what comes too early until it comes in order', () => {
    const report = audit([one, three, two, three])
    assert.deepEqual(report, { streams: 1, accepted: 3, repeats: 0, gaps: 1, differences: [] })
  })

  it('leaves commands aside: they have no sequence', () => {
    assert.equal(audit([decodeFrame(encodeCommands([{ type: 'marker', marker: 1 }]))]).streams, 0)
  })
})
