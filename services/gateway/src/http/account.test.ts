import assert from 'node:assert/strict'
import { accountId } from '@bourse/domain/ids'
import { shardOfOwner } from '../core/owner-shard.ts'
import type { Position } from '../postgres/books.ts'
import { alice, blankReply, fill, TestGateway, type GatewayOptions } from '../testing/gateway.ts'

const carol = accountId(1, 20)

describe('accounts over HTTP', () => {
  let gateway: TestGateway
  const start = async (options: GatewayOptions = {}) => (gateway = await TestGateway.start(options))
  afterEach(() => gateway.close())

  it('POST /account opens an account, or names the one there is', async () => {
    let repeated = false
    await start({ submit: async () => ({ ...blankReply, account: carol, repeated }) })
    const opened = await gateway.ask('POST', '/account', { as: 'carol' })
    assert.deepEqual([opened.status, opened.body], [201, { account: String(carol), owner: 'carol' }])
    repeated = true
    assert.equal((await gateway.ask('POST', '/account', { as: 'carol' })).status, 200)
    assert.deepEqual(gateway.commands[0], {
      shard: shardOfOwner('carol', 2),
      command: { type: 'openAccount', owner: 'carol' },
    })
  })

  it('knows an account from its opening on, before the books do', async () => {
    await start({ submit: async () => ({ ...blankReply, account: carol }) })
    assert.equal((await gateway.ask('GET', '/balances', { as: 'carol' })).body['code'], 'unknown_account')
    await gateway.ask('POST', '/account', { as: 'carol' })
    assert.equal((await gateway.ask('GET', '/balances', { as: 'carol' })).status, 200)
  })

  it('says unknown_account only after the books have reached where risk is', async () => {
    const asked: (Position | undefined)[] = []
    await start({
      books: { accountOf: async (_, at) => (asked.push(at), at === undefined ? undefined : carol) },
    })
    assert.equal((await gateway.ask('GET', '/balances', { as: 'carol' })).status, 200)
    assert.deepEqual(asked, [undefined, { shard: shardOfOwner('carol', 2), sequence: blankReply.position }])
  })

  it('GET /balances shows what the account was told of', async () => {
    const asked: (Position | undefined)[] = []
    const rows = [
      { asset: 1, available: 150_000_000n, held: 0n },
      { asset: 2, available: 2n ** 80n, held: 1n },
    ]
    await start({ books: { balances: async (_, at) => (asked.push(at), rows) } })
    await gateway.ask('DELETE', '/orders')
    const { body } = await gateway.ask('GET', '/balances')
    assert.deepEqual(body, {
      account: String(alice),
      balances: [
        { asset: 'BTC', available: '1.5', held: '0' },
        { asset: 'USD', available: '12089258196146291.74706176', held: '0.00000001' },
      ],
    })
    assert.deepEqual(asked, [{ shard: 0, sequence: blankReply.position }])
  })

  it('GET /fills filters, and goes on where the last page ended', async () => {
    const filters: unknown[] = []
    await start({ books: { fills: async (filter) => (filters.push(filter), [fill]) } })
    const first = await gateway.ask('GET', '/fills?symbol=BTC-USD&order_id=7&limit=1')
    assert.equal(first.body['cursor'], '1500-7-3')
    await gateway.ask('GET', '/fills?cursor=1500-7-3')
    assert.deepEqual(filters, [
      { account: alice, symbol: 1, orderId: 7, after: undefined, limit: 1 },
      ...[{ account: alice, symbol: undefined, orderId: undefined, limit: 100 }].map((filter) => ({
        ...filter,
        after: { filledAt: 1_500, orderId: 7, tradeId: 3 },
      })),
    ])
    assert.equal((await gateway.ask('GET', '/fills?cursor=1-2')).body['code'], 'malformed')
    assert.equal((await gateway.ask('GET', '/fills?symbol=NO-USD')).body['code'], 'unknown_symbol')
  })
})
