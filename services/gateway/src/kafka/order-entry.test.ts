import assert from 'node:assert/strict'
import { KafkaError } from '@bourse/platform/kafka/error'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame } from '@bourse/protocol/frame'
import { blankReply } from '../testing/gateway.ts'
import { ENTRIES_PER_FRAME_MAX, OrderEntry, type Command, type OrderEntryOptions } from './order-entry.ts'

const order: Command = {
  ...{
    type: 'placeOrder',
    account: 16,
    commandId: 'c',
    symbol: 1,
    side: 'buy',
    kind: 'limit',
    timeInForce: 'gtc',
  },
  ...{ postOnly: false, price: ticks(100), quantity: lots(5), funds: 0n, wantResult: false },
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

type Sent = { shard: number; entries: Entry[]; deliver: (error: KafkaError | undefined) => void }
type Asked = Extract<Entry, { readonly replyTo: unknown }>

describe('OrderEntry', () => {
  let sent: Sent[]
  let now: number
  let counts: Record<string, number>
  let entry: OrderEntry

  const create = (options: Partial<OrderEntryOptions> = {}): OrderEntry => {
    const count = (name: string, by = 1) => (counts[name] = (counts[name] ?? 0) + by)
    return new OrderEntry({
      ...{ shards: 2, partition: 3, instance: 77, inFlightMax: 5_000, shedReplyLagMs: 3_000 },
      ...{ requestTimeoutMs: 12_000, orderDeadlineMs: 5_000, now: () => now },
      send: (shard, frame, deliver) =>
        sent.push({ shard, entries: decodeFrame(frame).entries.map((framed) => framed.entry), deliver }),
      events: {
        shed: (reason) => count(`shed ${reason}`),
        unanswered: (by) => count('unanswered', by),
        lateReply: () => count('late'),
        undelivered: (_, failure, by) => count(`undelivered ${failure}`, by),
        framed: () => count('frames'),
      },
      ...options,
    })
  }

  const requestOf = (frame: number, at = 0): number => (sent[frame]?.entries[at] as Asked).replyTo.request
  const answer = (request: number, { shard = 0, time = now, orderId = 0 } = {}) =>
    entry.receive({ ...blankReply, shard, request, orderId }, time)

  beforeEach(() => {
    sent = []
    now = 1_000_000
    counts = {}
    entry = create()
  })

  it('puts what comes in one turn into one frame per shard', async () => {
    for (const shard of [0, 1, 0, 0]) void entry.submit(shard, order)
    assert.equal(sent.length, 0)
    await turn()
    assert.deepEqual(
      sent.map(({ shard, entries }) => [shard, entries.length]),
      [
        [0, 3],
        [1, 1],
      ],
    )
  })

  it('gathers what comes while a frame is under way, and sends it when that one is acknowledged', async () => {
    for (let i = 0; i < 4; i++) {
      void entry.submit(0, order)
      await turn()
    }
    assert.equal(sent.length, 1)
    sent[0]!.deliver(undefined)
    assert.deepEqual(
      sent.map(({ entries }) => entries.length),
      [1, 3],
    )
    sent[1]!.deliver(undefined)
    assert.equal(sent.length, 2, 'nothing is left to send')
  })

  it('goes on with the next frame when one was given up or not taken', async () => {
    void entry.submit(0, order).catch(() => {})
    await turn()
    void entry.submit(0, order)
    await turn()
    sent[0]!.deliver(new KafkaError('msg_timed_out', 'gone'))
    assert.equal(sent.length, 2)
    let takes = false
    const taken: number[] = []
    entry = create({
      send(_, frame) {
        if (!takes) throw new KafkaError('queue_full', 'full')
        taken.push(decodeFrame(frame).entries.length)
      },
    })
    await assert.rejects(entry.submit(0, order), { code: 'overloaded' })
    takes = true
    void entry.submit(0, order)
    await turn()
    assert.deepEqual(taken, [1])
  })

  it('keeps the order of arrival, also beyond one frame', async () => {
    const count = ENTRIES_PER_FRAME_MAX + 10
    for (let i = 0; i < count; i++) void entry.submit(0, { ...order, commandId: `c${i}` } as Command)
    await turn()
    sent[0]!.deliver(undefined)
    assert.equal(sent.length, 2)
    const ids = sent.flatMap(({ entries }) => entries.map((each) => 'commandId' in each && each.commandId))
    assert.deepEqual(
      ids,
      Array.from({ length: count }, (_, i) => `c${i}`),
    )
  })

  it('addresses every command, and sets its deadline by the log’s clock', async () => {
    void entry.submit(0, order)
    await turn()
    answer(requestOf(0), { time: now + 60_000 })
    sent[0]!.deliver(undefined)
    void entry.submit(0, order)
    await turn()
    const [first, second] = sent.map(({ entries }) => entries[0]) as [Asked, Asked]
    assert.deepEqual([first.replyTo.partition, first.replyTo.instance], [3, 77])
    assert.notEqual(first.replyTo.request, second.replyTo.request)
    assert.equal('deadline' in first && first.deadline, 1_005_000)
    assert.equal('deadline' in second && second.deadline, 1_065_000)
  })

  it('gives each answer to its command, whatever their order', async () => {
    const [a, b] = [entry.submit(0, order), entry.submit(0, order)]
    await turn()
    answer(requestOf(0, 1), { orderId: 2 })
    answer(requestOf(0, 0), { orderId: 1 })
    assert.deepEqual([(await a).orderId, (await b).orderId], [1, 2])
    assert.equal(entry.inFlight, 0)
  })

  it('gives a command up after the time-out, and counts the late answer', async () => {
    const asked = entry.submit(0, order)
    await turn()
    now += 11_999
    entry.sweep()
    now += 1
    entry.sweep()
    await assert.rejects(asked, { code: 'outcome_unknown' })
    answer(requestOf(0))
    assert.deepEqual([counts['unanswered'], counts['late']], [1, 1])
  })

  it('does not know what became of a frame that was given up', async () => {
    const asked = [entry.submit(0, order), entry.submit(0, order)]
    await turn()
    sent[0]!.deliver(new KafkaError('msg_timed_out', 'gone'))
    for (const each of asked) await assert.rejects(each, { code: 'outcome_unknown' })
    assert.deepEqual([counts['undelivered outcome_unknown'], entry.inFlight], [2, 0])
  })

  it('waits on for the answer of a frame that was delivered', async () => {
    const asked = entry.submit(0, order)
    await turn()
    sent[0]!.deliver(undefined)
    answer(requestOf(0), { orderId: 9 })
    assert.equal((await asked).orderId, 9)
  })

  it('says overloaded when the client takes no more', async () => {
    entry = create({
      send() {
        throw new KafkaError('queue_full', 'full')
      },
    })
    await assert.rejects(entry.submit(0, order), { code: 'overloaded' })
    assert.equal(counts['undelivered overloaded'], 1)
  })

  it('takes no more than so many commands at once', async () => {
    entry = create({ inFlightMax: 2 })
    const first = entry.submit(0, order)
    void entry.submit(0, order)
    await assert.rejects(entry.submit(1, order), { code: 'overloaded' })
    await turn()
    answer(requestOf(0))
    await first
    void entry.submit(0, order)
    assert.deepEqual([entry.inFlight, counts['shed in_flight']], [2, 1])
  })

  it('sheds load while a shard’s answers lag, and begins again by itself', async () => {
    void entry.submit(0, order)
    void entry.submit(1, order)
    await turn()
    for (const { deliver } of sent) deliver(undefined)
    answer(requestOf(1), { shard: 1 })
    now += 3_100
    entry.sweep()
    await assert.rejects(entry.submit(0, order), { code: 'overloaded' })
    assert.equal(counts['shed reply_lag'], 1)
    void entry.submit(1, order)
    await turn()
    // The shard comes back: it answers the ping that asked whether it lives, but its first answer was lost.
    const ping = sent.findLast(({ entries }) => entries[0]?.type === 'ping')
    answer((ping?.entries[0] as Asked).replyTo.request)
    entry.sweep()
    void entry.submit(0, order)
    assert.equal(counts['shed reply_lag'], 1)
  })

  it('asks every shard for a sign of life, and is ready when all have given one', async () => {
    assert.equal(entry.ready, false)
    entry.sweep()
    await turn()
    assert.deepEqual(
      sent.map(({ shard, entries }) => [shard, entries[0]?.type]),
      [
        [0, 'ping'],
        [1, 'ping'],
      ],
    )
    answer(requestOf(0))
    assert.equal(entry.ready, false)
    answer(requestOf(1), { shard: 1 })
    assert.equal(entry.ready, true)
    now += 60_000
    entry.sweep()
    await turn()
    assert.equal(sent.length, 2, 'an idle gateway writes nothing')
  })
})
