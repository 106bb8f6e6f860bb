import assert from 'node:assert/strict'
import { createLog } from '@bourse/platform/log'
import { connectRedis, type Redis } from '@bourse/platform/redis'
import { openMarketCache } from './market-cache.ts'

const url = process.env['REDIS_URL']!
const log = createLog({ name: 'gateway-itest', level: 'silent' })

describe('the market in Redis', () => {
  const symbol = `ITEST${process.pid}-USD`
  const keys = [`orderbook:${symbol}`, `trades:${symbol}`]
  let redis: Redis

  before(async () => {
    redis = await connectRedis({ url, log })
  })

  after(async () => {
    await redis.del(keys)
    await redis.close()
  })

  it('has no book before one is published', async () => {
    const market = openMarketCache(async () => redis)
    assert.equal(await market.depth(symbol, 10), undefined)
    assert.deepEqual(await market.trades(symbol, 10), [])
  })

  it('shows the best levels and the newest trades', async () => {
    const levels = (prices: number[]) => prices.map((price) => [String(price), '1'])
    const book = {
      epoch: 1,
      sequence: 9,
      symbol,
      update: 4,
      time: 77,
      bids: levels([3, 2, 1]),
      asks: levels([4, 5]),
    }
    await redis.set(`orderbook:${symbol}`, JSON.stringify(book))
    const trade = (id: number) => ({ trade_id: id, price: '4', quantity: '1', taker_side: 'buy', time: id })
    for (const id of [1, 2, 3])
      await redis.lPush(`trades:${symbol}`, JSON.stringify({ epoch: 1, ...trade(id) }))

    const market = openMarketCache(async () => redis)
    assert.deepEqual(await market.depth(symbol, 2), {
      ...{ symbol, update: 4, time: 77, bids: levels([3, 2]), asks: levels([4, 5]) },
    })
    assert.deepEqual(await market.trades(symbol, 2), [trade(3), trade(2)])
  })

  it('fails while Redis is away, and answers when it is there', async () => {
    let away = true
    const market = openMarketCache(() => connectRedis({ url: away ? 'redis://127.0.0.1:1' : url, log }))
    await assert.rejects(market.depth(symbol, 1), { name: 'CacheError' })
    away = false
    assert.equal((await market.depth(symbol, 1))?.update, 4)
    await market.close()
    await assert.rejects(market.depth(symbol, 1), { name: 'CacheError' })
  })
})
