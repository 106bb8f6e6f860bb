import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'
import { createLog } from '@bourse/platform/log'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogRecord } from '@bourse/protocol/replica'
import { lots, ticks } from '@bourse/domain/units'
import { Registry } from 'prom-client'
import postgres, { type Sql } from 'postgres'
import { MemoryLedger } from '../core/memory-ledger.ts'
import { Events } from '../events.ts'
import { closeLedger, connectLedger, PostgresLedger } from '../postgres/ledger.ts'
import { freshDatabase, type FreshDatabase } from '../testing/fresh-database.ts'
import { settle } from '../testing/ledger-suite.ts'
import { LogWriter } from '../testing/log-writer.ts'
import { randomNumbers, randomShard } from '../testing/random-shard.ts'
import { SYMBOL } from '../testing/scripted-shard.ts'
import { startSettlement, type Settlement } from './settlement.ts'

const brokers = process.env['KAFKA_BROKERS'] ?? ''
const databaseUrl = process.env['DATABASE_URL'] ?? ''
const log = createLog({ name: 'test', level: 'silent' })

describe('Settlement', function () {
  this.timeout(60_000)
  let admin: Admin
  let producer: Producer
  let database: FreshDatabase
  let reading: Sql
  let topics: { 'risk.out': string; 'orders.out': string }
  let groupId: string
  const running: Instance[] = []

  before(async () => {
    admin = await connectAdmin({ brokers, clientId: 'settlement-test' })
    producer = await connectProducer({ brokers, clientId: 'settlement-test', onFatal: assert.ifError })
  })

  beforeEach(async () => {
    topics = await freshTopics()
    groupId = topics['risk.out']
    database = await freshDatabase(databaseUrl)
    reading = postgres(database.url, { max: 1 })
  })

  afterEach(async () => {
    for (const instance of running.splice(0)) await instance.stop()
    await reading.end()
    await database.drop()
  })

  after(async () => {
    await producer.close()
    await admin.close()
  })

  async function freshTopics() {
    const name = `settlement-test-${randomBytes(4).toString('hex')}`
    const fresh = { 'risk.out': `${name}.risk.out`, 'orders.out': `${name}.orders.out` }
    await admin.createTopics(Object.values(fresh).map((topic) => ({ topic, partitions: 1, replicas: 1 })))
    return fresh
  }

  type Instance = {
    readonly settlement: Settlement
    readonly failure: () => unknown
    readonly metrics: () => Promise<string>
    readonly stop: () => Promise<void>
  }

  async function start(): Promise<Instance> {
    const shutdown = new AbortController()
    const metrics = new Registry()
    const client = connectLedger({ url: database.url, max: 2, statementTimeoutMs: 10_000 })
    const settlement = await startSettlement({
      connection: { brokers, clientId: 'settlement-test' },
      groupId,
      topics,
      admin,
      ledger: new PostgresLedger(client),
      events: new Events({ log, metrics }),
      sessionTimeoutMs: 6_000,
      commitIntervalMs: 100,
      shutdown,
    })
    const stop = async () => {
      shutdown.abort()
      await settlement.close()
      await closeLedger(client)
    }
    const instance = {
      settlement,
      failure: () => shutdown.signal.reason as unknown,
      metrics: () => metrics.metrics(),
      stop,
    }
    running.push(instance)
    return instance
  }

  async function produce(topic: string, records: readonly LogRecord[]): Promise<void> {
    for (const { value } of records) producer.send(topic, 0, value, assert.ifError)
    await producer.flush(10_000)
  }

  async function untilSettled(topic: keyof typeof topics, { sequence }: LogWriter): Promise<void> {
    for (;;) {
      const [row] = await reading`select last_sequence from offsets where topic = ${topic}`
      if (Number(row?.['last_sequence'] ?? 0) >= sequence) return
      await sleep(50)
    }
  }

  it('brings the log into the tables, once, over restarts and repeats', async () => {
    const risk = randomShard({ seed: 21, steps: 400, frames: randomNumbers(21) }).log
    const books = new LogWriter({ kind: 'matching', shard: 0 })
    for (let tradeId = 1; tradeId <= 20; tradeId++) books.append(trade(tradeId), 1_000 + tradeId)
    books.record(1, 12)
    const half = Math.floor(risk.records.length / 2)
    await produce(topics['risk.out'], risk.records.slice(0, half))
    await produce(topics['orders.out'], books.records)
    const first = await start()
    await untilSettled('orders.out', { sequence: 12 } as LogWriter)
    await first.stop()
    running.pop()

    await start()
    await produce(topics['risk.out'], risk.records.slice(half))
    books.record(7, 20)
    await produce(topics['orders.out'], books.records.slice(2))
    await Promise.all([untilSettled('risk.out', risk), untilSettled('orders.out', books)])

    const expected = new MemoryLedger()
    await settle(expected, risk)
    const balances =
      await reading`select account::int, asset, available, held from balances order by account, asset`
    const wanted = expected.balances.rows().sort((a, b) => a.account - b.account || a.asset - b.asset)
    assert.deepEqual(
      balances.map((row) => ({ ...row, available: BigInt(row['available']), held: BigInt(row['held']) })),
      wanted,
    )
    const [counts] = await reading`
      select (select count(*)::int from journal) as journal, (select count(*)::int from fills) as fills,
        (select count(*)::int from orders) as orders, (select count(*)::int from trades) as trades`
    assert.deepEqual(counts, {
      journal: expected.journal.rows().length,
      fills: expected.fills.rows().length,
      orders: expected.orders.rows().length,
      trades: 20,
    })
  })

  it('commits to Kafka how far it has come, so that its lag is true', async () => {
    const { log: risk } = randomShard({ seed: 22, steps: 50, frames: () => 0.5 })
    await produce(topics['risk.out'], risk.records)
    const { settlement, stop } = await start()
    await untilSettled('risk.out', risk)
    const lags = await settlement.lags()
    assert.equal(lags.find(({ input }) => input.topic === 'risk.out')?.records, 0)
    await stop()
    running.pop()
    const offsets = await connectCommittedOffsets({ brokers, clientId: 'test', groupId })
    const [committed] = await offsets.of([{ topic: topics['risk.out'], partition: 0 }])
    await offsets.close()
    assert.equal(committed?.offset, risk.records.length)
  })

  it('stands still at a log that is not the one its tables were built from, and settles the other', async () => {
    const { log: risk } = randomShard({ seed: 23, steps: 50, frames: () => 0.5 })
    await produce(topics['risk.out'], risk.records)
    const first = await start()
    await untilSettled('risk.out', risk)
    await first.stop()
    running.pop()
    topics = await freshTopics()
    const { log: other } = randomShard({ seed: 24, steps: 100, frames: () => 0.5 })
    await produce(topics['risk.out'], other.records)
    const second = await start()
    while (second.settlement.stopped.length === 0) await sleep(50)
    assert.deepEqual(second.settlement.stopped, ['risk.out/0'])
    const stopped = /bourse_settlement_stopped\{topic="risk.out",partition="0",reason="wrong_log"\} 1/
    assert.match(await second.metrics(), stopped)
    const books = new LogWriter({ kind: 'matching', shard: 0 })
    books.append(trade(1), 1_001)
    books.record(1, 1)
    await produce(topics['orders.out'], books.records)
    await untilSettled('orders.out', books)
    assert.equal(second.failure(), undefined)
  })
})

const trade = (tradeId: number) =>
  ({
    type: 'trade',
    symbol: SYMBOL,
    tradeId,
    price: ticks(100),
    quantity: lots(tradeId),
    makerOrderId: 1,
    takerOrderId: 2,
    makerAccount: 16,
    takerAccount: 17,
    takerSide: 'sell',
  }) as const
