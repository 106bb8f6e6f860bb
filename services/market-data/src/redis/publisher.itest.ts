import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '@bourse/platform/log'
import { connectRedis, type Redis } from '@bourse/platform/redis'
import { MarketFeed } from '../core/market-feed.ts'
import { TRADES_KEPT_MAX } from '../core/market.ts'
import { genesis, OrdersOut } from '../testing/orders-out.ts'
import { RedisServer } from '../testing/redis-server.ts'
import { redisCache } from './cache.ts'
import { ForeignCacheError, Publisher } from './publisher.ts'

const BTC = 1
const ETH = 2
const INTERVAL_MS = 20

const log = createLog({ name: 'publisher-itest', level: 'silent' })

describe('Publisher', function () {
  this.timeout(30_000)
  let server: RedisServer
  let client: Redis
  let stop: AbortController
  let running: Promise<void>[]

  before(async () => {
    server = await RedisServer.start()
  })

  after(() => server.close())

  beforeEach(async () => {
    client = await connectRedis({ url: server.url, log })
    await client.flushAll()
    stop = new AbortController()
    running = []
  })

  afterEach(async () => {
    stop.abort()
    await Promise.all(running)
    client.destroy()
  })

  /** A feed with its own publisher, as one process has it. */
  function instance(log = 'log-1') {
    const seen = { publications: 0, writes: 0, conflated: 0, stale: 0, rewritings: 0, failures: 0 }
    const publisher = new Publisher({
      cache: redisCache(client),
      intervalMs: INTERVAL_MS,
      events: {
        published: ({ writes, conflated, stale }) => {
          seen.publications++
          seen.writes += writes
          seen.conflated += conflated
          seen.stale += stale
        },
        rewriting: () => seen.rewritings++,
        failed: () => seen.failures++,
      },
    })
    const feed = new MarketFeed(0)
    let next = 0
    const read = (value: Buffer) => {
      feed.read({ offset: next++, timestamp: 0, value })
      publisher.wake()
    }
    read(genesis(log))
    const run = () => {
      publisher.add(feed)
      const end = publisher.run(stop.signal)
      running.push(end.catch(() => {}))
      return end
    }
    return { publisher, feed, seen, read, run }
  }

  const get = async (key: string) => JSON.parse((await client.get(key)) ?? 'null')
  const book = () => get('orderbook:BTC-USD')
  const tradeIds = async () =>
    (await client.lRange('trades:BTC-USD', 0, -1)).map((trade) => JSON.parse(trade).trade_id)

  /** Everything in the cache, as text. */
  async function contents(): Promise<Record<string, string>> {
    const keys = (await client.keys('*')).sort()
    const values = keys.map(async (key) =>
      key.startsWith('trades:') ? (await client.lRange(key, 0, -1)).join() : await client.get(key),
    )
    return Object.fromEntries((await Promise.all(values)).map((value, i) => [keys[i], value]))
  }

  it('writes the keys that readers use', async () => {
    const out = new OrdersOut()
    const { read, run } = instance()
    read(
      out.frame([
        out.listed(BTC, 'BTC-USD'),
        out.send({ type: 'symbolStateChanged', symbol: BTC, state: 'trading' }),
      ]),
    )
    read(
      out.frame([
        out.level(BTC, 'buy', 9_950, 500),
        out.level(BTC, 'buy', 10_000, 1_250),
        out.level(BTC, 'sell', 10_100, 5),
      ]),
    )
    read(out.frame([out.trade(BTC, 10_000, 2), out.trade(BTC, 9_999, 1_000, 'sell')]))
    void run()
    await until(async () => (await tradeIds()).length === 2)
    assert.deepEqual(await contents(), {
      'market-data:orders.out/0': '{"epoch":1,"sequence":7,"log":"log-1"}',
      'orderbook:BTC-USD':
        '{"epoch":1,"sequence":7,"symbol":"BTC-USD","update":3,"time":1004,"bids":[["100","1.25"],["99.5","0.5"]],"asks":[["101","0.005"]]}',
      'price:BTC-USD': '{"epoch":1,"sequence":7,"price":"99.99","time":1006,"trade_id":2}',
      'symbolstate:BTC-USD': '{"epoch":1,"sequence":7,"symbol":"BTC-USD","state":"trading"}',
      'trades:BTC-USD':
        '{"epoch":1,"trade_id":2,"price":"99.99","quantity":"1","taker_side":"sell","time":1006},' +
        '{"epoch":1,"trade_id":1,"price":"100","quantity":"0.002","taker_side":"buy","time":1005}',
    })
  })

  it('publishes many changes at once, and none within a command', async () => {
    const out = new OrdersOut()
    const { read, run, seen } = instance()
    read(out.frame([out.listed(BTC, 'BTC-USD')]))
    void run()
    await until(async () => (await book()) !== null)
    const { publications } = seen
    for (let i = 1; i <= 500; i++) read(out.frame([out.level(BTC, 'buy', i, i)]))
    await until(async () => (await book()).update === 500)
    assert.ok(seen.publications - publications <= 5, `${seen.publications - publications} publications`)
    assert.ok(seen.conflated >= 490, `${seen.conflated} conflated`)

    read(out.frame([out.level(BTC, 'buy', 1, 0)], { endsCommand: false }))
    await sleep(5 * INTERVAL_MS)
    assert.equal((await book()).update, 500)
    read(out.frame([out.level(BTC, 'buy', 2, 0)]))
    await until(async () => (await book()).update === 502)
  })

  it('adds each trade once and keeps the newest', async () => {
    const out = new OrdersOut()
    const first = instance()
    const frames = [out.frame([out.listed(BTC, 'BTC-USD')])]
    for (let i = 0; i < 30; i++)
      frames.push(out.frame(Array.from({ length: 40 }, () => out.trade(BTC, 10_000, 1))))
    void first.run()
    for (const frame of frames.slice(0, 20)) {
      first.read(frame)
      await sleep(3)
    }
    const second = instance()
    void second.run()
    for (const frame of frames) {
      second.read(frame)
      await sleep(3)
    }
    await until(async () => (await tradeIds())[0] === 1_200)
    const newestFirst = Array.from({ length: TRADES_KEPT_MAX }, (_, i) => 1_200 - i)
    assert.deepEqual(await tradeIds(), newestFirst)
  })

  it('writes everything again at once after the cache was wiped, also in a quiet market', async () => {
    const out = new OrdersOut()
    const { read, run, seen } = instance()
    read(out.frame([out.listed(BTC, 'BTC-USD'), out.listed(ETH, 'ETH-USD'), out.level(ETH, 'sell', 5, 5)]))
    read(out.frame([out.trade(BTC, 10_000, 1), out.trade(BTC, 10_001, 1), out.level(BTC, 'buy', 7, 7)]))
    void run()
    await until(async () => Object.keys(await contents()).length === 7)
    const before = await contents()
    await client.flushAll()
    await until(async () => Object.keys(await contents()).length === 7)
    assert.deepEqual(await contents(), before)
    assert.equal(seen.rewritings, 1)

    await client.del('trades:BTC-USD')
    read(out.frame([out.trade(BTC, 10_002, 1)]))
    await until(async () => (await tradeIds()).length === 3)
    assert.equal(seen.rewritings, 2)
  })

  it('outlives a cache that is away and comes back empty', async () => {
    const out = new OrdersOut()
    const { read, run, seen } = instance()
    read(out.frame([out.listed(BTC, 'BTC-USD'), out.trade(BTC, 10_000, 1), out.level(BTC, 'buy', 1, 1)]))
    void run()
    await until(async () => (await book())?.update === 1)
    await server.kill()
    for (let i = 2; i <= 200; i++) {
      read(out.frame([out.level(BTC, 'buy', i, i), out.trade(BTC, i, 1)]))
      await sleep(2)
    }
    await server.start()
    await until(async () => (await book())?.update === 200 && (await tradeIds()).length === 200)
    assert.equal((await get('price:BTC-USD')).trade_id, 200)
    assert.ok(seen.failures + seen.rewritings > 0, 'the loss was not noticed')
    read(out.frame([out.level(BTC, 'buy', 1, 0)]))
    await until(async () => (await book()).update === 201)
  })

  it('ends at once while the cache is away', async () => {
    const { read, run, seen } = instance()
    read(new OrdersOut().frame([new OrdersOut().listed(BTC, 'BTC-USD')]))
    const end = run()
    await until(async () => (await book()) !== null)
    await server.kill()
    await until(() => seen.failures > 0 || !client.isReady)
    await sleep(1_000)
    stop.abort()
    await Promise.race([end, sleep(500).then(() => assert.fail('it still runs'))])
    await server.start()
  })

  it('is not taken back by a zombie', async () => {
    const out = new OrdersOut()
    const live = instance()
    const zombie = instance()
    const frames = [
      out.frame([out.listed(BTC, 'BTC-USD'), out.level(BTC, 'buy', 1, 1), out.trade(BTC, 1, 1)]),
    ]
    for (let i = 2; i <= 50; i++) frames.push(out.frame([out.level(BTC, 'buy', i, i), out.trade(BTC, i, 1)]))
    for (const frame of frames) live.read(frame)
    void live.run()
    await until(async () => (await book())?.update === 50)
    const before = await contents()
    for (const frame of frames.slice(0, 10)) zombie.read(frame)
    void zombie.run()
    for (const frame of frames.slice(10, 40)) {
      zombie.read(frame)
      await sleep(5)
      assert.deepEqual(await contents(), before)
    }
    await until(() => zombie.seen.stale > 5)
    assert.deepEqual(await contents(), before)
    for (const frame of frames.slice(40)) zombie.read(frame)
    zombie.read(out.frame([out.level(BTC, 'buy', 1, 0), out.trade(BTC, 1, 1)]))
    await until(async () => (await book()).update === 51)
    assert.deepEqual((await tradeIds()).slice(0, 3), [51, 50, 49])
    assert.equal((await tradeIds()).length, 51)
  })

  it('lets a later epoch take over, and an older one never again', async () => {
    const { evaluate } = redisCache(client)
    const { addTrades, replaceOlder } = await import('./scripts.ts')
    const put = (epoch: number, sequence: number) =>
      evaluate(replaceOlder, 'key', [
        `${epoch}`,
        `${sequence}`,
        `{"epoch":${epoch},"sequence":${sequence},"a":1}`,
      ])
    assert.deepEqual(await put(1, 4_503_599_627_370_495), [0, 0])
    assert.deepEqual(await put(2, 5), [1, 4_503_599_627_370_495])
    assert.deepEqual(await put(1, 4_503_599_627_370_495), [2, 5])
    assert.deepEqual(await put(2, 4), [2, 5])
    assert.deepEqual(await get('key'), { epoch: 2, sequence: 5, a: 1 })

    const add = (epoch: number, ids: number[], whole: 0 | 1) =>
      evaluate(addTrades, 'list', [
        ...[epoch, ids[0], ids.at(-1), 4, whole].map(String),
        ...ids.map((id) => `{"epoch":${epoch},"trade_id":${id},"a":1}`),
      ])
    const list = async () =>
      (await client.lRange('list', 0, -1))
        .map((text) => JSON.parse(text))
        .map((trade) => `${trade.epoch}/${trade.trade_id}`)
    await add(1, [1, 2], 0)
    assert.deepEqual(await list(), [], 'nothing is added to what is not there')
    await add(1, [1, 2, 3], 1)
    await add(1, [2, 3, 4, 5], 0)
    assert.deepEqual(await list(), ['1/5', '1/4', '1/3', '1/2'])
    assert.deepEqual(await add(1, [7], 0), [1, 5])
    assert.deepEqual(await add(1, [3, 4], 1), [1, 5])
    assert.deepEqual(await list(), ['1/5', '1/4', '1/3', '1/2'])
    await add(2, [4], 0)
    assert.deepEqual(await list(), ['1/5', '1/4', '1/3', '1/2'])
    await add(2, [3, 4], 1)
    await add(1, [6], 0)
    await add(1, [6], 1)
    assert.deepEqual(await list(), ['2/4', '2/3'])
  })

  it('refuses a cache that holds the markets of another log', async () => {
    const out = new OrdersOut()
    const first = instance('log-1')
    first.read(out.frame([out.listed(BTC, 'BTC-USD')]))
    void first.run()
    await until(async () => (await book()) !== null)
    const other = instance('log-2')
    await assert.rejects(other.run(), ForeignCacheError)
  })
})

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 8_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await sleep(10)
  }
}
