import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { readHostConfig } from './config.ts'
import { completePorts } from './ports.ts'
import { listReplicas, oneOfEach, servicePorts, serviceSpec, type ServiceContext } from './services.ts'

describe('services', () => {
  const context: ServiceContext = {
    host: readHostConfig({ PATH: '/bin', LOG_LEVEL: 'debug' }),
    home: '/home',
    kafkaBrokers: 'kafka:1',
    databaseUrl: 'postgres://writer',
    databaseReadUrl: 'postgres://reader',
    redisUrl: 'redis://cache',
    jwksFile: '/home/keys/jwks.json',
    riskPartitions: 2,
    matchingPartitions: 3,
    environment: { SESSION_TIMEOUT_MS: '1000' },
  }

  it('are listed in the order of their start, the first replica with the ports that are set', async () => {
    const ports = await completePorts({})
    const replicas = await listReplicas({ gateway: 1, 'risk-engine': 2 }, ports)
    deepEqual(
      replicas.map(({ name }) => name),
      ['risk-engine', 'risk-engine-2', 'gateway'],
    )
    equal(replicas[0]?.port, ports.RISK_ENGINE_OPS_PORT)
    notEqual(replicas[1]?.port, ports.RISK_ENGINE_OPS_PORT)
    equal(replicas[2]?.publicPort, ports.GATEWAY_PORT)
  })

  it('need only the ports of those that run', () => {
    deepEqual(servicePorts(oneOfEach(['settlement'])), ['SETTLEMENT_OPS_PORT'])
    deepEqual(servicePorts({}), [])
  })

  it('get what they read, what was added and what the user has set', () => {
    const replica = { service: 'risk-engine', name: 'risk-engine-2', port: 7, publicPort: 8 } as const
    const { env, port } = serviceSpec(context, replica)
    equal(port, 7)
    equal(env['PORT'], '7')
    equal(env['HOST'], '127.0.0.1')
    equal(env['INSTANCE'], 'risk-engine-2')
    equal(env['DATABASE_URL'], 'postgres://writer')
    equal(env['SESSION_TIMEOUT_MS'], '1000')
    equal(env['LOG_LEVEL'], 'debug')
    equal(env['REDIS_URL'], undefined)
  })

  it('leave the database of record to those that write it', () => {
    const { env } = serviceSpec(context, { service: 'gateway', name: 'gateway', port: 7, publicPort: 8 })
    equal(env['DATABASE_URL'], undefined)
    equal(env['DATABASE_READ_URL'], 'postgres://reader')
    equal(env['PUBLIC_PORT'], '8')
  })
})
