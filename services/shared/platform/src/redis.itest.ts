import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from './log.ts'
import { connectRedis, reconnectDelayMs, type Redis } from './redis.ts'

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

  it('comes back with the password that its file has by then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bourse-redis-'))
    const passwordFile = join(folder, 'password')
    const user = `rotating-${process.pid}`
    const admin = await connectRedis({ url, log })
    let redis: Redis | undefined
    const setPassword = (password: string) =>
      admin.sendCommand(['ACL', 'SETUSER', user, 'on', '~*', '+@all', 'resetpass', `>${password}`])
    try {
      await setPassword('old')
      writeFileSync(passwordFile, 'old')
      const address = new URL(url)
      address.username = user
      address.password = 'never'
      const options = { url: address.href, passwordFile, log }
      redis = await connectRedis(options)
      assert.equal(await redis.sendCommand(['ACL', 'WHOAMI']), user)
      await setPassword('new')
      const back = new Promise((resolve) => redis?.once('ready', resolve))
      await admin.sendCommand(['CLIENT', 'KILL', 'USER', user])
      await assert.rejects(connectRedis(options), /WRONGPASS/)
      writeFileSync(passwordFile, 'new')
      await back
      assert.equal(await redis.sendCommand(['ACL', 'WHOAMI']), user)
    } finally {
      redis?.destroy()
      await admin.sendCommand(['ACL', 'DELUSER', user])
      await admin.close()
      rmSync(folder, { recursive: true })
    }
  })

  it('fails at once when there is nothing at the address', async () => {
    await assert.rejects(connectRedis({ url: 'redis://127.0.0.1:1', log }), /ECONNREFUSED/)
  })

  it('waits longer each time, to a limit', () => {
    assert.deepEqual([0, 1, 2, 5, 6, 1_000].map(reconnectDelayMs), [50, 100, 200, 1_600, 2_000, 2_000])
  })
})
