import assert from 'node:assert/strict'
import { refusalCodes, type RefusalCode } from '@bourse/domain/refusals'
import { problemCodes, problemKind, type ProblemCode } from '../core/problem-codes.ts'
import { SubmitError } from '../kafka/order-entry.ts'
import { BooksError } from '../postgres/books.ts'
import { CacheError } from '../redis/market-cache.ts'
import { blankReply, TestGateway, type Answer, type GatewayOptions } from '../testing/gateway.ts'

const body = { symbol: 'BTC-USD', side: 'buy', type: 'limit', price: '100.5', quantity: '1.5' }

describe('a gateway that drains', () => {
  it('answers, and ends the connection with the answer', async () => {
    const draining = new AbortController()
    const gateway = await TestGateway.start({ draining: draining.signal })
    try {
      const before = await gateway.ask('POST', '/order', { body })
      draining.abort()
      const [answer, refusal] = [
        await gateway.ask('POST', '/order', { body }),
        await gateway.ask('PUT', '/order'),
      ]
      assert.deepEqual([before.status, answer.status, refusal.status], [202, 202, 405])
      const connections = [before, answer, refusal].map(({ headers }) => headers.get('connection'))
      assert.deepEqual(connections, ['keep-alive', 'close', 'close'])
    } finally {
      await gateway.close()
    }
  })
})

describe('every answer that is no success', () => {
  let gateway: TestGateway
  afterEach(() => gateway.close())

  const ask = async (options: GatewayOptions, request: (gateway: TestGateway) => Promise<Answer>) => {
    gateway = await TestGateway.start(options)
    return request(gateway)
  }
  const place =
    (over: object = {}) =>
    (to: TestGateway) =>
      to.ask('POST', '/order', { body: { ...body, ...over } })
  const fails = (error: Error) => () => Promise.reject(error)

  function expectProblem({ status, body: told, headers }: Answer, code: ProblemCode): void {
    const { status: expected, retryAfterS } = problemKind(code)
    assert.equal(told['code'], code)
    assert.deepEqual(
      [status, told['status'], told['type']],
      [expected, expected, `urn:bourse:problem:${code}`],
    )
    assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
    assert.equal(headers.get('retry-after'), retryAfterS === undefined ? null : String(retryAfterS))
    assert.equal(headers.get('x-request-id'), told['request_id'])
  }

  const own: Partial<Record<ProblemCode, () => Promise<Answer>>> = {
    not_found: () => ask({}, (to) => to.ask('GET', '/nothing')),
    method_not_allowed: () => ask({}, (to) => to.ask('PUT', '/order')),
    unauthenticated: () => ask({}, (to) => to.ask('GET', '/balances', { as: null })),
    forbidden: () => ask({}, (to) => to.ask('POST', '/admin/accounts', { body: { owner: 'carol' } })),
    too_large: () => ask({}, place({ client_order_id: 'x'.repeat(17_000) })),
    malformed: () => ask({}, place({ side: 'up' })),
    too_precise: () => ask({}, place({ price: '100.505' })),
    rate_limited: () =>
      ask({ rate: { perSecond: 1, burst: 1 } }, async (to) => (await place()(to), place()(to))),
    overloaded: () => ask({ submit: fails(new SubmitError('overloaded')) }, place()),
    outcome_unknown: () => ask({ submit: fails(new SubmitError('outcome_unknown')) }, place()),
    not_settled: () =>
      ask({ books: { balances: fails(new BooksError('not_settled')) } }, (to) => to.ask('GET', '/balances')),
    unavailable: () => {
      const market = { depth: fails(new CacheError('away')), trades: fails(new CacheError('away')) }
      return ask({ market }, (to) => to.ask('GET', '/trades/BTC-USD'))
    },
    internal: () => ask({ submit: fails(new Error('a secret of ours')) }, place()),
  }

  for (const code of Object.keys(problemCodes) as ProblemCode[]) {
    const request = own[code]
    it(code, async () => {
      if (request !== undefined) return expectProblem(await request(), code)
      const refusal = refusalCodes[code as RefusalCode]
      expectProblem(await ask({ submit: async () => ({ ...blankReply, refusal }) }, place()), code)
    })
  }

  it('keeps our own mistakes to itself', async () => {
    const answer = await ask({ submit: fails(new Error('a secret of ours')) }, place())
    assert(!JSON.stringify(answer.body).includes('secret'))
  })

  it('limits each owner alone', async () => {
    gateway = await TestGateway.start({ rate: { perSecond: 1, burst: 2 } })
    const statuses = []
    for (const as of ['alice', 'alice', 'alice', 'bob']) {
      statuses.push((await gateway.ask('POST', '/order', { body, as })).status)
    }
    assert.deepEqual(statuses, [202, 202, 429, 202])
  })

  it('is counted by route and status', async () => {
    await ask({}, place({ side: 'up' }))
    const metrics = await gateway.registry.metrics()
    assert.match(
      metrics,
      /bourse_gateway_request_seconds_count\{route="\/api\/v1\/order",method="POST",status="400"\} 1/,
    )
  })
})
