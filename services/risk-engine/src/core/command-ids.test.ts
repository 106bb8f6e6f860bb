import assert from 'node:assert/strict'
import { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import { CommandIds, type Fingerprint, type IdLimits } from './command-ids.ts'

const limits: IdLimits = { segmentTicks: 2, segmentsKept: 2, idsMax: 2_000, idsPerAccountMax: 1_500 }
const ACCOUNT = 16

/** Fingerprints that all begin their search at the same slot: the index must tell them apart all the same. */
const key = (n: number): Fingerprint => ({ high: n, low: 7 })
const answer = (n: number) => ({ content: n, number: n * 2 ** 33, refusal: 0 })

function remembered(count: number): CommandIds {
  const ids = new CommandIds(limits)
  for (let n = 1; n <= count; n++) ids.add(ACCOUNT, key(n), answer(n))
  return ids
}

function restored(ids: CommandIds): CommandIds {
  const writer = new ByteWriter()
  ids.encode(writer)
  return CommandIds.decode(new ByteReader(writer.take()), ids.segments(), limits)
}

const known = (ids: CommandIds, count: number): number[] =>
  Array.from({ length: count }, (_, i) => i + 1).filter((n) => ids.find(ACCOUNT, key(n)) !== undefined)

describe('CommandIds', () => {
  for (const count of [1, 63, 64, 65, 300]) {
    it(`finds each of ${count} ids with its answer, also after a snapshot`, () => {
      for (const ids of [remembered(count), restored(remembered(count))]) {
        for (let n = 1; n <= count; n++) assert.deepEqual(ids.find(ACCOUNT, key(n)), answer(n))
        assert.equal(ids.find(ACCOUNT, key(count + 1)), undefined)
        assert.equal(ids.count, count)
      }
    })
  }

  it('tells accounts apart whose fingerprints are the same', () => {
    const ids = new CommandIds(limits)
    ids.add(ACCOUNT, key(1), answer(1))
    assert.equal(ids.find(ACCOUNT + 1, key(1)), undefined)
    ids.add(ACCOUNT + 1, key(1), answer(2))
    assert.deepEqual(ids.find(ACCOUNT, key(1)), answer(1))
    assert.deepEqual(restored(ids).find(ACCOUNT + 1, key(1)), answer(2))
  })

  it('keeps a refusal apart from a number', () => {
    const ids = new CommandIds(limits)
    ids.add(ACCOUNT, key(1), { content: 5, number: 0, refusal: 13 })
    assert.deepEqual(restored(ids).find(ACCOUNT, key(1)), { content: 5, number: 0, refusal: 13 })
  })

  it('forgets a segment as a whole, once its window has passed, and says which', () => {
    const ids = remembered(1)
    const forgotten: unknown[] = []
    for (let tick = 1; tick <= 8; tick++) {
      forgotten.push(ids.tick())
      if (tick === 3) ids.add(ACCOUNT, key(2), answer(2))
      assert.deepEqual(known(ids, 2), tick < 3 ? [1] : tick < 6 ? [1, 2] : tick < 8 ? [2] : [])
    }
    assert.deepEqual(forgotten, [undefined, undefined, undefined, undefined, undefined, 1, undefined, 2])
    assert.equal(ids.count, 0)
  })

  it('never changes a segment that is closed, and needs it again to be restored', () => {
    const ids = remembered(3)
    ids.tick()
    ids.tick()
    const [closed] = ids.segments()
    const before = Buffer.from(closed!.body)
    ids.add(ACCOUNT, key(4), answer(4))
    assert.deepEqual(ids.segments()[0]?.body, before)
    const writer = new ByteWriter()
    ids.encode(writer)
    assert.throws(
      () => CommandIds.decode(new ByteReader(writer.take()), [], limits),
      /lacks segment 1 of 3 ids/,
    )
    assert.deepEqual(known(restored(ids), 4), [1, 2, 3, 4])
  })

  it('is full for an account that has its share, and for all when the shard has its own; then has room again', () => {
    const small = { ...limits, idsMax: 3, idsPerAccountMax: 2 }
    const ids = new CommandIds(small)
    const fullFor = (): boolean[] => [ACCOUNT, ACCOUNT + 1].map((account) => ids.full(account))
    ids.add(ACCOUNT, key(1), answer(1))
    ids.add(ACCOUNT, key(2), answer(2))
    assert.deepEqual(fullFor(), [true, false])
    ids.add(ACCOUNT + 1, key(3), answer(3))
    assert.deepEqual(fullFor(), [true, true])
    for (let tick = 0; tick < 6; tick++) ids.tick()
    assert.deepEqual(fullFor(), [false, false])
  })
})
