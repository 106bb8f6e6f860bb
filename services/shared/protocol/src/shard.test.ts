import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Entry } from './entries.ts'
import { decodeFrame, encodeCommands, encodeEntry, encodeFrame } from './frame.ts'
import { Shard, type Cut } from './shard.ts'
import { emptyHash } from './stream-hash.ts'
import { destinationKey } from './streams.ts'
import { newShard, PingMachine, StreamWriter } from './testing/ping-machine.ts'

const tick = (number: number): Entry => ({ type: 'tick', number })
const epoch = (number: number): Entry => ({ type: 'epoch', epoch: number })
const marker = (number: number): Entry => ({ type: 'marker', marker: number })
const matching = { kind: 'matching', shard: 0 } as const
const otherRisk = { kind: 'risk', shard: 1 } as const

const FIRST_FORMAT_SHA256 = '0ae55f4826634a1ff0db4dc8e6f2535cb29be1d24a51d4ca7b456c68b2ea3316'

function apply(shard: Shard<PingMachine>, frame: Buffer, appendedAt = 1) {
  return shard.apply(decodeFrame(frame), appendedAt)
}

function genesis(log: string): Buffer {
  const header = { source: { kind: 'genesis', shard: 0 }, epoch: 0, sequence: 0, endsCommand: true } as const
  const entry = encodeEntry({ type: 'genesis', log }, { version: 0, cause: 0, time: 0 })
  return encodeFrame({ ...header, hashBefore: emptyHash }, [entry])
}

describe('Shard', () => {
  it('applies each entry of a stream once: drops repeats, ignores what lies beyond a gap', () => {
    const shard = newShard()
    const stream = new StreamWriter(matching)
    const frames = [stream.frame(tick(1), tick(2)), stream.frame(tick(3)), stream.frame(tick(4))] as const
    for (const frame of [frames[0], frames[0], frames[2], frames[1], frames[2], frames[0]])
      apply(shard, frame)
    assert.equal(shard.machine.applied, 4)
    assert.deepEqual(shard.counts, { applied: 4, repeats: 4, gaps: 1, stale: 0, leaps: 0 })
    assert.deepEqual(shard.positions().read, { 'matching/0': 4 })
  })

  it('takes an entry of a frame whose first entries it has already', () => {
    const shard = newShard()
    const [one, both] = [new StreamWriter(matching), new StreamWriter(matching)]
    apply(shard, one.frame(tick(1)))
    apply(shard, both.frame(tick(1), tick(2)))
    assert.deepEqual([shard.machine.applied, shard.counts.repeats], [2, 1])
  })

  it('has a time that never goes back, and counts leaps', () => {
    const shard = newShard()
    const times = [1_000, 500, 2_000, 10 * 60_000].map((appendedAt) => {
      apply(shard, encodeCommands([tick(1)]), appendedAt)
      return shard.time
    })
    assert.deepEqual(times, [1_000, 1_000, 2_000, 600_000])
    assert.equal(shard.counts.leaps, 1)
  })

  it('refuses to go on with another log', () => {
    const shard = newShard()
    apply(shard, genesis('one'))
    assert.throws(() => apply(shard, genesis('two')), /this is log two, the state was built from log one/)
  })

  it('begins a new epoch once: says so first on every stream, and numbers on', () => {
    const shard = newShard()
    apply(shard, encodeCommands([tick(1)]))
    const { outputs } = apply(shard, encodeCommands([tick(2), epoch(2), epoch(2), epoch(1), tick(3)]))
    const said = outputs.map((output) => [destinationKey(output.to), output.epoch, output.sequence])
    assert.deepEqual(said, [
      ['risk.out/0', 1, 2],
      ['risk.in/1', 1, 2],
      ['risk.in/1', 2, 3],
      ['orders.in/0', 2, 1],
      ['risk.out/0', 2, 3],
      ['risk.out/0', 2, 4],
      ['risk.in/1', 2, 4],
    ])
    assert.deepEqual([shard.epoch, shard.inputs, shard.machine.applied], [2, 6, 3])
  })

  it('refuses a source that goes on in an epoch that is over, and only that source', () => {
    const shard = newShard()
    const [old, next, other] = [matching, matching, otherRisk].map((source) => new StreamWriter(source)) as [
      StreamWriter,
      StreamWriter,
      StreamWriter,
    ]
    for (const stream of [old, next]) apply(shard, stream.frame(tick(1)))
    next.epoch = 2
    apply(shard, next.frame(epoch(2)))
    apply(shard, old.frame(tick(7), tick(8)))
    apply(shard, other.frame(tick(1)))
    apply(shard, next.frame(tick(2)))
    assert.deepEqual(shard.counts, { applied: 4, repeats: 1, gaps: 0, stale: 2, leaps: 0 })
    assert.deepEqual(shard.positions().read, { 'matching/0': 3, 'risk/1': 1 })
  })

  it('remembers each source’s epoch in a snapshot', () => {
    const shard = newShard()
    const stream = new StreamWriter(matching)
    stream.epoch = 2
    apply(shard, stream.frame(epoch(2)))
    const restored = Shard.decode(shard.encode(), [], PingMachine.decode)
    assert.deepEqual(restored.encode(), shard.encode())
    apply(restored, new StreamWriter(matching).frame(tick(1)))
    assert.deepEqual([restored.epoch, restored.counts.stale], [2, 1])
  })

  it('writes and reads the first format as long as there was one epoch', () => {
    const shard = newShard()
    apply(shard, new StreamWriter(matching).frame(tick(1)), 77)
    const bytes = shard.encode()
    assert.equal(bytes[0], 1)
    // As version 0.1 wrote it.
    assert.equal(createHash('sha256').update(bytes).digest('hex'), FIRST_FORMAT_SHA256)
    assert.deepEqual(Shard.decode(bytes, [], PingMachine.decode).encode(), bytes)
  })

  it('writes every byte of its state, and reads it back', () => {
    const shard = newShard()
    apply(shard, genesis('one'))
    apply(shard, encodeCommands([tick(1), marker(3)]), 77)
    apply(shard, new StreamWriter(matching).frame(tick(1)))
    const restored = Shard.decode(shard.encode(), [], PingMachine.decode)
    assert.deepEqual(restored.encode(), shard.encode())
    assert.throws(() => Shard.decode(shard.encode().subarray(1), [], PingMachine.decode), /malformed/)
  })
})

