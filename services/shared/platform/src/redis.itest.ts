import assert from 'node:assert/strict'

import { createLog } from './log.ts'
import { connectRedis, reconnectDelayMs } from './redis.ts'

const url = process.env['REDIS_URL']!

describe('connectRedis', () => {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'warn' }, { write: (line) => void lines.push(line) })

  it('connects, and comes back after the connection is cut', async () => {
    const redis = await connectRedis({ url, log, clientName: 'redis-itest' })
    try {
      const key = `platform-itest:${process.pid}`
      await redis.set(key, 'a', { expiration: { type: 'EX', value: 60 } })
      const killer = await connectRedis({ url, log })
      await killer.sendCommand(['CLIENT', 'KILL', 'ID', String(await redis.clientId())])
      await killer.close()
      assert.equal(await redis.get(key), 'a')
      assert(lines.some((line) => line.includes('redis trouble')))
    } finally {
      await redis.close()
    }
  })

  it('fails at once when there is nothing at the address', async () => {
    await assert.rejects(connectRedis({ url: 'redis://127.0.0.1:1', log }), /ECONNREFUSED/)
  })

  it('waits longer each time, to a limit', () => {
    assert.deepEqual([0, 1, 2, 5, 6, 1_000].map(reconnectDelayMs), [50, 100, 200, 1_600, 2_000, 2_000])
  })
})
