import assert from 'node:assert/strict'
import { once } from 'node:events'

import { type Admin, connectAdmin } from './admin.ts'
import { type Producer, type ProducerOptions, connectProducer } from './producer.ts'

const brokers = process.env['KAFKA_BROKERS']!
const topic = `producer-itest-${process.pid}-${Date.now()}`

describe('Producer', () => {
  let admin: Admin
  const open: Producer[] = []

  before(async () => {
    admin = await connectAdmin({ brokers, clientId: 'producer-itest' })
    await admin.createTopics([{ topic, partitions: 2, replicas: 1 }])
  })

  after(async () => {
    for (const producer of open) await producer.close()
    await admin.close()
  })

  async function connected(options: Partial<ProducerOptions> = {}): Promise<Producer> {
    const onFatal = (error: Error) => {
      throw error
    }
    const producer = await connectProducer({ brokers, clientId: 'producer-itest', onFatal, ...options })
    open.push(producer)
    return producer
  }

  it('reports each record once, with its offset, in order', async () => {
    const producer = await connected()
    const { high } = await admin.watermarks(topic, 0)
    const offsets: number[] = []
    for (let count = 0; count < 500; count++) {
      producer.send(topic, 0, Buffer.from([1]), (error, offset) => {
        assert.equal(error, undefined)
        offsets.push(offset)
      })
    }
    assert.equal(producer.inFlight, 500)
    await producer.flush(5_000)
    assert.equal(producer.inFlight, 0)
    assert.deepEqual(
      offsets,
      Array.from({ length: 500 }, (_, index) => high + index),
    )
  })

  it('refuses a record when its queue is full, and takes it when there is room again', async () => {
    const producer = await connected({ queueMessagesMax: 10 })
    let delivered = 0
    const send = () => producer.send(topic, 0, Buffer.from([1]), () => delivered++)
    assert.throws(
      () => {
        for (let count = 0; count <= 10; count++) send()
      },
      { code: 'queue_full' },
    )
    assert.equal(producer.inFlight, 10)
    await producer.flush(5_000)
    send()
    await producer.flush(5_000)
    assert.equal(delivered, 11)
  })

  it('refuses a record that is too large', async () => {
    const producer = await connected()
    assert.throws(() => producer.send(topic, 0, Buffer.alloc(2_000_000), () => {}), {
      code: 'msg_size_too_large',
    })
    assert.equal(producer.inFlight, 0)
  })

  it('tells by name why a record was not delivered', async () => {
    const producer = await connected({ messageTimeoutMs: 300 })
    const codes: (string | undefined)[] = []
    producer.send(`${topic}-unknown`, 0, Buffer.from([1]), (error) => codes.push(error?.code))
    await assert.rejects(producer.flush(1), { code: 'timed_out' })
    await producer.flush(10_000)
    assert.deepEqual(codes, ['msg_timed_out'])
  })

  it('takes an exception in a delivery callback for fatal', async () => {
    const events = new EventTarget()
    const producer = await connected({ onFatal: ({ message }) => events.dispatchEvent(new Event(message)) })
    const fatal = once(events, 'of the callback')
    producer.send(topic, 0, Buffer.from([1]), () => {
      throw new Error('of the callback')
    })
    await fatal
    await producer.flush(5_000)
  })

  it('says so when there is no broker', async () => {
    const lonely = { brokers: '127.0.0.1:1', clientId: 'lonely', connectTimeoutMs: 300 }
    const connecting = connectProducer({ ...lonely, onFatal() {} })
    await assert.rejects(connecting, /cannot reach Kafka at 127\.0\.0\.1:1/)
  })
})
