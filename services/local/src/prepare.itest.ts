import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { requirePrepared, untilPrepared, type Places } from '@bourse/platform/prepared'
import { execa } from 'execa'
import { readHostConfig, REPOSITORY } from './config.ts'
import { completePorts } from './ports.ts'
import { ProcessGroup } from './process-group.ts'
import { startServers } from './servers.ts'

const OPERATOR = ['--conditions=@bourse/source', '--import=tsx', 'services/operator/src/main.ts'] as const
const LOGS = ['risk.in/0', 'risk.in/1', 'orders.in/0', 'orders.in/1', 'orders.in/2']

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

  const operator = (command: string, changed: Readonly<Record<string, string>> = {}) =>
    execa(process.execPath, [...OPERATOR, ...command.split(' ')], {
      ...{ cwd: REPOSITORY, env: { ...env, ...changed }, all: true, reject: false },
    })

  const places = (): Places => ({
    kafka: { brokers: env['KAFKA_BROKERS'] ?? '', clientId: 'test' },
    database: { url: env['DATABASE_URL'] ?? '' },
  })

  it('is waited for by who is told what is missing', async () => {
    await rejects(requirePrepared(places()), {
      name: 'NotPrepared',
      message: /^topic risk.in; .*topic replies; the schema of 20.*, not of nothing$/,
    })
  })

  it('is waited for also where servers do not answer', async () => {
    const kafka = { brokers: '127.0.0.1:1', clientId: 'test' }
    await rejects(requirePrepared({ kafka, database: { url: 'postgres://a:b@127.0.0.1:1/c' } }), {
      message: /Kafka \(cannot reach Kafka at 127.0.0.1:1.*; PostgreSQL \(.*ECONNREFUSED/,
    })
  })

  it('begins no log in a region that stands by: the first records are the cut’s to write', async () => {
    const { exitCode, all } = await operator('prepare --timeout 3', { STANDBY_REGION: 'true' })
    equal(exitCode, 1, all)
    match(all, /waiting for the cut's first record of risk\.in\/0; .*orders\.in\/2/)
    await rejects(requirePrepared(places()), { message: /^topic risk\.in; / })
  })

  it('happens once, whoever else does it at the same time, and lets the waiting go on', async () => {
    const told: unknown[] = []
    const log = { info: (what: unknown) => told.push(what) }
    const waiting = untilPrepared({ ...places(), log, signal: AbortSignal.timeout(200_000), pauseMs: 100 })
    const results = await Promise.all([operator('prepare'), operator('prepare')])
    for (const { exitCode, all } of results) equal(exitCode, 0, all)
    await waiting
    ok(told.length > 0, 'it had something to wait for')
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

  it('lets nobody begin on the schema of an older version', async () => {
    const sql = connectPostgres({
      ...{ ...places().database, max: 1, applicationName: 'test', statementTimeoutMs: 10_000 },
    })
    const move = (ms: number) => sql`update drizzle.__drizzle_migrations set created_at = created_at + ${ms}`
    try {
      await move(-1)
      await rejects(requirePrepared(places()), { message: /^the schema of 20.*, not of 20/ })
      await move(2)
      await requirePrepared(places())
      await move(-1)
    } finally {
      await closePostgres(sql)
    }
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
