import assert from 'node:assert/strict'
import { decodeFrame, encodeCommands } from './frame.ts'
import { MalformedError } from './bytes.ts'
import { Replica, WrongLogError, type Batch } from './replica.ts'
import { Shard } from './shard.ts'
import { emptyHash } from './stream-hash.ts'
import { newShard, PingMachine, ticks } from './testing/ping-machine.ts'

const begin = { offset: 0, lastRecord: emptyHash }
const log = ticks(10)

function replicaAt(records: number, x?: number): Replica<PingMachine> {
  const replica = new Replica(newShard(), begin, x)
  for (const record of log.slice(0, records)) replica.read(record)
  return replica
}

/** First and last sequence of a batch's entries, per stream. */
function told(batch: Batch | undefined): string[] | undefined {
  return batch?.frames.map(({ topic, partition, value }) => {
    const { entries } = decodeFrame(value)
    return `${topic}/${partition} ${entries[0]?.sequence}-${entries.at(-1)?.sequence}`
  })
}

describe('Replica', () => {
  it('hands everything read out in one frame per stream, once', () => {
    const replica = replicaAt(4)
    replica.own(undefined)
    assert.deepEqual(told(replica.take()), ['risk.out/0 1-4', 'risk.in/1 1-4'])
    assert.equal(replica.take(), undefined)
    replica.read(log[4]!)
    assert.deepEqual(told(replica.take()), ['risk.out/0 5-5', 'risk.in/1 5-5'])
  })

  it('cuts a frame where the epoch changes: an entry has the epoch in which it was made, whenever it is handed out', () => {
    const replica = replicaAt(2)
    const value = encodeCommands([{ type: 'epoch', epoch: 2 }])
    replica.read({ offset: 2, timestamp: 1_002, value })
    replica.read({ ...log[3]!, offset: 3 })
    replica.own(undefined)
    const frames = replica.take()!.frames.map((frame) => ({ ...frame, ...decodeFrame(frame.value) }))
    const written = frames
      .filter(({ topic }) => topic === 'risk.out')
      .map(({ epoch, entries }) => [epoch, ...entries.map(({ sequence }) => sequence)])
    assert.deepEqual(written, [
      [1, 1, 2],
      [2, 3, 4],
    ])
  })

  it('replays in silence up to X and emits from there', () => {
    const replica = replicaAt(6, 4)
    replica.own(4)
    assert.deepEqual(told(replica.take()), ['risk.out/0 5-6', 'risk.in/1 5-6'])
  })

  it('drops what the owner has emitted, as far as it has heard', () => {
    const replica = replicaAt(6)
    replica.observe(2)
    replica.observe(1)
    replica.own(5)
    assert.deepEqual(told(replica.take()), ['risk.out/0 6-6', 'risk.in/1 6-6'])
  })

  it('has nothing to say where X is ahead of what it has read', () => {
    const replica = replicaAt(3)
    replica.own(5)
    assert.equal(replica.take(), undefined)
    for (const record of log.slice(3, 6)) replica.read(record)
    assert.deepEqual(told(replica.take()), ['risk.out/0 6-6', 'risk.in/1 6-6'])
  })

  it('moves X only over batches that were all acknowledged', () => {
    const replica = replicaAt(2)
    replica.own(undefined)
    const first = replica.take()!
    replica.read(log[2]!)
    const second = replica.take()!
    replica.acknowledge(second)
    assert.deepEqual([replica.acknowledged, replica.batchesInFlight], [0, 2])
    replica.acknowledge(first)
    assert.deepEqual([replica.acknowledged, replica.batchesInFlight], [3, 0])
  })

  it('keeps what follows from inputs after it gave its partition up, and counts acknowledgements that come late', () => {
    const replica = replicaAt(2)
    replica.own(undefined)
    const batch = replica.take()!
    replica.disown()
    replica.read(log[2]!)
    assert.throws(() => replica.take(), /only the owner emits/)
    replica.acknowledge(batch)
    assert.equal(replica.acknowledged, 2)
    replica.own(2)
    assert.deepEqual(told(replica.take()), ['risk.out/0 3-3', 'risk.in/1 3-3'])
  })

  it('moves X over inputs from which nothing follows', () => {
    const replica = new Replica(newShard(), begin)
    replica.read({
      offset: 0,
      timestamp: 1,
      value: encodeCommands([{ type: 'openAccount', owner: 'ann', replyTo: nobody }]),
    })
    replica.own(undefined)
    const batch = replica.take()!
    assert.deepEqual(batch.frames, [])
    replica.acknowledge(batch)
    assert.equal(replica.acknowledged, 1)
  })

  it('goes on from a snapshot as if it had never stopped', () => {
    const straight = replicaAt(10)
    const snapshot = replicaAt(6).snapshot()
    const restored = new Replica(
      Shard.decode(snapshot.state, snapshot.segments, PingMachine.decode),
      snapshot,
    )
    for (const record of log.slice(5)) restored.read(record)
    assert.deepEqual(restored.snapshot(), straight.snapshot())
    assert.deepEqual(straight.snapshot().written, { 'risk.out/0': 10, 'risk.in/1': 10 })
  })

  it('refuses a log that does not continue its own', () => {
    const snapshot = replicaAt(6).snapshot()
    const restored = (): Replica<PingMachine> =>
      new Replica(Shard.decode(snapshot.state, [], PingMachine.decode), snapshot)
    assert.deepEqual(restored().read(log[5]!), [])
    assert.throws(() => restored().read({ ...log[5]!, value: log[4]!.value }), WrongLogError)
    assert.throws(() => restored().read(log[7]!), /read offset 7, 6 is next/)
  })

  it('applies nothing of a frame that does not parse', () => {
    const replica = replicaAt(3)
    const before = replica.snapshot()
    const two = encodeCommands([
      { type: 'tick', number: 4 },
      { type: 'tick', number: 5 },
    ])
    const torn = two.subarray(0, two.length - 1)
    assert.throws(() => replica.read({ offset: 3, timestamp: 2_000, value: torn }), MalformedError)
    assert.deepEqual(replica.snapshot(), before)
  })
})

const nobody = { partition: 0, instance: 0, request: 0 }