describe('A cut', () => {
  /** Markers and ticks by source, in order of arrival; the cuts that came of it. */
  function cutsOf(shard: Shard<PingMachine>, ...arrivals: readonly (readonly [string, Entry])[]): Cut[] {
    const streams = new Map([
      ['matching', new StreamWriter(matching)],
      ['risk', new StreamWriter(otherRisk)],
    ])
    return arrivals.flatMap(([source, entry]) => {
      const frame = streams.get(source)?.frame(entry) ?? encodeCommands([entry])
      return [...apply(shard, frame).cuts]
    })
  }

  it('is the state at the first marker, and what each other stream says until its own', () => {
    const [cut, ...others] = cutsOf(
      newShard(),
      ['gateway', tick(1)],
      ['gateway', marker(1)],
      ['matching', tick(2)],
      ['matching', marker(1)],
      ['matching', tick(3)],
      ['risk', tick(4)],
      ['risk', marker(1)],
    )
    assert.deepEqual(others, [])
    assert.deepEqual(cut, {
      marker: 1,
      state: 1,
      inFlight: [
        { source: matching, entry: tick(2) },
        { source: otherRisk, entry: tick(4) },
      ],
    })
  })

  it('passes the marker on to every stream once', () => {
    const shard = newShard()
    cutsOf(shard, ['gateway', marker(1)], ['gateway', marker(1)], ['matching', marker(1)])
    assert.deepEqual(shard.positions().written, { 'risk.in/1': 1, 'orders.in/0': 1, 'risk.out/0': 1 })
  })

  it('that a source has skipped gives way: however many, the next marker finds room', () => {
    const shard = newShard()
    const skipped = Array.from({ length: 40 }, (_, i) => ['gateway', marker(i + 1)] as const)
    const cuts = cutsOf(
      shard,
      ...skipped,
      ['matching', marker(50)],
      ['risk', marker(50)],
      ['gateway', marker(51)],
      ['matching', marker(51)],
      ['risk', marker(51)],
    )
    assert.deepEqual(
      cuts.map(({ marker: number, state }) => [number, state]),
      [
        [50, 0],
        [51, 0],
      ],
    )
  })
})
