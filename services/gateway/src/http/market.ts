import { parse } from '@bourse/platform/http'
import { z } from 'zod'
import { symbolView } from '../core/formats.ts'
import { listingNamed } from './commands.ts'
import type { GatewayDependencies, GatewayRouter } from './gateway-app.ts'
import { limitText } from './paging.ts'
import { problem } from './problem.ts'

const limitQuery = z.strictObject({ limit: limitText })

/** What everybody may see, without a token. */
export function marketRoutes(
  router: GatewayRouter,
  { directory, market, now }: Pick<GatewayDependencies, 'directory' | 'market' | 'now'>,
): void {
  router.get('/time', (ctx) => {
    ctx.body = { time: Math.floor(now()) }
  })

  router.get('/symbols', async (ctx) => {
    const { symbols } = await directory.listed()
    ctx.body = { symbols: symbols.map(({ listing, state }) => symbolView(listing, state)) }
  })

  router.get('/depth/:symbol', async (ctx) => {
    const { limit } = parse(limitQuery, ctx.query)
    const { name: symbol } = await listingNamed(directory, ctx.params['symbol'])
    const depth = await market.depth(symbol, limit)
    if (depth === undefined) throw problem('unavailable', 'the book is not published at the moment')
    ctx.body = depth
  })

  router.get('/trades/:symbol', async (ctx) => {
    const { limit } = parse(limitQuery, ctx.query)
    const { name: symbol } = await listingNamed(directory, ctx.params['symbol'])
    const trades = await market.trades(symbol, limit)
    ctx.body = { symbol, trades: trades.map((trade) => ({ ...trade, trade_id: String(trade.trade_id) })) }
  })
}
