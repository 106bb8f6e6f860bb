import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatDecimal, parseAmount } from '@bourse/domain/units'
import { z } from 'zod'
import type { TokenSubject } from './tokens.ts'

const PAUSE_MS = 250
/** Finer than every asset: amounts of all are compared in this. */
const DECIMALS = 18
const MAY_PASS: readonly string[] = ['unavailable', 'unknown_asset', 'unknown_account']

const amount = z.string().transform((text) => {
  const parsed = parseAmount(text, DECIMALS)
  return parsed.ok ? parsed.value : 0n
})
const problem = z
  .looseObject({ code: z.string(), detail: z.string().optional() })
  .catch({ code: 'unavailable' })
const account = z.looseObject({ account: z.string() })
const order = z.looseObject({
  order_id: z.string(),
  filled_quantity: amount,
  filled_quote: amount,
  fee: amount,
})
const balances = z.looseObject({
  balances: z.array(z.looseObject({ asset: z.string(), available: amount, held: amount })),
})
const symbols = z.looseObject({
  symbols: z.array(
    z.looseObject({
      ...{ symbol: z.string(), state: z.string(), base: z.string(), quote: z.string() },
      ...{ min_quantity: z.string(), reference_price: z.string() },
    }),
  ),
})

type Market = z.infer<typeof symbols>['symbols'][number]
type Order = z.infer<typeof order>
type Totals = ReadonlyMap<string, bigint>
type Request = { readonly path: string; readonly method?: string; readonly body?: Record<string, string> }

/** The exchange refused, was not there in time, or was wrong. */
export class SmokeFailure extends Error {
  override readonly name = 'SmokeFailure'
}

export type SmokeOptions = {
  readonly url: string
  /** Without it nobody trades: only what is public is read. */
  readonly tokenFor: ((subject: TokenSubject) => Promise<string>) | undefined
  readonly withinMs: number
  readonly print: (line: string) => void
}

/** Asks a running exchange for what matters most, through the same door as everybody. Safe to repeat, also while others trade. */
export async function smoke({ url, tokenFor, withinMs, print }: SmokeOptions): Promise<void> {
  const visitor = new Caller({ url, withinMs })
  const listed = symbols.parse(await visitor.ask({ path: '/symbols' })).symbols
  const market = listed.find(({ state }) => state === 'trading')
  if (market === undefined) throw new SmokeFailure(`none of ${listed.length} symbols is trading`)
  await visitor.ask({ path: `/depth/${market.symbol}` })
  print(`reads: ${listed.length} symbols, the book of ${market.symbol}`)
  if (tokenFor === undefined) return

  const as = (subject: TokenSubject) => new Caller({ url, withinMs, token: () => tokenFor(subject) })
  await trade(market, { as, withinMs, print })
}

type Trading = Pick<SmokeOptions, 'withinMs' | 'print'> & { readonly as: (subject: TokenSubject) => Caller }

/** A sale and a purchase at the reference price. They need not meet: whoever else is on the book, each pays what the answers say. */
async function trade(market: Market, { as, withinMs, print }: Trading): Promise<void> {
  const operator = as({ owner: 'operator', roles: ['operator'] })
  const seller = as({ owner: 'smoke-seller', roles: ['trader'] })
  const buyer = as({ owner: 'smoke-buyer', roles: ['trader'] })
  const { symbol, base, quote, min_quantity: quantity, reference_price: price } = market
  const limit = { symbol, type: 'limit', price, quantity }
  await fund(operator, seller, { asset: base, amount: quantity })
  await fund(operator, buyer, { asset: quote, amount: costOf(price, quantity) })
  const before = { seller: await totals(seller), buyer: await totals(buyer) }

  const sale = await place(seller, { ...limit, side: 'sell' })
  const purchase = await place(buyer, { ...limit, side: 'buy' })
  const sold = await close(seller, sale)
  const bought = await close(buyer, purchase)
  print(`trades: ${shown(sold.filled_quantity)} sold, ${shown(bought.filled_quantity)} bought of ${symbol}`)
  if (sold.filled_quantity + bought.filled_quantity === 0n) throw new SmokeFailure('nothing was traded')

  const paid = bought.filled_quote
  const expected = {
    seller: moved(before.seller, { [base]: -sold.filled_quantity, [quote]: sold.filled_quote - sold.fee }),
    buyer: moved(before.buyer, { [base]: bought.filled_quantity - bought.fee, [quote]: -paid }),
  }
  await untilEqual(seller, expected.seller, withinMs)
  await untilEqual(buyer, expected.buyer, withinMs)
  print('balances: what both were told, to the last unit')
}

