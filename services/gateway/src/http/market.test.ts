import assert from 'node:assert/strict'
import { emptyMarket, TestGateway, type GatewayOptions } from '../testing/gateway.ts'

describe('the market over HTTP', () => {
  let gateway: TestGateway
  const start = async (options: GatewayOptions = {}) => (gateway = await TestGateway.start(options))
  const get = (path: string) => gateway.ask('GET', path, { as: null })
  afterEach(() => gateway.close())

  it('GET /time tells the time to everybody', async () => {
    await start()
    const { status, body } = await get('/time')
    assert.equal(status, 200)
    assert(Math.abs(Number(body['time']) - Date.now()) < 5_000)
  })

  it('GET /symbols shows listings and states', async () => {
    await start()
    const { symbols } = (await get('/symbols')).body as { symbols: Record<string, unknown>[] }
    assert.deepEqual(
      symbols.map(({ symbol, state }) => [symbol, state]),
      [['BTC-USD', 'trading']],
    )
  })

  it('GET /depth shows as many levels as asked for', async () => {
    const asked: unknown[] = []
    const depth = { symbol: 'BTC-USD', update: 3, time: 9, bids: [['100', '1']], asks: [] } as const
    await start({
      market: {
        ...emptyMarket,
        depth: async (...of) => (asked.push(of), { ...depth, bids: [['100', '1']], asks: [] }),
      },
    })
    assert.deepEqual((await get('/depth/BTC-USD?limit=5')).body, depth)
    await get('/depth/BTC-USD')
    assert.deepEqual(asked, [
      ['BTC-USD', 5],
      ['BTC-USD', 100],
    ])
    assert.equal((await get('/depth/BTC-USD?limit=5000')).body['code'], 'malformed')
    assert.equal((await get('/depth/NO-USD')).body['code'], 'unknown_symbol')
  })

  it('does not take a book that is not published for an empty one', async () => {
    await start()
    assert.equal((await get('/depth/BTC-USD')).body['code'], 'unavailable')
  })

  it('GET /trades shows ids as text', async () => {
    const trade = { trade_id: 7, price: '100', quantity: '1', taker_side: 'buy', time: 9 } as const
    await start({ market: { ...emptyMarket, trades: async () => [trade] } })
    assert.deepEqual((await get('/trades/BTC-USD')).body, {
      symbol: 'BTC-USD',
      trades: [{ ...trade, trade_id: '7' }],
    })
  })
})
