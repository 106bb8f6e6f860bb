import assert from 'node:assert/strict'
import { decodeFrame } from '@bourse/protocol/frame'
import { KEPT_OUTPUTS_MAX, Replica } from '@bourse/protocol/replica'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { newShard, StreamWriter, ticks } from '@bourse/protocol/testing/ping-machine'
import { PartitionRunner } from './partition-runner.ts'
import { stopReason } from './stopped.ts'

const log = ticks(10)
const turn = () => new Promise((resolve) => setImmediate(resolve))

type Sent = { readonly to: string; readonly range: string; readonly deliver: (error?: Error) => void }

describe('PartitionRunner', () => {
  let sent: Sent[]
  let fatal: Error | undefined
  let stopped: Error[]
  let runner: PartitionRunner<ReturnType<typeof newShard>['machine']>

  beforeEach(() => {
    sent = []
    fatal = undefined
    stopped = []
    runner = new PartitionRunner({
      replica: new Replica(newShard(), { offset: 0, lastRecord: emptyHash }),
      partition: 0,
      producer: {
        send(topic, partition, value, onDelivered) {
          const { entries } = decodeFrame(value)
          const range = `${entries[0]?.sequence}-${entries.at(-1)?.sequence}`
          sent.push({ to: `${topic}/${partition}`, range, deliver: (error) => onDelivered(error) })
        },
      },
      onCut: () => {},
      onFatal: (error) => (fatal = error),
      onStopped: (error) => stopped.push(error),
    })
  })

  const told = () => sent.map(({ to, range }) => `${to} ${range}`)

  it('emits at once when nothing is under way, and gathers the rest until that is acknowledged', async () => {
    runner.own(undefined)
    for (const record of log.slice(0, 4)) runner.offer([record])
    assert.deepEqual(told(), ['risk.out/0 1-1', 'risk.in/1 1-1'])
    sent[0]!.deliver()
    await turn()
    assert.equal(sent.length, 2, 'one of the two frames is still under way')
    sent[1]!.deliver()
    await turn()
    assert.deepEqual(told().slice(2), ['risk.out/0 2-4', 'risk.in/1 2-4'])
    assert.equal(runner.replica.acknowledged, 1)
    for (const { deliver } of sent.slice(2)) deliver()
    await turn()
    assert.deepEqual([sent.length, runner.replica.acknowledged], [4, 4])
  })

  it('hands over when what is under way is acknowledged, and leaves what gathered to the next owner', async () => {
    runner.own(undefined)
    runner.offer(log.slice(0, 1))
    runner.offer(log.slice(1, 3))
    let handedOver = false
    const done = runner.handOver().then(() => (handedOver = true))
    await turn()
    assert.equal(handedOver, false)
    for (const { deliver } of sent) deliver()
    await done
    await turn()
    assert.deepEqual(told(), ['risk.out/0 1-1', 'risk.in/1 1-1'])
    assert.equal(runner.replica.acknowledged, 1)
  })

  it('is warm when it has kept all that it may, and reads on once it owns', async () => {
    const long = ticks(KEPT_OUTPUTS_MAX / 2 + 10)
    assert.equal(runner.isWarm(long.length), false)
    runner.offer(long)
    assert.deepEqual([runner.replica.next, runner.isWarm(long.length)], [KEPT_OUTPUTS_MAX / 2, true])
    runner.own(undefined)
    for (let delivered = 0; delivered < sent.length; delivered++) {
      sent[delivered]!.deliver()
      if (delivered % 1_000 === 0) await turn()
    }
    await turn()
    assert.deepEqual([runner.replica.next, runner.blocked], [long.length, false])
  })

  it('stops for good at a record that cannot be applied, and still emits what came before', async () => {
    runner.own(undefined)
    const [first, second, third] = log
    const poison = { ...third!, value: Buffer.from('no frame') }
    runner.offer([first!, second!, poison])
    runner.offer(log.slice(3))
    for (let delivered = 0; delivered < sent.length; delivered++) {
      sent[delivered]!.deliver()
      await turn()
    }
    assert.equal(sent.at(-1)!.range.endsWith('-2'), true)
    assert.deepEqual([runner.replica.next, runner.replica.acknowledged, runner.blocked], [2, 2, true])
    assert.deepEqual(stopped.map(stopReason), ['malformed'])
    assert.equal(runner.stopped, stopped[0])
  })

  it('stops where one sequence number comes with two contents', () => {
    const [writer, other] = [1, 1].map((shard) => new StreamWriter({ kind: 'risk', shard }))
    const frames = [writer!.frame({ type: 'tick', number: 1 }), other!.frame({ type: 'tick', number: 2 })]
    runner.offer(frames.map((value, offset) => ({ offset, timestamp: 1_000, value })))
    assert.deepEqual(stopped.map(stopReason), ['difference'])
  })

  it('ends the process when a frame cannot be delivered', () => {
    runner.own(undefined)
    runner.offer(log.slice(0, 1))
    sent[0]!.deliver(new Error('gone'))
    assert.match(fatal?.message ?? '', /risk\.out\/0 was not delivered/)
  })
})
