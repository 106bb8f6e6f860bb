import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'undici'
import { z } from 'zod'
import { askUntilDefinite } from './ask-again.ts'
import { accountOf, ExchangeClient, expectDone, type Answer } from './exchange-client.ts'
import type { TokenSigner } from './tokens.ts'

/** The symbol that a recording is played on: Bitcoin in dollars as of spring 2015, prices in cents, lots of 10^-8. */
export const RECORDED_SYMBOL = 'BTC-USD-2015'
export const LOT_DECIMALS = 8

/** What traders know of it. */
export type MarketRules = {
  readonly base: { readonly code: string; readonly scale: number }
  readonly quote: { readonly code: string; readonly scale: number }
  /** Parts per million of what is received. */
  readonly feePpm: Readonly<Record<'maker' | 'taker', number>>
}
export const marketRules: MarketRules = {
  base: { code: 'BTC', scale: 8 },
  quote: { code: 'USD', scale: 10 },
  feePpm: { maker: 1_000, taker: 2_000 },
}

/** Enough for what is recorded (0.021 to 200 BTC at $164 to $350), and exact: the band's top × 2,000 BTC is below 2^53. */
const listing = {
  base: marketRules.base.code,
  quote: marketRules.quote.code,
  tick_decimals: 2,
  lot_decimals: LOT_DECIMALS,
  min_quantity: '0.001',
  max_quantity: '2000',
  min_notional: '0.01',
  maker_fee_ppm: marketRules.feePpm.maker,
  taker_fee_ppm: marketRules.feePpm.taker,
  reference_price: '236.00',
  band_ppm: 600_000,
}

const assets = [marketRules.base, marketRules.quote]

export type Trader = { readonly owner: string; readonly account: string; readonly client: ExchangeClient }

const OPEN_ATTEMPTS_MAX = 100
const OPEN_PAUSE_MS = 200
const listed = z.looseObject({ symbols: z.array(z.looseObject({ symbol: z.string(), state: z.string() })) })

export type Market = { readonly symbol: string; readonly partition: number }

/** Lists what is needed, unless it is there, and waits until the book is open. */
export async function prepareMarket(
  operator: ExchangeClient,
  { symbol, partition }: Market = { symbol: RECORDED_SYMBOL, partition: 0 },
): Promise<void> {
  for (const asset of assets) {
    const listed = { ...asset, command_id: `asset-${asset.code}` }
    await untilDone(() => operator.send('POST', '/api/v1/admin/assets', listed), `listing ${asset.code}`)
  }
  const terms = { ...listing, symbol, partition, command_id: `symbol-${symbol}` }
  await untilDone(() => operator.send('POST', '/api/v1/admin/symbols', terms), `listing ${symbol}`)
  await untilOpen(operator, symbol)
}

/** Asks until the exchange has said yes: every command has an id, so asking again is safe. */
export async function untilDone(ask: () => Promise<Answer>, what: string): Promise<Answer> {
  return expectDone((await askUntilDefinite(ask)).answer, what)
}

async function untilOpen(operator: ExchangeClient, name: string): Promise<void> {
  for (let attempt = 0; attempt < OPEN_ATTEMPTS_MAX; attempt++) {
    const { symbols } = listed.parse(
      (await untilDone(() => operator.get('/api/v1/symbols'), 'reading symbols')).body,
    )
    if (symbols.some(({ symbol, state }) => symbol === name && state === 'trading')) return
    await sleep(OPEN_PAUSE_MS)
  }
  throw new Error(`${name} did not open within ${(OPEN_ATTEMPTS_MAX * OPEN_PAUSE_MS) / 1_000} s`)
}

/** Opens `count` accounts and gives each the same funds. */
export async function prepareTraders(
  operator: ExchangeClient,
  {
    pool,
    signer,
    run,
    count,
    funds,
  }: { pool: Pool; signer: TokenSigner; run: string; count: number; funds: Readonly<Record<string, string>> },
): Promise<readonly Trader[]> {
  const traders: Trader[] = []
  for (let i = 0; i < count; i++) {
    const owner = `replay-${i}`
    const account = accountOf(
      await untilDone(() => operator.send('POST', '/api/v1/admin/accounts', { owner }), `opening ${owner}`),
    )
    for (const [asset, amount] of Object.entries(funds)) {
      const transfer = { account, asset, amount, transfer_id: `${run}-${owner}-${asset}` }
      await untilDone(() => operator.send('POST', '/api/v1/admin/deposits', transfer), `funding ${owner}`)
    }
    traders.push({ owner, account, client: new ExchangeClient(pool, await signer.token(owner)) })
  }
  return traders
}
