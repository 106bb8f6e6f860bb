import assert from 'node:assert/strict'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { OFFSET_BEGINNING } from '@bourse/platform/kafka/client'
import { connectFollower, type Follower } from '@bourse/platform/kafka/consumer'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'
import { Resources } from '@bourse/platform/resources'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame, encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { lots, ticks } from '@bourse/domain/units'
import { blankReply } from '../testing/gateway.ts'
import { connectOrderEntry } from './connect-order-entry.ts'
import type { Command, OrderEntry } from './order-entry.ts'

const brokers = process.env['KAFKA_BROKERS']!
const SHARDS = 2

/** Answers what gateways ask, as a risk shard would; `mute` shards read and say nothing. */
class Responder {
  readonly mute = new Set<number>()
  readonly #follower: Follower
  readonly #producer: Producer
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #accepted = 0
  entries = 0
  frames = 0

  constructor(follower: Follower, producer: Producer, topics: { riskIn: string; replies: string }) {
    this.#follower = follower
    this.#producer = producer
    const positions = Array.from({ length: SHARDS }, (_, partition) => ({
      ...{ topic: topics.riskIn, partition, offset: OFFSET_BEGINNING },
    }))
    follower.assign(positions)
    this.#running = this.#run(topics.replies)
  }

  async #run(replies: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const records = await this.#follower.read({ max: 100, waitMs: 1_000, signal: this.#stop.signal })
      for (const { value, partition, timestamp } of records) {
        this.frames++
        for (const { entry } of decodeFrame(value).entries) {
          this.entries++
          if (!this.mute.has(partition)) this.#answer(entry, partition, timestamp, replies)
        }
      }
    }
  }

  #answer(entry: Entry, shard: number, time: number, replies: string): void {
    if (!('replyTo' in entry)) return
    const { partition, instance, request } = entry.replyTo
    const orderId = entry.type === 'placeOrder' ? ++this.#accepted : 0
    const reply = { ...blankReply, shard, instance, request, orderId }
    // Another gateway's answer goes before: it is for somebody else, though the number is the same.
    const others = { ...reply, instance: instance === 1 ? 2 : 1, orderId: 999_999 }
    const entries = [others, reply].map((each) => encodeEntry(each, { version: 0, cause: 1, time }))
    const source = { kind: 'risk', shard } as const
    const frame = encodeFrame(
      { source, epoch: 1, sequence: 0, hashBefore: emptyHash, endsCommand: true },
      entries,
    )
    this.#producer.send(replies, partition, frame, (error) => assert.equal(error, undefined))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

describe('order entry over Kafka', function () {
  this.timeout(30_000)
  const name = `gateway-itest-${process.pid}-${Date.now()}`
  const topics = { riskIn: `${name}.risk.in`, replies: `${name}.replies` }
  const connection = { brokers, clientId: name }
  const resources = new Resources()
  const shutdown = new AbortController()
  const counts = { late: 0, undelivered: 0 }
  let responder: Responder
  let entry: OrderEntry

  const order: Command = {
    ...{ type: 'placeOrder', account: 16, commandId: 'c', symbol: 1, side: 'buy', kind: 'limit' },
    ...{
      timeInForce: 'gtc',
      postOnly: false,
      price: ticks(100),
      quantity: lots(5),
      funds: 0n,
      wantResult: false,
    },
  }

  const connect = (options: { riskShards?: number; requestTimeoutMs?: number } = {}) =>
    connectOrderEntry({
      ...{ connection, topics, resources, shutdown, instanceName: 'gateway-1', riskShards: SHARDS },
      ...{ inFlightMax: 10_000, shedReplyLagMs: 3_000, requestTimeoutMs: 10_000, orderDeadlineMs: 5_000 },
      events: {
        shed: () => assert.fail('nothing is to be shed'),
        unanswered: () => {},
        lateReply: () => counts.late++,
        undelivered: () => counts.undelivered++,
        framed: () => {},
      },
      ...options,
    })

  before(async () => {
    const admin = resources.own(await connectAdmin(connection), (each) => each.close())
    const config = { 'message.timestamp.type': 'LogAppendTime' }
    await admin.createTopics([
      { topic: topics.riskIn, partitions: SHARDS, replicas: 1, config },
      { topic: topics.replies, partitions: 4, replicas: 1, config },
    ])
    const producer = resources.own(await connectProducer({ ...connection, onFatal: assert.fail }), (each) =>
      each.close(),
    )
    const follower = resources.own(await connectFollower(connection), (each) => each.close())
    responder = resources.own(new Responder(follower, producer, topics), (each) => each.close())
    entry = await connect()
    while (!entry.ready) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  after(() => resources.closeAll())

  it('brings every answer back to its command', async () => {
    const asked = Array.from({ length: 2_000 }, (_, i) => entry.submit(i % SHARDS, order))
    const replies = await Promise.all(asked)
    assert.equal(new Set(replies.map(({ orderId }) => orderId)).size, 2_000)
    assert(replies.every(({ shard, orderId }, i) => shard === i % SHARDS && orderId !== 999_999))
    assert(
      responder.frames < responder.entries / 100,
      `${responder.entries} entries in ${responder.frames} frames`,
    )
  })

  it('answers one command at a time within milliseconds', async () => {
    const times: number[] = []
    for (let i = 0; i < 200; i++) {
      const begunAt = performance.now()
      await entry.submit(0, order)
      times.push(performance.now() - begunAt)
    }
    const median = times.sort((a, b) => a - b)[100]!
    assert(median < 50, `${median} ms`)
  })

  it('does not know the outcome when no answer comes, and knows it on asking again', async () => {
    const impatient = await connect({ requestTimeoutMs: 500 })
    responder.mute.add(1)
    await assert.rejects(impatient.submit(1, order), { code: 'outcome_unknown' })
    responder.mute.delete(1)
    assert((await impatient.submit(1, order)).orderId > 0)
  })

  it('refuses another number of shards than the exchange has', async () => {
    await assert.rejects(connect({ riskShards: 3 }), /has 2 partitions, RISK_PARTITIONS is 3/)
  })
})
