import assert from 'node:assert/strict'

import { type Admin, connectAdmin } from './admin.ts'
import type { TopicPartition } from './client.ts'
import { type Group, type GroupOptions, joinConsumerGroup, joinGroup } from './group.ts'
import { type Producer, connectProducer } from './producer.ts'

const brokers = process.env['KAFKA_BROKERS']!
const clientId = 'group-itest'
const PARTITIONS = 4

describe('joinGroup', () => {
  let admin: Admin
  let topic: string
  let groupId: string
  let events: string[]
  const open: { close(): Promise<void> }[] = []

  before(async () => {
    admin = await connectAdmin({ brokers, clientId })
  })

  after(() => admin.close())

  beforeEach(async () => {
    topic = groupId = `${clientId}-${process.pid}-${Date.now()}`
    events = []
    await admin.createTopics([{ topic, partitions: PARTITIONS, replicas: 1 }])
  })

  afterEach(async () => {
    await Promise.all(open.splice(0).map((member) => member.close()))
  })

  async function join(name: string, options: Partial<GroupOptions> = {}): Promise<Group> {
    const group = await joinGroup({
      brokers,
      clientId,
      groupId,
      topics: [topic],
      onAssign: async (partitions) => void events.push(`${name} + ${numbers(partitions)}`),
      onRevoke: async (partitions, { lost }) =>
        void events.push(`${name} - ${numbers(partitions)}${lost ? ' lost' : ''}`),
      onFatal: assert.fail,
      ...options,
    })
    open.push(group)
    return group
  }

  const happened = (count: number) => until(() => events.length >= count)

  it('gives the only member everything', async () => {
    await join('a')
    await happened(1)
    assert.deepEqual(events, ['a + 0 1 2 3'])
  })

  it('hands over only what moves, and only after its owner has let go and committed', async () => {
    const a = await join('a', {
      onRevoke: async (partitions) => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        await a.commit(partitions.map((partition) => ({ ...partition, offset: 7 })))
        events.push(`a - ${numbers(partitions)}`)
      },
    })
    await happened(1)
    let committed: readonly { offset: number | undefined }[] = []
    const b = await join('b', {
      onAssign: async (partitions) => {
        committed = await b.committed(partitions)
        events.push(`b + ${numbers(partitions)}`)
      },
    })
    await happened(3)
    const [, given, taken] = events as [string, string, string]
    assert.match(given, /^a - \d \d$/)
    assert.equal(taken, given.replace('a -', 'b +'))
    assert.deepEqual(
      committed.map(({ offset }) => offset),
      [7, 7],
    )
  })

  it('leaves at once when closed, handing over everything', async () => {
    const a = await join('a')
    await happened(1)
    await join('b')
    await happened(3)
    const start = performance.now()
    await a.close()
    const gone = performance.now()
    await happened(5)
    assert(gone - start < 1_500, `closing took ${gone - start} ms`)
    assert(performance.now() - start < 1_500, `taking over took ${performance.now() - start} ms`)
    assert.match(events[3]!, /^a - \d \d$/)
    assert.match(events[4]!, /^b \+ \d \d$/)
  })

  it('tells what is committed, and what never was', async () => {
    const a = await join('a')
    await happened(1)
    await a.commit([
      { topic, partition: 2, offset: 5 },
      { topic, partition: 1, offset: 9 },
    ])
    await a.commit([{ topic, partition: 2, offset: 6 }])
    const asked = [0, 2, 1].map((partition) => ({ topic, partition }))
    assert.deepEqual(await a.committed(asked), [
      { topic, partition: 0, offset: undefined },
      { topic, partition: 2, offset: 6 },
      { topic, partition: 1, offset: 9 },
    ])
  })

  it('refuses to commit for what it does not own', async () => {
    const a = await join('a')
    await happened(1)
    await assert.rejects(a.commit([{ topic: 'other', partition: 0, offset: 1 }]), { code: 'assignment_lost' })
    await a.commit([{ topic, partition: 0, offset: 1 }])
  })

  it('takes an exception in onAssign or onRevoke for fatal, and still closes', async () => {
    const fatal: string[] = []
    const member = await join('a', {
      onAssign: async () => {
        throw new Error('cannot start')
      },
      onFatal: ({ message }) => fatal.push(message),
    })
    await until(() => fatal.length > 0)
    await member.close()
    await join('b', {
      onRevoke: async () => {
        throw new Error('cannot stop')
      },
      onFatal: ({ message }) => fatal.push(message),
    })
    await happened(1)
    await Promise.all(open.splice(0).map((each) => each.close()))
    assert.deepEqual(fatal, ['cannot start', 'cannot stop'])
  })

  describe('joinConsumerGroup', () => {
    let producer: Producer

    before(async () => {
      producer = await connectProducer({ brokers, clientId, onFatal: assert.fail })
    })

    after(() => producer.close())

    const member = (options: Partial<Parameters<typeof joinConsumerGroup>[0]> = {}) =>
      joinConsumerGroup({
        brokers,
        clientId,
        groupId,
        topics: [topic],
        onAssign: async (partitions) => partitions.map((partition) => ({ ...partition, offset: 1 })),
        onRevoke: async () => {},
        onFatal: assert.fail,
        ...options,
      })

    it('reads from where onAssign said, and commits while records keep coming', async () => {
      for (const value of ['a', 'b', 'c']) producer.send(topic, 0, Buffer.from(value), () => {})
      for (let partition = 1; partition < PARTITIONS; partition++) {
        producer.send(topic, partition, Buffer.from('a'), () => {})
      }
      await producer.flush(5_000)
      const group = await member()
      open.push(group)
      const values: string[] = []
      while (values.length < 1) {
        for (const { value } of await group.read({ max: 1, waitMs: 1_000 })) values.push(value.toString())
      }
      await group.commit([{ topic, partition: 0, offset: 2 }])
      while (values.length < 2) {
        for (const { value } of await group.read({ max: 10, waitMs: 1_000 })) values.push(value.toString())
      }
      assert.deepEqual(values, ['b', 'c'])
      assert.deepEqual(await group.committed([{ topic, partition: 0 }]), [{ topic, partition: 0, offset: 2 }])
    })

    it('says that partitions are lost when nobody read for too long', async () => {
      const revoked: boolean[] = []
      let assigned = 0
      const group = await member({
        sessionTimeoutMs: 1_000,
        maxPollIntervalMs: 1_000,
        onAssign: async (partitions) => {
          assigned++
          for (const { partition } of partitions) producer.send(topic, partition, Buffer.from('a'), () => {})
          await producer.flush(5_000)
          return partitions.map((partition) => ({ ...partition, offset: 0 }))
        },
        onRevoke: async (partitions, { lost }) => {
          revoked.push(lost)
          const offsets = partitions.map((partition) => ({ ...partition, offset: 1 }))
          await group.commit(offsets).catch(() => {})
        },
      })
      open.push(group)
      while (assigned === 0) await group.read({ max: 10, waitMs: 100 })
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      while (revoked.length === 0) await group.read({ max: 10, waitMs: 100 })
      assert.deepEqual(revoked, [true])
      while (assigned === 1) await group.read({ max: 10, waitMs: 100 })
      await group.close()
      assert.deepEqual(revoked, [true, false])
    })
  })
})

const numbers = (partitions: readonly TopicPartition[]) =>
  partitions
    .map(({ partition }) => partition)
    .sort()
    .join(' ')

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
