import assert from 'node:assert/strict'
import { encodeCommands } from '@bourse/protocol/frame'
import { Replica } from '@bourse/protocol/replica'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { newShard, ticks } from '@bourse/protocol/testing/ping-machine'
import { PartitionRunner } from './partition-runner.ts'
import { derivedOutputsOnly, standbyGroupOf } from './standby-region.ts'

describe('an engine in a region that stands by', () => {
  const written: string[] = []
  const producer = derivedOutputsOnly({
    send(topic, partition, _value, onDelivered) {
      written.push(`${topic}/${partition}`)
      setImmediate(() => onDelivered(undefined))
    },
  })

  it('writes what is derived, tells no engine anything, and comes as far', async () => {
    const runner = new PartitionRunner({
      ...{ replica: new Replica(newShard(), { offset: 0, lastRecord: emptyHash }), partition: 0, producer },
      ...{ onCut: () => {}, onFatal: (error: Error) => assert.ifError(error) },
    })
    runner.own(undefined)
    runner.offer(ticks(3))
    while (runner.replica.batchesInFlight > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(written, ['risk.out/0'])
    assert.equal(runner.replica.acknowledged, 3)
  })

  it('writes neither commands nor answers', async () => {
    written.length = 0
    const frame = encodeCommands([{ type: 'tick', number: 1 }])
    for (const topic of ['risk.in', 'orders.in', 'replies', 'orders.out'])
      await new Promise((resolve) => producer.send(topic, 0, frame, resolve))
    assert.deepEqual(written, ['orders.out/0'])
  })

  it('has a group of its own', () => {
    assert.equal(standbyGroupOf('risk-engine'), 'risk-engine-standby-region')
  })
})
