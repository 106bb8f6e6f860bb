import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import { joinConsumerGroup, type ConsumerGroup } from '@bourse/platform/kafka/group'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'
import { migrateLedger } from '@bourse/ledger/migrate'
import { closePostgres, connectPostgres, type Database } from '@bourse/platform/postgres'
import { MarketFeed } from '../core/market-feed.ts'
import { Checkpoints } from '../postgres/checkpoints.ts'
import { genesis, OrdersOut } from '../testing/orders-out.ts'
import { FeedReader } from './feed-reader.ts'

const brokers = process.env['KAFKA_BROKERS']!
const databaseUrl = process.env['DATABASE_URL']!
const clientId = 'feed-reader-itest'
const BTC = 1

const connect = (url: string) =>
  connectPostgres({ url, max: 2, applicationName: clientId, statementTimeoutMs: 10_000 })

describe('FeedReader', function () {
  this.timeout(60_000)
  const database = `market_data_${randomUUID().replaceAll('-', '')}`
  let admin: Admin
  let producer: Producer
  let root: Database
  let sql: Database
  let topic: string
  let instances: Instance[]

  before(async () => {
    root = connect(databaseUrl)
    await root`create database ${root(database)}`
    const url = new URL(databaseUrl)
    url.pathname = database
    await migrateLedger(url.href, Date.now())
    sql = connect(url.href)
    admin = await connectAdmin({ brokers, clientId })
    producer = await connectProducer({ brokers, clientId, onFatal: assert.fail })
  })

  after(async () => {
    await producer.close()
    await admin.close()
    await closePostgres(sql)
    await root`drop database ${root(database)} with (force)`
    await closePostgres(root)
  })

  beforeEach(async () => {
    topic = `market-data-itest-${randomUUID()}`
    instances = []
    await admin.createTopics([{ topic, partitions: 1, replicas: 1 }])
  })

  afterEach(async () => {
    for (const instance of instances) await instance.close()
  })

  type Instance = {
    readonly reader: FeedReader
    readonly feed: () => MarketFeed | undefined
    readonly starts: number[]
    readonly failures: Error[]
    readonly close: () => Promise<void>
    /** As a process that is killed: no checkpoint, no goodbye. */
    readonly kill: () => Promise<void>
  }

  async function start({ checkpointIntervalMs = 50, groupId = topic } = {}): Promise<Instance> {
    const checkpoints = new Checkpoints(sql, topic)
    const starts: number[] = []
    const failures: Error[] = []
    const stop = new AbortController()
    let dead = false
    const reader = new FeedReader({
      checkpoints: {
        load: (partition) => checkpoints.load(partition),
        save: async (feed) => (dead ? undefined : checkpoints.save(feed)),
      },
      watermarks: (...partition) => admin.watermarks(...partition),
      checkpointIntervalMs,
      signal: stop.signal,
      publisher: { add: () => {}, remove: () => {}, wake: () => {} },
      events: {
        assigned: (_, offset) => void starts.push(offset),
        revoked: () => {},
        gap: () => {},
        lagging: () => {},
        checkpointFailed: (error) => void failures.push(error),
        checkpointUnknown: () => {},
        lagUnknown: () => {},
      },
    })
    const fail = (error: Error) => void failures.push(error)
    const group: ConsumerGroup = await joinConsumerGroup({
      brokers,
      clientId,
      groupId,
      topics: [topic],
      onAssign: (partitions) => reader.assign(partitions),
      onRevoke: (partitions) => reader.revoke(partitions),
      onFatal: fail,
    })
    const work = reader.run(group, stop.signal).catch(fail)
    const close = async () => {
      if (stop.signal.aborted) return
      stop.abort()
      await work
      await group.close()
    }
    const kill = () => {
      dead = true
      return close()
    }
    const instance = { reader, feed: () => reader.feeds[0], starts, failures, close, kill }
    instances.push(instance)
    return instance
  }

  const produce = (value: Buffer) =>
    new Promise<number>((resolve, reject) =>
      producer.send(topic, 0, value, (error, offset) => (error ? reject(error) : resolve(offset))),
    )

  const saved = async (): Promise<number | undefined> => {
    const rows = await sql`select next_offset from market_data_checkpoints where topic = ${topic}`
    return rows[0] && Number(rows[0]['next_offset'])
  }

  const reads = (instance: Instance, offset: number) =>
    until(() => instance.feed()?.logPosition.offset === offset || instance.failures.length > 0)

  async function begun(): Promise<OrdersOut> {
    const out = new OrdersOut()
    await produce(genesis('log-1'))
    await produce(out.frame([out.listed(BTC, 'BTC-USD'), out.level(BTC, 'buy', 1, 1)]))
    return out
  }

  it('reads from the beginning, saves checkpoints, and goes on from the last one', async () => {
    const out = await begun()
    const first = await start()
    await reads(first, 2)
    await until(async () => (await saved()) === 2)
    const bytes = first.feed()?.encode()
    await first.kill()
    await produce(out.frame([out.level(BTC, 'buy', 2, 2), out.trade(BTC, 2, 2)]))

    const second = await start()
    await reads(second, 3)
    assert.deepEqual(second.starts, [1], 'one record is read again to know the log by')
    assert.notDeepEqual(second.feed()?.encode(), bytes)
    assert.deepEqual(second.feed()?.counts, { applied: 2, repeats: 0, gaps: 0, stale: 0 })
    assert.deepEqual(
      [...(second.feed()?.markets ?? [])][0]?.depth(5).bids,
      '[["0.02","0.002"],["0.01","0.001"]]',
    )
    assert.deepEqual([first.starts, first.failures, second.failures], [[0], [], []])
  })

  it('saves its last state when it lets a partition go', async () => {
    await begun()
    const first = await start({ checkpointIntervalMs: 60_000 })
    await reads(first, 2)
    assert.equal(await saved(), undefined)
    await first.close()
    assert.equal(await saved(), 2)
  })

  it('keeps the later of two checkpoints', async () => {
    const out = await begun()
    const zombie = await start({ groupId: `${topic}-zombie`, checkpointIntervalMs: 60_000 })
    await reads(zombie, 2)
    const checkpoints = new Checkpoints(sql, topic)
    const behind = MarketFeed.decode(zombie.feed()!.encode(), zombie.feed()!.logPosition)
    const live = await start()
    await produce(out.frame([out.level(BTC, 'buy', 3, 3)]))
    await reads(live, 3)
    await until(async () => (await saved()) === 3)
    await checkpoints.save(behind)
    assert.equal(await saved(), 3)
    assert.equal((await checkpoints.load(0))?.streamPosition.sequence, 3)
  })

  it('refuses a log that is not the one of its checkpoint', async () => {
    await begun()
    const first = await start()
    await reads(first, 2)
    await first.close()
    await sql`update market_data_checkpoints set last_record = '00000000000000ff' where topic = ${topic}`
    const second = await start()
    await until(() => second.failures.length > 0)
    assert.match(
      second.failures[0]!.message,
      /at offset 1: the record at offset 1 is not the one that was read there/,
    )

    await sql`update market_data_checkpoints set next_offset = 9 where topic = ${topic}`
    const third = await start({ groupId: `${topic}-3` })
    await until(() => third.failures.length > 0)
    assert.match(third.failures[0]!.message, /the log ends at offset 2, but it was read up to 9 before/)
  })

  it('refuses a damaged checkpoint', async () => {
    await begun()
    const first = await start()
    await reads(first, 2)
    await first.close()
    await sql`update market_data_checkpoints set state = state || '\\x00' where topic = ${topic}`
    const second = await start()
    await until(() => second.failures.length > 0)
    assert.match(second.failures[0]!.message, /at offset 2 is damaged/)
  })

  it('stops at a record that does not parse, and says where it is', async () => {
    await begun()
    await produce(Buffer.from('nonsense'))
    const instance = await start()
    await until(() => instance.failures.length > 0)
    assert.match(instance.failures[0]!.message, new RegExp(`${topic}/0 at offset 2: malformed at byte 0`))
  })

  it('goes on while checkpoints cannot be saved, and saves them later', async () => {
    const out = await begun()
    const instance = await start()
    await until(async () => (await saved()) === 2)
    await sql`alter table market_data_checkpoints rename to market_data_checkpoints_away`
    await produce(out.frame([out.level(BTC, 'buy', 2, 2)]))
    await reads(instance, 3)
    await until(() => instance.failures.length > 0)
    await sql`alter table market_data_checkpoints_away rename to market_data_checkpoints`
    await until(async () => (await saved()) === 3)
  })
})

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await sleep(10)
  }
}
