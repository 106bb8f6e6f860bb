import assert from 'node:assert/strict'
import { alice, bob, btc, listing, TestGateway, usd } from '../testing/gateway.ts'

const symbol = {
  ...{
    symbol: 'BTC-EUR',
    base: 'BTC',
    quote: 'USD',
    tick_decimals: 2,
    lot_decimals: 6,
    min_quantity: '0.0001',
  },
  ...{ max_quantity: '100', min_notional: '1', maker_fee_ppm: 1_000, taker_fee_ppm: 2_000 },
  ...{ reference_price: '250', band_ppm: 500_000 },
}

describe('operators over HTTP', () => {
  let gateway: TestGateway
  beforeEach(async () => {
    gateway = await TestGateway.start()
  })
  afterEach(() => gateway.close())

  const post = (path: string, body: unknown, as = 'operator') =>
    gateway.ask('POST', `/admin${path}`, { body, as })
  const command = () => gateway.commands.at(-1)

  it('lists assets and symbols in shard 0', async () => {
    const { status, body } = await post('/assets', { code: 'EUR', scale: 2, command_id: 'a-1' })
    assert.deepEqual([status, body], [202, { status: 'accepted', asset: 'EUR', command_id: 'a-1' }])
    assert.deepEqual(command(), {
      shard: 0,
      command: { type: 'listAsset', commandId: 'a-1', code: 'EUR', scale: 2 },
    })

    assert.equal((await post('/symbols', { ...symbol, command_id: 's-1' })).status, 202)
    const sent = command()?.command
    assert(sent?.type === 'listSymbol')
    assert.deepEqual([sent.listing.name, sent.listing.base, sent.listing.quote], ['BTC-EUR', btc, usd])
  })

  it('changes a symbol’s state and fees', async () => {
    await post('/symbols/BTC-USD/state', { state: 'halted', command_id: 'h-1' })
    const halt = { type: 'setSymbolState', commandId: 'h-1', symbol: listing.symbol, state: 'halted' }
    assert.deepEqual(command(), { shard: 0, command: halt })
    await post('/symbols/BTC-USD/fees', { maker_fee_ppm: 0, taker_fee_ppm: 5, command_id: 'f-1' })
    const fees = { type: 'setFees', commandId: 'f-1', symbol: listing.symbol, makerFeePpm: 0, takerFeePpm: 5 }
    assert.deepEqual(command(), { shard: 0, command: fees })
  })

  it('moves funds in the account’s shard', async () => {
    const transfer = { transfer_id: 't-1', account: String(bob), asset: 'BTC', amount: '1.5' }
    const { status, body } = await post('/deposits', transfer)
    assert.deepEqual([status, body], [202, { status: 'accepted', transfer_id: 't-1' }])
    const moved = { account: bob, commandId: 't-1', asset: 1, amount: 150_000_000n }
    assert.deepEqual(command(), { shard: 1, command: { type: 'deposit', ...moved } })
    await post('/withdrawals', { ...transfer, account: String(alice) })
    assert.deepEqual(command(), { shard: 0, command: { type: 'withdraw', ...moved, account: alice } })
  })

  for (const [path, body, code] of [
    ['/assets', { code: 'eur', scale: 2 }, 'malformed'],
    ['/assets', { code: 'EUR', scale: 19 }, 'malformed'],
    ['/symbols', { ...symbol, base: 'DOGE' }, 'unknown_asset'],
    ['/symbols', { ...symbol, partition: 9 }, 'bad_listing'],
    ['/symbols/NO-USD/state', { state: 'halted' }, 'unknown_symbol'],
    ['/symbols/BTC-USD/state', { state: 'opening' }, 'malformed'],
    ['/deposits', { transfer_id: 't', account: '16', asset: 'BTC', amount: '0.000000001' }, 'too_precise'],
    ['/deposits', { transfer_id: 't', account: 'x', asset: 'BTC', amount: '1' }, 'malformed'],
    ['/deposits', { transfer_id: 't', account: '4000000000', asset: 'BTC', amount: '1' }, 'unknown_account'],
    ['/deposits', { account: '16', asset: 'BTC', amount: '1' }, 'malformed'],
  ] as const) {
    it(`refuses ${path} ${JSON.stringify(body).slice(0, 60)} as ${code}`, async () => {
      assert.equal((await post(path, body)).body['code'], code)
      assert.deepEqual(gateway.commands, [])
    })
  }

  it('obeys no trader', async () => {
    for (const [path, body] of [
      ['/assets', { code: 'EUR', scale: 2 }],
      ['/symbols', symbol],
      ['/symbols/BTC-USD/state', { state: 'halted' }],
      ['/symbols/BTC-USD/fees', { maker_fee_ppm: 0, taker_fee_ppm: 0 }],
      ['/accounts', { owner: 'carol' }],
      ['/deposits', { transfer_id: 't', account: '16', asset: 'BTC', amount: '1' }],
      ['/withdrawals', { transfer_id: 't', account: '16', asset: 'BTC', amount: '1' }],
    ] as const) {
      assert.deepEqual((await post(path, body, 'alice')).body['code'], 'forbidden', path)
    }
    assert.deepEqual(gateway.commands, [])
  })
})
