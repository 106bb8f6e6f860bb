import assert from 'node:assert/strict'

import { type Admin, connectAdmin } from './admin.ts'
import { OFFSET_BEGINNING, OFFSET_END } from './client.ts'
import { type Follower, type Message, connectFollower } from './consumer.ts'
import { type Producer, connectProducer } from './producer.ts'

const brokers = process.env['KAFKA_BROKERS']!
const clientId = 'consumer-itest'

describe('Follower', () => {
  let admin: Admin
  let producer: Producer
  let follower: Follower
  let topic: string

  before(async () => {
    admin = await connectAdmin({ brokers, clientId })
    producer = await connectProducer({ brokers, clientId, onFatal: assert.fail })
  })

  after(async () => {
    await producer.close()
    await admin.close()
  })

  beforeEach(async () => {
    topic = `${clientId}-${process.pid}-${Date.now()}`
    await admin.createTopics([{ topic, partitions: 2, replicas: 1 }])
    follower = await connectFollower({ brokers, clientId })
  })

  afterEach(() => follower.close())

  async function produce(partition: number, ...values: string[]): Promise<void> {
    for (const value of values) {
      producer.send(topic, partition, Buffer.from(value), (error) => assert.equal(error, undefined))
    }
    await producer.flush(5_000)
  }

  /** Reads until `count` records have come. */
  async function readValues(count: number): Promise<string[]> {
    const values: string[] = []
    while (values.length < count) {
      for (const { value } of await follower.read({ max: 100, waitMs: 5_000 })) values.push(value.toString())
    }
    return values
  }

  it('reads from the offset given, with the broker’s time', async () => {
    await produce(0, 'a', 'b', 'c')
    follower.assign([{ topic, partition: 0, offset: 1 }])
    const [first] = (await follower.read({ max: 1, waitMs: 5_000 })) as [Message]
    assert.deepEqual(
      { ...first, timestamp: 0 },
      { topic, partition: 0, offset: 1, timestamp: 0, value: Buffer.from('b') },
    )
    assert(Math.abs(first.timestamp - Date.now()) < 60_000)
    assert.deepEqual(await readValues(1), ['c'])
  })

  it('reads from the beginning and from the end', async () => {
    await produce(0, 'old')
    await produce(1, 'old')
    follower.assign([
      { topic, partition: 0, offset: OFFSET_BEGINNING },
      { topic, partition: 1, offset: OFFSET_END },
    ])
    assert.deepEqual(await readValues(1), ['old'])
    await follower.read({ max: 1, waitMs: 300 })
    await produce(1, 'new')
    assert.deepEqual(await readValues(1), ['new'])
  })

  it('ends a wait as soon as a record comes', async () => {
    follower.assign([{ topic, partition: 0, offset: 0 }])
    await follower.read({ max: 1, waitMs: 500 })
    const start = performance.now()
    const reading = follower.read({ max: 10, waitMs: 5_000 })
    await produce(0, 'a')
    assert.equal((await reading).length, 1)
    assert(performance.now() - start < 1_000)
  })

  it('returns nothing after waitMs, and at once when aborted, losing nothing', async () => {
    follower.assign([{ topic, partition: 0, offset: 0 }])
    assert.deepEqual(await follower.read({ max: 10, waitMs: 50 }), [])
    const controller = new AbortController()
    const reading = follower.read({ max: 10, waitMs: 60_000, signal: controller.signal })
    controller.abort()
    assert.deepEqual(await reading, [])
    await produce(0, 'a', 'b')
    assert.deepEqual(await readValues(2), ['a', 'b'])
  })

  it('adds and removes one partition without disturbing the others', async () => {
    follower.assign([{ topic, partition: 0, offset: 0 }])
    await produce(0, 'a')
    await produce(1, 'x', 'y')
    assert.deepEqual(await readValues(1), ['a'])
    follower.add({ topic, partition: 1, offset: 1 })
    assert.deepEqual(await readValues(1), ['y'])
    follower.remove({ topic, partition: 1 })
    await produce(1, 'z')
    await produce(0, 'b')
    assert.deepEqual(await readValues(1), ['b'])
    follower.add({ topic, partition: 1, offset: 0 })
    assert.deepEqual(await readValues(3), ['x', 'y', 'z'])
  })

  it('reads nothing of a paused partition, and all of it when resumed', async () => {
    follower.assign([{ topic, partition: 0, offset: 0 }])
    await produce(0, 'a', 'b')
    assert.deepEqual(await readValues(2), ['a', 'b'])
    follower.pause([{ topic, partition: 0 }])
    await produce(0, 'c')
    assert.deepEqual(await follower.read({ max: 10, waitMs: 500 }), [])
    follower.resume([{ topic, partition: 0 }])
    assert.deepEqual(await readValues(1), ['c'])
  })

  it('takes at most max at a time', async () => {
    await produce(0, 'a', 'b', 'c')
    follower.assign([{ topic, partition: 0, offset: 0 }])
    const sizes: number[] = []
    while (sizes.reduce((sum, size) => sum + size, 0) < 3) {
      sizes.push((await follower.read({ max: 2, waitMs: 5_000 })).length)
    }
    assert(Math.max(...sizes) <= 2)
  })

  it('knows a partition’s watermarks', async () => {
    assert.deepEqual(await follower.watermarks(topic, 0), { low: 0, high: 0 })
    await produce(0, 'a', 'b')
    assert.deepEqual(await follower.watermarks(topic, 0), { low: 0, high: 2 })
  })

  it('fails by name when the offset is not in the log, whatever else it follows', async () => {
    await produce(1, ...Array.from({ length: 200 }, (_, index) => `${index}`))
    follower.assign([
      { topic, partition: 0, offset: 1_000 },
      { topic, partition: 1, offset: 0 },
    ])
    const reading = async () => {
      for (;;) await follower.read({ max: 1_000, waitMs: 200 })
    }
    await assert.rejects(reading(), ({ code, message }) => {
      assert.equal(code, 'offset_out_of_range')
      assert.match(message, new RegExp(`^${topic}\\[0\\] has no offset 1000: .*out of range`))
      return true
    })
    await assert.rejects(follower.read({ max: 1, waitMs: 1 }), { code: 'offset_out_of_range' })
  })

  it('closes quickly while a read is waiting', async () => {
    follower.assign([{ topic, partition: 0, offset: 0 }])
    const reading = follower.read({ max: 1, waitMs: 500 })
    const start = performance.now()
    await follower.close()
    assert.deepEqual(await reading, [])
    assert.deepEqual(await follower.read({ max: 1, waitMs: 5_000 }), [])
    assert(performance.now() - start < 2_000)
  })
})
