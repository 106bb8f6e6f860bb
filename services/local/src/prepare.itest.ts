import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { execa } from 'execa'
import { readHostConfig, REPOSITORY } from './config.ts'
import { completePorts } from './ports.ts'
import { ProcessGroup } from './process-group.ts'
import { startServers } from './servers.ts'

const OPERATOR = ['--conditions=@bourse/source', '--import=tsx', 'services/operator/src/main.ts'] as const
const LOGS = ['risk.in/0', 'risk.in/1', 'orders.in/0', 'orders.in/1', 'orders.in/2']

type Changes = { readonly timeout?: number; readonly [name: `${string}_${string}`]: string }

/** The operator's commands, as a cluster runs them, with servers that hold nothing yet. */
describe('preparing an exchange', function () {
  this.timeout(300_000)
  const processes = new ProcessGroup()
  let home: string
  let env: Record<string, string>

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-prepare-'))
    await mkdir(join(home, 'log'))
    const start = (spec: Parameters<typeof processes.start>[0]) => processes.start(spec)
    const context = { host: readHostConfig(), home, ports: await completePorts({}), report() {}, start }
    const servers = startServers(context, { redisUrl: 'redis://none' })
    env = {
      KAFKA_BROKERS: await servers.kafkaBrokers,
      DATABASE_URL: await servers.databaseUrl,
      RISK_PARTITIONS: '2',
      MATCHING_PARTITIONS: '3',
    }
  })
  after(async () => {
    await processes.stop()
    await rm(home, { recursive: true })
  })

  const operator = (command: string, { timeout = 60, ...changed }: Changes = {}) =>
    execa(process.execPath, [...OPERATOR, command, '--timeout', String(timeout)], {
      ...{ cwd: REPOSITORY, env: { ...env, ...changed }, all: true, reject: false },
    })

  it('says what is missing, and fails when it does not come in time', async () => {
    const { exitCode, all } = await operator('await-prepared', { timeout: 1 })
    equal(exitCode, 1)
    match(all, /NotPrepared: not there after 1000 ms: topic risk.in; .*topic replies; migration of 20/)
  })

  it('names servers that do not answer', async () => {
    const { exitCode, all } = await operator('await-prepared', {
      ...{ timeout: 1, KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' },
    })
    equal(exitCode, 1)
    match(all, /Kafka \(cannot reach Kafka at 127.0.0.1:1.*; PostgreSQL \(.*ECONNREFUSED/)
  })

  it('happens once, whoever else does it at the same time, and lets the waiting go on', async () => {
    const waiting = operator('await-prepared')
    const results = await Promise.all([operator('prepare'), operator('prepare'), waiting])
    for (const { exitCode, all } of results) equal(exitCode, 0, all)
    deepEqual(await ends(), {
      'risk.in/0': 1,
      'risk.in/1': 1,
      'orders.in/0': 1,
      'orders.in/1': 1,
      'orders.in/2': 1,
    })
  })

  it('changes nothing the next time', async () => {
    equal((await operator('prepare')).exitCode, 0)
    deepEqual(
      Object.values(await ends()),
      LOGS.map(() => 1),
    )
  })

  it('refuses another number of partitions', async () => {
    const { exitCode, all } = await operator('prepare', { MATCHING_PARTITIONS: '4' })
    equal(exitCode, 1)
    match(all, /topic orders.in has 3 partitions and not 4/)
  })

  /** The next offset of each partition: 1 where there is the first record alone. */
  async function ends(): Promise<Record<string, number>> {
    const admin = await connectAdmin({ brokers: env['KAFKA_BROKERS'] ?? '', clientId: 'test' })
    const found: Record<string, number> = {}
    for (const log of LOGS) {
      const [topic = '', partition] = log.split('/')
      found[log] = (await admin.watermarks(topic, Number(partition))).high
    }
    await admin.close()
    return found
  }
})
