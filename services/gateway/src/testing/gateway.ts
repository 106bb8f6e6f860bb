import { listen, type HttpServer } from '@bourse/platform/listen'
import type { Listing } from '@bourse/domain/listing'
import { accountId } from '@bourse/domain/ids'
import { lots, ticks } from '@bourse/domain/units'
import { createLog } from '@bourse/platform/log'
import { Registry } from 'prom-client'
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JSONWebKeySet,
} from 'jose'
import type { StoredFill, StoredOrder } from '../core/formats.ts'
import type { Reply } from '../core/pending-replies.ts'
import { createEvents } from '../events.ts'
import { createGatewayApp, type GatewayDependencies } from '../http/gateway-app.ts'
import { createTokenVerifier } from '../http/token-verifier.ts'
import type { Command, Submit } from '../kafka/order-entry.ts'
import type { Books } from '../postgres/books.ts'
import type { Listed } from '../postgres/listings.ts'
import { openLookups } from '../postgres/lookups.ts'
import type { MarketCache } from '../redis/market-cache.ts'

export const btc = { asset: 1, code: 'BTC', scale: 8 }
export const usd = { asset: 2, code: 'USD', scale: 8 }
/** Prices in cents, lots of 10^-6. */
export const listing: Listing = {
  ...{ symbol: 1, name: 'BTC-USD', base: btc, quote: usd, tickDecimals: 2, lotDecimals: 6 },
  ...{ minLots: lots(10), maxLots: lots(1e9), minNotional: 1, makerFeePpm: 1_000, takerFeePpm: 2_000 },
  ...{ referencePrice: ticks(10_000), bandPpm: 500_000, partition: 0 },
}
export const listed: Listed = { assets: [btc, usd], symbols: [{ listing, state: 'trading' }] }

export const alice = accountId(0, 16)
export const bob = accountId(1, 16)
const owners = new Map([
  ['alice', alice],
  ['bob', bob],
])

export const blankReply: Reply = {
  ...{ type: 'reply', instance: 1, request: 1, shard: 0, position: 5, refusal: 0, repeated: false },
  ...{ account: alice, orderId: 0, result: undefined },
}

export const emptyBooks: Books = {
  order: async () => undefined,
  orders: async () => [],
  fills: async () => [],
  balances: async () => [],
  accountOf: async (owner) => owners.get(owner),
  listed: async () => listed,
}

export const emptyMarket: MarketCache = { depth: async () => undefined, trades: async () => [] }

export const order: StoredOrder = {
  ...{
    orderId: 7,
    createdAt: 1_000,
    account: alice,
    symbol: 1,
    commandId: 'c-7',
    side: 'buy',
    kind: 'limit',
  },
  ...{ timeInForce: 'gtc', postOnly: false, price: 10_050, quantity: 1_500_000, funds: 0n },
  ...{ remaining: 500_000, filledQuantity: 1_000_000, filledQuote: 100_25000000n, fee: 100_000n },
  ...{ status: 'open', reason: null, updatedAt: 2_000 },
}

export const fill: StoredFill = {
  ...{ orderId: 7, tradeId: 3, filledAt: 1_500, symbol: 1, side: 'buy', role: 'taker' },
  ...{ price: 10_025, quantity: 1_000_000, fee: 100_000n },
}

const ISSUER = 'https://issuer.test'
const AUDIENCE = 'bourse'

/** An issuer with a real key. */
export class Issuer {
  readonly keys: JSONWebKeySet
  readonly #privateKey: CryptoKey
  readonly #kid: string

  constructor(keys: JSONWebKeySet, privateKey: CryptoKey, kid: string) {
    this.keys = keys
    this.#privateKey = privateKey
    this.#kid = kid
  }

  static async create(kid = 'key-1'): Promise<Issuer> {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    return new Issuer({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256' }] }, privateKey, kid)
  }

  token(
    owner: string,
    {
      roles = ['trader'],
      expiresAt = Math.floor(Date.now() / 1_000) + 60,
      issuer = ISSUER,
      audience = AUDIENCE,
      ...claims
    }: { roles?: unknown; expiresAt?: number; issuer?: string; audience?: string; account?: string } = {},
  ): Promise<string> {
    return new SignJWT({ roles, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: this.#kid })
      .setSubject(owner)
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(expiresAt)
      .sign(this.#privateKey)
  }

  verifier(now: () => number = Date.now) {
    return createTokenVerifier({
      keys: createLocalJWKSet(this.keys),
      issuer: ISSUER,
      audience: AUDIENCE,
      now,
    })
  }
}

export type Answer = {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

export type GatewayOptions = Partial<Pick<GatewayDependencies, 'rate' | 'market' | 'draining'>> & {
  readonly submit?: Submit
  readonly books?: Partial<Books>
}

/** A gateway over real HTTP whose neighbours are functions. */
export class TestGateway {
  /** What was submitted, pings aside. */
  readonly commands: { readonly shard: number; readonly command: Command }[] = []
  readonly registry = new Registry()
  readonly #issuer: Issuer
  #server: HttpServer | undefined

  constructor(issuer: Issuer) {
    this.#issuer = issuer
  }

  static async start(options: GatewayOptions = {}): Promise<TestGateway> {
    const issuer = await Issuer.create()
    const gateway = new TestGateway(issuer)
    const { rate = { perSecond: 1_000, burst: 1_000 }, market = emptyMarket } = options
    const answer = options.submit ?? (async () => blankReply)
    const submit: Submit = (shard, command) => {
      if (command.type === 'ping') return Promise.resolve(blankReply)
      gateway.commands.push({ shard, command })
      return answer(shard, command)
    }
    const books = { ...emptyBooks, ...options.books }
    const log = createLog({ name: 'gateway-test', level: 'silent' })
    const now = Date.now
    const app = createGatewayApp({
      ...{ log, rate, market, submit, books, now, riskShards: 2, matchingShards: 1 },
      ...openLookups({ submit, books, riskShards: 2, now }),
      verifyToken: issuer.verifier(),
      events: createEvents(log, gateway.registry),
      ...(options.draining !== undefined && { draining: options.draining }),
    })
    gateway.#server = await listen(app, { port: 0, host: '127.0.0.1' })
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server?.port}/api/v1`
  }

  token(owner: string, roles: readonly string[] = ['trader']): Promise<string> {
    return this.#issuer.token(owner, { roles })
  }

  /** As alice, unless `as` says otherwise; `null` sends no token. */
  async ask(
    method: string,
    path: string,
    {
      body,
      as = 'alice',
      headers = {},
    }: { body?: unknown; as?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const roles = as === 'operator' ? ['operator'] : ['trader']
    const authorization = as === null ? {} : { authorization: `Bearer ${await this.token(as, roles)}` }
    const response = await fetch(this.url + path, {
      method,
      headers: { ...authorization, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    }
  }

  async close(): Promise<void> {
    await this.#server?.close(0)
  }
}
