import { parseId } from '@bourse/domain/ids'
import { formatDecimal } from '@bourse/domain/units'
import { parse } from '@bourse/platform/http'
import { z } from 'zod'
import { fillView } from '../core/formats.ts'
import { shardOfOwner } from '../core/owner-shard.ts'
import { accountOf, listingNamed, symbolText } from './commands.ts'
import type { GatewayDependencies, GatewayRouter } from './gateway-app.ts'
import { limitText } from './paging.ts'
import { requireDone } from './problem.ts'

const orderIdText = z
  .string()
  .transform(parseId)
  .refine((id) => id !== undefined, 'is not an order id')

/** Time, order and trade of the last fill shown. */
const fillCursor = z
  .string()
  .regex(/^\d{1,15}-\d{1,16}-\d{1,16}$/, 'is not a cursor')
  .transform((text) => {
    const [filledAt = 0, orderId = 0, tradeId = 0] = text.split('-').map(Number)
    return { filledAt, orderId, tradeId }
  })

const fillsQuery = z.strictObject({
  symbol: symbolText.optional(),
  order_id: orderIdText.optional(),
  limit: limitText,
  cursor: fillCursor.optional(),
})

/** The caller's account: opening it, its balances and fills. */
export function accountRoutes(router: GatewayRouter, dependencies: GatewayDependencies): void {
  const { accounts, books, directory } = dependencies

  router.post('/account', async (ctx) => {
    const { owner } = ctx.state.caller
    const { account, repeated } = await openAccount(dependencies, owner)
    ctx.status = repeated ? 200 : 201
    ctx.body = { account: String(account), owner }
  })

  router.get('/balances', async (ctx) => {
    const account = await accountOf(accounts, ctx.state.caller)
    const rows = await books.balances(account, accounts.positionOf(account))
    ctx.body = {
      account: String(account),
      balances: await Promise.all(
        rows.map(async ({ asset, available, held }) => {
          const { code, scale } = await directory.assetOf(asset)
          return { asset: code, available: formatDecimal(available, scale), held: formatDecimal(held, scale) }
        }),
      ),
    }
  })

  router.get('/fills', async (ctx) => {
    const { symbol, order_id: orderId, limit, cursor } = parse(fillsQuery, ctx.query)
    const account = await accountOf(accounts, ctx.state.caller)
    const listing = symbol === undefined ? undefined : await listingNamed(directory, symbol)
    const filter = { account, symbol: listing?.symbol, orderId, after: cursor, limit }
    const found = await books.fills(filter, accounts.positionOf(account))
    const last = found.length === limit ? found.at(-1) : undefined
    ctx.body = {
      fills: await Promise.all(
        found.map(async (fill) => fillView(fill, await directory.listingOf(fill.symbol))),
      ),
      ...(last !== undefined && { cursor: `${last.filledAt}-${last.orderId}-${last.tradeId}` }),
    }
  })
}

/** Opens an owner's account, or finds the one there is. */
export async function openAccount(
  { submit, accounts, riskShards }: GatewayDependencies,
  owner: string,
): Promise<{ account: number; repeated: boolean }> {
  const reply = requireDone(await submit(shardOfOwner(owner, riskShards), { type: 'openAccount', owner }))
  accounts.opened(owner, reply.account)
  accounts.answered(reply.account, reply.position)
  return reply
}
