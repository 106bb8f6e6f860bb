import { equal, match, notEqual, rejects } from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { completePorts, freePort, isPortFree, PORT_SETTINGS, portHolder, requireFreePorts } from './ports.ts'

describe('ports', () => {
  let server: Server
  let taken: number
  before((done) => {
    server = createServer().listen(0, '0.0.0.0', () => {
      taken = (server.address() as AddressInfo).port
      done()
    })
  })
  after((done) => void server.close(done))

  it('sees a port that is taken on every address', async () => {
    equal(await isPortFree(taken), false)
  })

  it('finds a free one', async () => {
    equal(await isPortFree(await freePort()), true)
  })

  it('names the port, the setting and the process that holds it', async () => {
    const wanted = [{ port: taken, setting: 'REDIS_PORT' }]
    await rejects(requireFreePorts(wanted), ({ message }: Error) => {
      match(message, new RegExp(`port ${taken} \\(REDIS_PORT\\) is held by .*${process.pid}`))
      return true
    })
  })

  it('names every port that is taken', async () => {
    const wanted = [
      { port: taken, setting: 'REDIS_PORT' },
      { port: taken, setting: 'KAFKA_PORT' },
    ]
    await rejects(requireFreePorts(wanted), /REDIS_PORT.*KAFKA_PORT/)
  })

  it('refuses one port for two parts', async () => {
    const port = await freePort()
    const wanted = [
      { port, setting: 'REDIS_PORT' },
      { port, setting: 'KAFKA_PORT' },
    ]
    await rejects(requireFreePorts(wanted), /KAFKA_PORT\) is given twice/)
  })

  it('accepts ports that are free', async () => {
    await requireFreePorts([{ port: await freePort(), setting: 'REDIS_PORT' }])
  })

  it('says so when nobody holds a port', async () => {
    equal(portHolder(await freePort()), 'a process that this user cannot see')
  })

  it('completes what is given with different free ports', async () => {
    const ports = await completePorts({ KAFKA_PORT: taken })
    equal(ports.KAFKA_PORT, taken)
    equal(new Set(Object.values(ports)).size, PORT_SETTINGS.length)
    notEqual(ports.REDIS_PORT, undefined)
  })
})
