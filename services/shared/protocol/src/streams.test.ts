import assert from 'node:assert/strict'
import { ByteReader, ByteWriter } from './bytes.ts'
import { hashAfter } from './frame.ts'
import { emptyHash, type StreamHash } from './stream-hash.ts'
import { DivergenceError, FIRST_EPOCH, HASHES_KEPT, InboundStream } from './streams.ts'

/** Entry number n of a stream, and the running hash before it. */
const bytesOf = (sequence: number): Buffer => Buffer.from(`entry ${sequence}`)
const hashes: StreamHash[] = [emptyHash]
for (let n = 1; n <= HASHES_KEPT + 50; n++) hashes.push(hashAfter(hashes[n - 1]!, bytesOf(n)))

const received = (count: number, stream = new InboundStream()): InboundStream => {
  for (let n = stream.sequence + 1; n <= count; n++) assert.equal(offer(stream, n), 'next')
  return stream
}
const first = (sequence: number) => ({ epoch: FIRST_EPOCH, sequence })
const offer = (stream: InboundStream, n: number) => stream.accept(first(n), hashes[n - 1]!, bytesOf(n))

describe('InboundStream', () => {
  const table = [
    [0, 1, 'next'],
    [0, 2, 'gap'],
    [5, 6, 'next'],
    [5, 7, 'gap'],
    [5, 5, 'repeat'],
    [5, 1, 'repeat'],
  ] as const
  for (const [taken, offered, verdict] of table) {
    it(`after ${taken} entries, calls entry ${offered} a ${verdict}`, () => {
      const stream = received(taken)
      assert.equal(offer(stream, offered), verdict)
      assert.equal(stream.sequence, verdict === 'next' ? offered : taken)
    })
  }

  it('stops where a repeat has other content', () => {
    assert.throws(() => received(5).accept(first(3), hashes[2]!, Buffer.from('another')), DivergenceError)
  })

  it('stops where the next entry follows another history', () => {
    assert.throws(() => received(5).accept(first(6), hashes[4]!, bytesOf(6)), DivergenceError)
  })

  it('compares repeats as far back as it keeps hashes, and takes older ones on trust', () => {
    const stream = received(HASHES_KEPT + 10)
    const other = Buffer.from('another')
    assert.throws(() => stream.accept(first(11), hashes[10]!, other), DivergenceError)
    assert.equal(stream.accept(first(10), hashes[9]!, other), 'repeat')
  })

  it('goes on from a snapshot as if it had never stopped', () => {
    const writer = new ByteWriter()
    received(300).encode(writer)
    const restored = InboundStream.decode(new ByteReader(writer.take()), 1)
    assert.deepEqual([restored.sequence, restored.hash], [300, hashes[300]])
    assert.equal(offer(restored, 290), 'repeat')
    assert.throws(() => restored.accept(first(290), hashes[289]!, Buffer.from('another')), DivergenceError)
    assert.equal(offer(restored, 301), 'next')
  })

  it('goes on from a position that somebody else has kept, and knows only its last hash', () => {
    const resumed = InboundStream.resume(first(20), hashes[20]!)
    assert.throws(() => resumed.accept(first(20), hashes[19]!, Buffer.from('another')), DivergenceError)
    assert.equal(resumed.accept(first(19), hashes[18]!, Buffer.from('another')), 'repeat')
    assert.equal(offer(resumed, 21), 'next')
  })

  describe('over a change of the epoch', () => {
    const offerIn = (epoch: number, n: number, stream: InboundStream, bytes = bytesOf(n)) =>
      stream.accept({ epoch, sequence: n }, hashes[n - 1]!, bytes)

    it('goes on with sequences and hashes, and refuses what the older epoch says after it', () => {
      const stream = received(5)
      assert.equal(offerIn(2, 6, stream), 'next')
      assert.deepEqual([stream.epoch, stream.sequence, stream.hash], [2, 6, hashes[6]])
      // Neither compared nor taken: what was dropped may well have had these numbers.
      for (const n of [5, 6, 7]) assert.equal(offerIn(1, n, stream, Buffer.from('a zombie')), 'stale')
      assert.equal(offerIn(2, 7, stream), 'next')
    })

    it('takes what the older epoch has still to say before it', () => {
      const stream = received(5)
      assert.equal(offerIn(2, 7, stream), 'gap')
      assert.equal(offerIn(1, 6, stream), 'next')
      assert.equal(offerIn(2, 7, stream), 'next')
    })
  })
})
