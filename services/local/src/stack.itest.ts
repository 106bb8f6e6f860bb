import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectFollower } from '@bourse/platform/kafka/consumer'
import { connectProducer } from '@bourse/platform/kafka/producer'
import connectPostgres from 'postgres'
import { createClient } from 'redis'
import { probe } from './probe.ts'
import { startStack, type Stack } from './stack.ts'

const SERVERS = ['kafka', 'postgres', 'redis'] as const

describe('a stack of real servers', function () {
  this.timeout(120_000)
  let home: string
  let stack: Stack
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-stack-'))
    stack = await startStack({ home, riskPartitions: 2, matchingPartitions: 3 })
  })
  after(async () => {
    await stack?.stop()
    await rm(home, { recursive: true })
  })

  it('has the topics of the exchange, with the partitions asked for', async () => {
    const admin = await connectAdmin({ brokers: stack.urls.kafkaBrokers, clientId: 'test' })
    const topics = ['risk.in', 'risk.out', 'orders.in', 'orders.out', 'replies']
    const counts = await Promise.all(topics.map((topic) => admin.partitionCount(topic)))
    await admin.close()
    deepEqual(counts, [2, 2, 3, 3, 16])
  })

  it('keeps records when Kafka is stopped and started again', async () => {
    await produce('before')
    await stack.process('kafka').restart()
    await produce('after')
    deepEqual(await consume(2), ['before', 'after'])
  })

  it('keeps records when Kafka is killed: it is started again', async () => {
    const broker = stack.process('kafka')
    const { pid, restarts } = broker
    broker.kill('SIGKILL')
    await broker.exited()
    await broker.ready()
    ok(broker.pid !== pid)
    equal(broker.restarts, restarts + 1)
    deepEqual(await consume(2), ['before', 'after'])
  })

  it('stamps records with the time of the broker', async () => {
    const follower = await connectFollower({ brokers: stack.urls.kafkaBrokers, clientId: 'test' })
    follower.assign([{ topic: 'orders.in', partition: 2, offset: 0 }])
    const [message] = await follower.read({ max: 1, waitMs: 60_000 })
    await follower.close()
    ok(message !== undefined)
    ok(Math.abs(message.timestamp - Date.now()) < 600_000)
  })

  it('keeps rows when PostgreSQL is killed', async () => {
    await query('create table survivors (name text)')
    await query(`insert into survivors values ('row')`)
    const server = stack.process('postgres')
    server.kill('SIGKILL')
    await server.exited()
    await server.ready()
    deepEqual(await query('select name from survivors'), [{ name: 'row' }])
  })

  it('keeps keys when Redis is stopped and started again', async () => {
    await redis((client) => client.set('key', 'value'))
    await stack.process('redis').restart()
    equal(await redis((client) => client.get('key')), 'value')
  })

  it('starts nothing when a port is taken', async () => {
    const port = stack.process('redis').spec.port
    const second = startStack({ home: join(home, 'second'), ports: { REDIS_PORT: port } })
    await rejects(second, new RegExp(`port ${port} \\(REDIS_PORT\\) is held by redis-server`))
  })

  it('refuses another number of partitions, and stops what it started', async () => {
    const { kafkaBrokers, databaseUrl } = stack.urls
    const second = startStack({
      home: join(home, 'third'),
      riskPartitions: 4,
      external: { kafkaBrokers, databaseUrl },
    })
    await rejects(second, /risk.in has 2 partitions/)
  })

  it('names what fails to start, with the end of its log', async () => {
    const broken = join(home, 'broken')
    await mkdir(join(broken, 'redis/dump.rdb'), { recursive: true }) // A folder where Redis keeps its file.
    const { kafkaBrokers, databaseUrl } = stack.urls
    const external = { kafkaBrokers, databaseUrl }
    const starting = startStack({ home: broken, riskPartitions: 2, matchingPartitions: 3, external })
    await rejects(starting, (error: Error) => {
      ok('logTail' in error && Array.isArray(error.logTail) && error.logTail.length > 0)
      return true
    })
  })

  it('leaves no process behind when it is stopped', async () => {
    const ports = SERVERS.map((name) => stack.process(name).spec.port)
    await stack.stop()
    equal(stack.process('kafka').pid, undefined)
    const answers = ports.map((port) => probe({ port, request: 'PING\r\n', accepts: () => true }))
    deepEqual(await Promise.all(answers), [false, false, false])
  })

  async function produce(text: string): Promise<void> {
    const onFatal = (error: Error) => ok(false, error)
    const producer = await connectProducer({ brokers: stack.urls.kafkaBrokers, clientId: 'test', onFatal })
    await new Promise<void>((resolve, reject) =>
      producer.send('orders.in', 2, Buffer.from(text), (error) => (error ? reject(error) : resolve())),
    )
    await producer.close()
  }

  async function consume(count: number): Promise<string[]> {
    const follower = await connectFollower({ brokers: stack.urls.kafkaBrokers, clientId: 'test' })
    follower.assign([{ topic: 'orders.in', partition: 2, offset: 1 }]) // The first record names the log.
    const found: string[] = []
    while (found.length < count) {
      const messages = await follower.read({ max: count, waitMs: 10_000 })
      ok(messages.length > 0, `found only ${found}`)
      found.push(...messages.map(({ value }) => value.toString()))
    }
    await follower.close()
    return found
  }

  async function query(text: string): Promise<unknown[]> {
    const sql = connectPostgres(stack.urls.databaseUrl, { max: 1 })
    const rows = await sql.unsafe(text)
    await sql.end()
    return [...rows]
  }

  const redisClient = () => createClient({ url: stack.urls.redisUrl })

  async function redis<T>(run: (client: ReturnType<typeof redisClient>) => Promise<T>): Promise<T> {
    const client = redisClient()
    await client.connect()
    const result = await run(client)
    await client.close()
    return result
  }
})
