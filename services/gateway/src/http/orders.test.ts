import assert from 'node:assert/strict'
import { accountId, orderId } from '@bourse/domain/ids'
import { refusalCodes } from '@bourse/domain/refusals'
import { lots, ticks } from '@bourse/domain/units'
import { SubmitError } from '../kafka/order-entry.ts'
import { BooksError, type Position } from '../postgres/books.ts'
import { alice, blankReply, fill, order, TestGateway, type GatewayOptions } from '../testing/gateway.ts'

const limitOrder = { symbol: 'BTC-USD', side: 'buy', type: 'limit', price: '100.5', quantity: '1.5' }

describe('orders over HTTP', () => {
  let gateway: TestGateway
  const start = async (options: GatewayOptions = {}) => (gateway = await TestGateway.start(options))
  afterEach(() => gateway.close())

  describe('POST /order', () => {
    it('answers 202 with the order’s id and the client’s', async () => {
      await start({ submit: async () => ({ ...blankReply, orderId: 42 }) })
      const { status, body } = await gateway.ask('POST', '/order', {
        body: { ...limitOrder, client_order_id: 'mine-1' },
      })
      assert.equal(status, 202)
      assert.deepEqual(body, { order_id: '42', status: 'accepted', client_order_id: 'mine-1' })
      assert.deepEqual(gateway.commands, [
        {
          shard: 0,
          command: {
            ...{
              type: 'placeOrder',
              account: alice,
              commandId: 'mine-1',
              symbol: 1,
              side: 'buy',
              kind: 'limit',
            },
            ...{
              timeInForce: 'gtc',
              postOnly: false,
              price: ticks(10_050),
              quantity: lots(1_500_000),
              funds: 0n,
            },
            wantResult: false,
          },
        },
      ])
    })

    it('makes an id where the client gave none, and names it', async () => {
      await start()
      const { body } = await gateway.ask('POST', '/order', { body: limitOrder })
      const [{ command }] = gateway.commands as [(typeof gateway.commands)[0]]
      assert.match(String(body['client_order_id']), /^[0-9a-f-]{36}$/)
      assert.equal('commandId' in command && command.commandId, body['client_order_id'])
    })

    it('sends the command to the shard of the caller’s account', async () => {
      await start()
      await gateway.ask('POST', '/order', { body: limitOrder, as: 'bob' })
      assert.equal(gateway.commands[0]?.shard, 1)
    })

    it('tells what matching said when the client waits for it', async () => {
      const result = {
        ...({
          status: 'closed',
          reason: refusalCodes.no_liquidity,
          filledQuantity: lots(1_000_000),
        } as const),
        ...{ filledQuote: 100_25000000n, fee: 100_000n, remaining: lots(500_000) },
        fills: [{ tradeId: 3, price: ticks(10_025), quantity: lots(1_000_000) }],
      }
      await start({ submit: async () => ({ ...blankReply, orderId: 42, result }) })
      const { status, body } = await gateway.ask('POST', '/order?wait=result', {
        body: { ...limitOrder, client_order_id: 'mine-1' },
      })
      assert.equal(status, 202)
      assert.deepEqual(body, {
        ...{ order_id: '42', client_order_id: 'mine-1', status: 'closed', reason: 'no_liquidity' },
        ...{
          filled_quantity: '1',
          remaining_quantity: '0.5',
          filled_quote: '100.25',
          average_price: '100.25',
        },
        ...{ fee: '0.001', fee_asset: 'BTC', fills: [{ trade_id: '3', price: '100.25', quantity: '1' }] },
      })
      assert.equal((gateway.commands[0]?.command as { wantResult?: boolean }).wantResult, true)
    })

    it('reads the result from the books when the order was done before', async () => {
      const asked: (Position | undefined)[] = []
      await start({
        submit: async () => ({ ...blankReply, orderId: 7, repeated: true, position: 99 }),
        books: {
          order: async (_, at) => (asked.push(at), order),
          fills: async () => [fill],
        },
      })
      const { body } = await gateway.ask('POST', '/order?wait=result', { body: limitOrder })
      assert.equal(body['status'], 'open')
      assert.deepEqual(body['fills'], [{ trade_id: '3', price: '100.25', quantity: '1' }])
      assert.deepEqual(asked, [{ shard: 0, sequence: 99 }])
    })

    it('names the command’s id when nobody knows the outcome', async () => {
      await start({ submit: () => Promise.reject(new SubmitError('outcome_unknown')) })
      const { status, body } = await gateway.ask('POST', '/order', { body: limitOrder })
      const [{ command }] = gateway.commands as [(typeof gateway.commands)[0]]
      assert.equal(status, 504)
      assert.equal(body['code'], 'outcome_unknown')
      assert.equal('commandId' in command && command.commandId, body['client_order_id'])
    })

    it('refuses a JSON number, and says why', async () => {
      await start()
      const { status, body } = await gateway.ask('POST', '/order', { body: { ...limitOrder, price: 100.5 } })
      assert.equal(status, 400)
      assert.equal(body['code'], 'malformed')
      assert.match(String(body['detail']), /^price: a decimal travels as text/)
      assert.deepEqual(gateway.commands, [])
    })

    it('refuses what is not in the schema', async () => {
      await start()
      for (const body of [
        { ...limitOrder, limit: '1' },
        { ...limitOrder, client_order_id: 'a b' },
        [],
        '{',
        '',
      ]) {
        const answer = await gateway.ask('POST', '/order', { body })
        assert.deepEqual([answer.status, answer.body['code']], [400, 'malformed'], JSON.stringify(body))
      }
      const { body } = await gateway.ask('POST', '/order?wait=long', { body: limitOrder })
      assert.equal(body['code'], 'malformed')
      assert.deepEqual(gateway.commands, [])
    })
  })

  describe('DELETE /order/:id', () => {
    it('answers 202 and takes the command’s id from Idempotency-Key', async () => {
      await start()
      const answer = await gateway.ask('DELETE', '/order/7', { headers: { 'idempotency-key': 'cancel-1' } })
      assert.deepEqual([answer.status, answer.body], [202, { order_id: '7', status: 'cancel_accepted' }])
      assert.deepEqual(gateway.commands[0]?.command, {
        ...{ type: 'cancelOrder', account: alice, commandId: 'cancel-1', orderId: 7, wantResult: false },
      })
    })

    it('shows the order as it ended when the client waits', async () => {
      const closed = { ...order, status: 'closed', reason: refusalCodes.cancelled } as const
      await start({ books: { order: async () => closed, fills: async () => [fill] } })
      const { body } = await gateway.ask('DELETE', '/order/7?wait=result')
      assert.deepEqual(
        [body['status'], body['reason'], body['remaining_quantity']],
        ['closed', 'cancelled', '0.5'],
      )
    })

    const unknownToRisk = async () => ({ ...blankReply, refusal: refusalCodes.unknown_order, position: 50 })
    for (const [code, status, stored] of [
      ['order_closed', 409, { ...order, status: 'filled' }],
      ['not_order_owner', 403, { ...order, status: 'filled', account: accountId(0, 17) }],
      ['unknown_order', 404, undefined],
    ] as const) {
      it(`says ${code} of an order that risk does not know, after the books`, async () => {
        await start({
          submit: unknownToRisk,
          books: {
            order: async (id, at) => {
              assert.deepEqual([id, at], [7, { shard: 0, sequence: 50 }])
              return stored
            },
          },
        })
        const answer = await gateway.ask('DELETE', '/order/7')
        assert.deepEqual([answer.status, answer.body['code']], [status, code])
      })
    }

    it('knows no order whose id cannot be one', async () => {
      await start()
      for (const id of ['0', '-1', 'x', '99999999999999999', String(orderId(2, 1))]) {
        const answer = await gateway.ask('DELETE', `/order/${id}`)
        assert.deepEqual([answer.status, answer.body['code']], [404, 'unknown_order'], id)
      }
      assert.deepEqual(gateway.commands, [])
    })
  })

  it('DELETE /orders cancels all, or those of one symbol', async () => {
    await start()
    await gateway.ask('DELETE', '/orders')
    const { status, body } = await gateway.ask('DELETE', '/orders?symbol=BTC-USD', {
      headers: { 'idempotency-key': 'all-1' },
    })
    assert.deepEqual([status, body], [202, { status: 'cancel_accepted', command_id: 'all-1' }])
    assert.deepEqual(
      gateway.commands.map(({ command }) => 'symbol' in command && command.symbol),
      [0, 1],
    )
  })

  describe('GET /order/:id', () => {
    it('reads at the order’s own position, or at a later one that the account was told of', async () => {
      const asked: (Position | undefined)[] = []
      await start({
        submit: async () => ({ ...blankReply, position: 12 }),
        books: { order: async (_, at) => (asked.push(at), order) },
      })
      const { status, body } = await gateway.ask('GET', '/order/7')
      assert.equal(status, 200)
      assert.deepEqual(body, {
        ...{ order_id: '7', client_order_id: 'c-7', symbol: 'BTC-USD', side: 'buy', type: 'limit' },
        ...{ time_in_force: 'gtc', post_only: false, price: '100.5', quantity: '1.5', status: 'open' },
        ...{
          filled_quantity: '1',
          remaining_quantity: '0.5',
          filled_quote: '100.25',
          average_price: '100.25',
        },
        ...{ fee: '0.001', fee_asset: 'BTC', created_at: 1_000, updated_at: 2_000 },
      })
      await gateway.ask('DELETE', '/orders')
      await gateway.ask('GET', '/order/7')
      await gateway.ask('GET', '/order/13')
      assert.deepEqual(
        asked.map((at) => at?.sequence),
        [7, 12, 13],
      )
    })

    it('never says 404 while settlement has not come so far', async () => {
      await start({ books: { order: () => Promise.reject(new BooksError('not_settled')) } })
      const { status, body, headers } = await gateway.ask('GET', '/order/7')
      assert.deepEqual([status, body['code'], headers.get('retry-after')], [503, 'not_settled', '1'])
    })

    it('shows nobody the order of another account', async () => {
      await start({ books: { order: async () => ({ ...order, account: alice + 1 }) } })
      const { status, body } = await gateway.ask('GET', '/order/7')
      assert.deepEqual([status, body['code']], [403, 'not_order_owner'])
    })
  })

  it('GET /orders filters, and goes on where the last page ended', async () => {
    const filters: unknown[] = []
    await start({ books: { orders: async (filter) => (filters.push(filter), [order]) } })
    const first = await gateway.ask('GET', '/orders?status=open&symbol=BTC-USD&limit=1')
    assert.equal(first.body['cursor'], '7')
    assert.equal((first.body['orders'] as unknown[]).length, 1)
    const second = await gateway.ask('GET', '/orders?cursor=7&client_order_id=c-7')
    assert.equal(second.body['cursor'], undefined)
    const blank = {
      account: alice,
      status: undefined,
      symbol: undefined,
      commandId: undefined,
      before: undefined,
    }
    assert.deepEqual(filters, [
      { ...blank, status: 'open', symbol: 1, limit: 1 },
      { ...blank, commandId: 'c-7', before: 7, limit: 100 },
    ])
    for (const query of ['limit=0', 'limit=1001', 'status=done', 'cursor=x', 'page=2']) {
      assert.equal((await gateway.ask('GET', `/orders?${query}`)).body['code'], 'malformed', query)
    }
  })
})