async function fund(operator: Caller, caller: Caller, funds: { asset: string; amount: string }) {
  const opened = account.parse(await caller.ask({ path: '/account', body: {} }))
  const body = { account: opened.account, ...funds, transfer_id: `smoke-${randomUUID()}` }
  await operator.ask({ path: '/admin/deposits', body })
}

/** Asking again with the same id is safe, so an answer that was lost costs nothing. */
async function place(caller: Caller, body: Record<string, string>): Promise<Order> {
  const placing = { path: '/order?wait=result', body: { ...body, client_order_id: `smoke-${randomUUID()}` } }
  return order.parse(await caller.ask(placing))
}

async function close(caller: Caller, { order_id: id }: Order): Promise<Order> {
  await caller.ask({ path: `/order/${id}?wait=result`, method: 'DELETE' })
  return order.parse(await caller.ask({ path: `/order/${id}` }))
}

async function totals(caller: Caller): Promise<Totals> {
  const rows = balances.parse(await caller.ask({ path: '/balances' })).balances
  return new Map(rows.map(({ asset, available, held }) => [asset, available + held]))
}

/** Another gateway may not show the last fill yet. */
async function untilEqual(caller: Caller, expected: Totals, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await totals(caller)
    const wrong = [...expected].filter(([asset, total]) => (found.get(asset) ?? 0n) !== total)
    if (wrong.length === 0) return
    if (Date.now() > deadline) {
      const lines = wrong.map(
        ([asset, total]) => `${shown(total)} ${asset}, not ${shown(found.get(asset) ?? 0n)}`,
      )
      throw new SmokeFailure(`the balance should be ${lines.join(' and ')}`)
    }
    await sleep(PAUSE_MS)
  }
}

function moved(before: Totals, by: Record<string, bigint>): Totals {
  return new Map(Object.entries(by).map(([asset, change]) => [asset, (before.get(asset) ?? 0n) + change]))
}

const shown = (value: bigint): string => formatDecimal(value, DECIMALS)

function costOf(price: string, quantity: string): string {
  return formatDecimal(amount.parse(price) * amount.parse(quantity), 2 * DECIMALS)
}

/** One person at the API. What is refused for the moment is asked again. */
class Caller {
  readonly #url: string
  readonly #withinMs: number
  readonly #token: (() => Promise<string>) | undefined

  constructor(options: { url: string; withinMs: number; token?: () => Promise<string> }) {
    this.#url = options.url
    this.#withinMs = options.withinMs
    this.#token = options.token
  }

  async ask(request: Request): Promise<unknown> {
    const deadline = Date.now() + this.#withinMs
    for (;;) {
      const response = await this.#send(request).catch(nobodyAnswers)
      if (response.ok) return response.json()
      const { code, detail = '' } = problem.parse(await response.json().catch(() => undefined))
      // An order that was filled meanwhile needs no cancelling.
      if (code === 'order_closed') return {}
      const mayPass = response.headers.has('retry-after') || MAY_PASS.includes(code)
      if (!mayPass || Date.now() > deadline)
        throw new SmokeFailure(`${request.path}: ${code} ${detail}`.trim())
      await sleep(PAUSE_MS)
    }
  }

  async #send({ path, body, method = body === undefined ? 'GET' : 'POST' }: Request): Promise<Response> {
    const authorization = this.#token && { authorization: `Bearer ${await this.#token()}` }
    return fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...authorization },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }
}

function nobodyAnswers(error: Error): Response {
  return Response.json({ code: 'unavailable', detail: error.message }, { status: 503 })
}
