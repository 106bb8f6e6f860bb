import assert from 'node:assert/strict'

import { connectAdmin } from './admin.ts'

const brokers = process.env['KAFKA_BROKERS']!
const topic = `admin-itest-${process.pid}-${Date.now()}`

describe('Admin', () => {
  it('creates a topic once, and refuses another number of partitions', async () => {
    const admin = await connectAdmin({ brokers, clientId: 'admin-itest' })
    try {
      assert.equal(await admin.partitionCount(topic), undefined)
      const wanted = {
        topic,
        partitions: 3,
        replicas: 1,
        config: { 'message.timestamp.type': 'LogAppendTime' },
      }
      await admin.createTopics([wanted])
      await admin.createTopics([wanted])
      assert.equal(await admin.partitionCount(topic), 3)
      assert.deepEqual(await admin.watermarks(topic, 2), { low: 0, high: 0 })
      await assert.rejects(admin.createTopics([{ ...wanted, partitions: 4 }]), {
        code: 'partition_count_mismatch',
        message: `topic ${topic} has 3 partitions and not 4`,
      })
    } finally {
      await admin.close()
    }
  })

  it('waits for a topic that is about to come', async () => {
    const admin = await connectAdmin({ brokers, clientId: 'admin-itest' })
    try {
      const coming = `${topic}-coming`
      const count = admin.partitionsOf(coming)
      await admin.createTopics([{ topic: coming, partitions: 2, replicas: 1 }])
      assert.equal(await count, 2)
    } finally {
      await admin.close()
    }
  })
})
