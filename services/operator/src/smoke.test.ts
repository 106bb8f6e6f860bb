import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { smoke } from './smoke.ts'

const MARKET = {
  ...{ symbol: 'BTC-USD', state: 'trading', base: 'BTC', quote: 'USD' },
  ...{ min_quantity: '0.0001', reference_price: '60000' },
}
const SALE = { order_id: '1', filled_quantity: '0.0001', filled_quote: '6', fee: '0.006' }
const PURCHASE = { order_id: '2', filled_quantity: '0.0001', filled_quote: '6', fee: '0.0000002' }

/** What each owner has, before the trade and after it. */
const HONEST = {
  'smoke-seller': [
    { BTC: '1', USD: '0' },
    { BTC: '0.9999', USD: '5.994' },
  ],
  'smoke-buyer': [
    { BTC: '0', USD: '6' },
    { BTC: '0.0000998', USD: '0' },
  ],
} as const

type Books = Record<string, readonly Record<string, string>[]>

describe('smoke', () => {
  let server: Server
  afterEach(() => server.close())

  it('passes where both have what they were told', async () => {
    server = await exchange({ books: HONEST })
    const lines = await run(server)
    assert.match(lines.at(-1) ?? '', /^balances:/)
  })

  it('fails where a balance is off by the last unit', async () => {
    const books = { ...HONEST, 'smoke-buyer': [HONEST['smoke-buyer'][0], { BTC: '0.00009981', USD: '0' }] }
    server = await exchange({ books })
    await assert.rejects(run(server), /should be 0\.0000998 BTC, not 0\.00009981/)
  })

  it('fails where nothing was traded', async () => {
    server = await exchange({ books: HONEST, fills: { filled_quantity: '0', filled_quote: '0', fee: '0' } })
    await assert.rejects(run(server), /nothing was traded/)
  })

  it('fails where no symbol is trading', async () => {
    server = await exchange({ books: HONEST, market: { ...MARKET, state: 'halted' } })
    await assert.rejects(run(server), /none of 1 symbols is trading/)
  })

  it('only reads without a key', async () => {
    server = await exchange({ books: {} })
    assert.equal((await run(server, null)).length, 1)
  })
})

type Fake = { readonly books: Books; readonly market?: typeof MARKET; readonly fills?: Partial<typeof SALE> }

/** Answers as a gateway does. Tokens are the owners' names; whoever has placed an order sees the balances after it. */
async function exchange({ books, market = MARKET, fills = {} }: Fake): Promise<Server> {
  const traded = new Set<string>()
  const answer = (request: IncomingMessage): unknown => {
    const owner = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const path = (request.url ?? '').replace('/api/v1', '')
    const order = { ...(owner === 'smoke-seller' ? SALE : PURCHASE), ...fills }
    if (path === '/symbols') return { symbols: [market] }
    if (path === '/account') return { account: '17' }
    if (path !== '/balances') {
      if (path.startsWith('/order?')) traded.add(owner)
      return order
    }
    const totals = books[owner]?.[traded.has(owner) ? 1 : 0] ?? {}
    return { balances: Object.entries(totals).map(([asset, available]) => ({ asset, available, held: '0' })) }
  }
  const server = createServer((request, response) => void response.end(JSON.stringify(answer(request))))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return server
}

type TokenFor = Parameters<typeof smoke>[0]['tokenFor']

async function run(
  server: Server,
  tokenFor: TokenFor | null = async ({ owner }) => owner,
): Promise<string[]> {
  const lines: string[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await smoke({ url, tokenFor: tokenFor ?? undefined, withinMs: 500, print: (line) => lines.push(line) })
  return lines
}
