import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { TokenSubject } from './tokens.ts'

const WITHIN_MS = 30_000
const PAUSE_MS = 250

/** What was listed a moment ago may not be in the books yet. */
const NOT_SETTLED_YET: readonly string[] = ['unknown_asset', 'unknown_account']

const ASSETS = [
  { code: 'BTC', scale: 8 },
  { code: 'ETH', scale: 8 },
  { code: 'USD', scale: 10 },
]

const FEES = { maker_fee_ppm: 1_000, taker_fee_ppm: 2_000 }
const SYMBOLS = [
  {
    ...{ symbol: 'BTC-USD', base: 'BTC', quote: 'USD', tick_decimals: 2, lot_decimals: 6 },
    ...{ min_quantity: '0.0001', max_quantity: '100', min_notional: '1' },
    ...{ reference_price: '60000.00', band_ppm: 500_000, ...FEES },
  },
  {
    ...{ symbol: 'ETH-USD', base: 'ETH', quote: 'USD', tick_decimals: 2, lot_decimals: 6 },
    ...{ min_quantity: '0.001', max_quantity: '1000', min_notional: '1' },
    ...{ reference_price: '3000.00', band_ppm: 500_000, ...FEES },
  },
]

export const DEMO_OWNERS = ['alice', 'bob'] as const
export const DEMO_FUNDS = { BTC: '10', ETH: '100', USD: '1000000' } as const

/** What answers between us and the gateway while there is none has another form. */
const problem = z
  .looseObject({ code: z.string(), detail: z.string().optional() })
  .catch({ code: 'unavailable' })
const opened = z.looseObject({ account: z.string() })
const listed = z.looseObject({ symbols: z.array(z.looseObject({ symbol: z.string(), state: z.string() })) })

type Request = {
  readonly path: string
  /** Given, the request is a POST. */
  readonly body?: Readonly<Record<string, unknown>>
  /** @default the operator */
  readonly as?: TokenSubject
}

const OPERATOR: TokenSubject = { owner: 'operator', roles: ['operator'] }

/** The exchange refused, or was not there in time. */
export class SeedFailure extends Error {
  override readonly name = 'SeedFailure'
}

export type SeederOptions = {
  readonly url: string
  readonly tokenFor: (subject: TokenSubject) => Promise<string>
  /** How long each request may be refused as not possible yet. @default 30_000 */
  readonly withinMs?: number
}

/** Speaks to the API as an operator. Every command has an id of its own: asking again, or at the next start, is safe. */
export class MarketSeeder {
  readonly #url: string
  readonly #tokenFor: (subject: TokenSubject) => Promise<string>
  readonly #withinMs: number

  constructor({ url, tokenFor, withinMs = WITHIN_MS }: SeederOptions) {
    this.#url = url
    this.#tokenFor = tokenFor
    this.#withinMs = withinMs
  }

  /** Lists assets and symbols, unless they are, and waits until their books are open. They are dealt out to all shards. */
  async listMarket(matchingPartitions: number): Promise<void> {
    for (const asset of ASSETS) {
      await this.#ask({ path: '/api/v1/admin/assets', body: { ...asset, command_id: `asset-${asset.code}` } })
    }
    for (const [index, symbol] of SYMBOLS.entries()) {
      const body = { ...symbol, partition: index % matchingPartitions, command_id: `symbol-${symbol.symbol}` }
      await this.#ask({ path: '/api/v1/admin/symbols', body })
    }
    await this.#untilOpen()
  }

  /** Opens the demo accounts, deposits their funds once and waits until the books show them. Returns the accounts' ids. */
  async fundAccounts(): Promise<Record<string, string>> {
    const accounts: Record<string, string> = {}
    for (const owner of DEMO_OWNERS) {
      const { account } = opened.parse(await this.#ask({ path: '/api/v1/admin/accounts', body: { owner } }))
      for (const [asset, amount] of Object.entries(DEMO_FUNDS)) {
        const body = { account, asset, amount, transfer_id: `demo-${owner}-${asset}` }
        await this.#ask({ path: '/api/v1/admin/deposits', body })
      }
      await this.#ask({ path: '/api/v1/balances', as: { owner, roles: ['trader'] } })
      accounts[owner] = account
    }
    return accounts
  }

  async #untilOpen(): Promise<void> {
    const deadline = Date.now() + this.#withinMs
    while (Date.now() < deadline) {
      const { symbols } = listed.parse(await this.#ask({ path: '/api/v1/symbols' }))
      const states = SYMBOLS.map(({ symbol }) => symbols.find((each) => each.symbol === symbol)?.state)
      // A symbol that an operator halted is as ready as it will be.
      if (states.every((state) => state !== undefined && state !== 'opening')) return
      await sleep(PAUSE_MS)
    }
    throw new SeedFailure('the books did not open')
  }

  async #ask(request: Request): Promise<unknown> {
    const deadline = Date.now() + this.#withinMs
    for (;;) {
      const response = await this.#send(request)
      if (response.ok) return response.json()
      const { code, detail } = problem.parse(await response.json().catch(() => undefined))
      if (code === 'already_exists') return {}
      const mayPass =
        code === 'unavailable' || response.headers.has('retry-after') || NOT_SETTLED_YET.includes(code)
      if (!mayPass || Date.now() > deadline) {
        throw new SeedFailure(`${request.path} was refused: ${code}${detail ? `, ${detail}` : ''}`)
      }
      await sleep(PAUSE_MS)
    }
  }

  async #send({ path, body, as = OPERATOR }: Request): Promise<Response> {
    const headers = {
      authorization: `Bearer ${await this.#tokenFor(as)}`,
      'content-type': 'application/json',
    }
    const method = body === undefined ? 'GET' : 'POST'
    return fetch(this.#url + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch(nobodyAnswers)
  }
}

/** As a gateway answers that has not what it needs: ask again. */
function nobodyAnswers(error: Error): Response {
  return Response.json({ code: 'unavailable', detail: error.message }, { status: 503 })
}
