import { randomUUID } from 'node:crypto'
import { parseId, sequenceOfOrder, shardOfAccount, shardOfOrder } from '@bourse/domain/ids'
import { refusalCodes } from '@bourse/domain/refusals'
import { parse } from '@bourse/platform/http'
import { FILLS_PER_REPLY_MAX } from '@bourse/protocol/entries'
import { z } from 'zod'
import { orderView, resultView, storedResultView, type StoredOrder } from '../core/formats.ts'
import { orderTerms } from '../core/order-terms.ts'
import type { Position } from '../postgres/books.ts'
import {
  accountOf,
  bodyOf,
  commandIdOf,
  commandIdText,
  decimalText,
  listingNamed,
  naming,
  submitFor,
  symbolText,
  wantsResult,
} from './commands.ts'
import type { GatewayDependencies, GatewayRouter } from './gateway-app.ts'
import { limitText } from './paging.ts'
import { accept, problem, requireDone } from './problem.ts'

const orderBody = z.strictObject({
  symbol: symbolText,
  side: z.enum(['buy', 'sell']),
  type: z.enum(['limit', 'market']),
  time_in_force: z.enum(['gtc', 'ioc', 'fok']).optional(),
  post_only: z.boolean().default(false),
  price: decimalText.optional(),
  quantity: decimalText.optional(),
  funds: decimalText.optional(),
  client_order_id: commandIdText.optional(),
})

const ordersQuery = z.strictObject({
  status: z.enum(['open', 'filled', 'closed']).optional(),
  symbol: symbolText.optional(),
  client_order_id: commandIdText.optional(),
  limit: limitText,
  cursor: z
    .string()
    .transform(parseId)
    .refine((id) => id !== undefined, 'is not a cursor')
    .optional(),
})

const cancelAllQuery = z.strictObject({ symbol: symbolText.optional() })

/** Placing, cancelling and looking up the caller's orders. */
export function orderRoutes(router: GatewayRouter, dependencies: GatewayDependencies): void {
  placing(router, dependencies)
  cancelling(router, dependencies)
  reading(router, dependencies)
}

function placing(router: GatewayRouter, dependencies: GatewayDependencies): void {
  const { directory, accounts } = dependencies

  router.post('/order', async (ctx) => {
    const body = parse(orderBody, bodyOf(ctx))
    const account = await accountOf(accounts, ctx.state.caller)
    const listing = await listingNamed(directory, body.symbol)
    const terms = accept(orderTerms(body, listing))
    const commandId = body.client_order_id ?? randomUUID()
    const wantResult = wantsResult(ctx)
    ctx.status = 202
    ctx.body = await naming({ client_order_id: commandId }, async () => {
      const command = {
        type: 'placeOrder',
        account,
        commandId,
        symbol: listing.symbol,
        ...terms,
        wantResult,
      } as const
      const { orderId, result, position } = requireDone(await submitFor(dependencies, command))
      const id = { order_id: String(orderId), client_order_id: commandId }
      if (!wantResult) return { ...id, status: 'accepted' }
      if (result === undefined)
        return { ...id, ...(await resultInBooks(dependencies, orderId, { account, sequence: position })) }
      return { ...id, ...resultView(result, { orderId, ...terms }, listing) }
    })
  })
}

function cancelling(router: GatewayRouter, dependencies: GatewayDependencies): void {
  const { directory, accounts, riskShards } = dependencies

  router.delete('/order/:id', async (ctx) => {
    const orderId = orderIdIn(ctx.params['id'], riskShards)
    const account = await accountOf(accounts, ctx.state.caller)
    const commandId = commandIdOf(ctx)
    const wantResult = wantsResult(ctx)
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      const command = { type: 'cancelOrder', account, commandId, orderId, wantResult } as const
      const reply = await submitFor(dependencies, command)
      const told = { account, sequence: reply.position }
      if (reply.refusal === refusalCodes.unknown_order) {
        throw await whyUnknown(dependencies, orderId, told)
      }
      requireDone(reply)
      if (!wantResult) return { order_id: String(orderId), status: 'cancel_accepted' }
      return resultInBooks(dependencies, orderId, told)
    })
  })

  router.delete('/orders', async (ctx) => {
    const { symbol } = parse(cancelAllQuery, ctx.query)
    const account = await accountOf(accounts, ctx.state.caller)
    const number = symbol === undefined ? 0 : (await listingNamed(directory, symbol)).symbol
    const commandId = commandIdOf(ctx)
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      requireDone(await submitFor(dependencies, { type: 'cancelAll', account, commandId, symbol: number }))
      return { status: 'cancel_accepted', command_id: commandId }
    })
  })
}

function reading(
  router: GatewayRouter,
  { directory, accounts, books, riskShards }: GatewayDependencies,
): void {
  router.get('/order/:id', async (ctx) => {
    const orderId = orderIdIn(ctx.params['id'], riskShards)
    const account = await accountOf(accounts, ctx.state.caller)
    const told = accounts.positionOf(account)
    const accepted = { shard: shardOfOrder(orderId), sequence: sequenceOfOrder(orderId) }
    const at = told !== undefined && told.shard === accepted.shard ? later(told, accepted) : accepted
    const order = await books.order(orderId, at)
    if (order === undefined) throw problem('unknown_order')
    requireOwner(order, account)
    ctx.body = orderView(order, await directory.listingOf(order.symbol))
  })

  router.get('/orders', async (ctx) => {
    const { status, symbol, limit, cursor, client_order_id: commandId } = parse(ordersQuery, ctx.query)
    const account = await accountOf(accounts, ctx.state.caller)
    const number = symbol === undefined ? undefined : (await listingNamed(directory, symbol)).symbol
    const filter = { account, status, symbol: number, commandId, before: cursor, limit }
    const found = await books.orders(filter, accounts.positionOf(account))
    const last = found.length === limit ? found.at(-1) : undefined
    ctx.body = {
      orders: await Promise.all(
        found.map(async (order) => orderView(order, await directory.listingOf(order.symbol))),
      ),
      ...(last !== undefined && { cursor: String(last.orderId) }),
    }
  })
}

type Reads = Pick<GatewayDependencies, 'books' | 'directory'>
/** An answer to an account, and how far its effects reach in the account's shard. */
type Told = { readonly account: number; readonly sequence: number }

function orderIdIn(text: string | undefined, riskShards: number): number {
  const orderId = parseId(text ?? '')
  if (orderId === undefined || sequenceOfOrder(orderId) === 0 || shardOfOrder(orderId) >= riskShards) {
    throw problem('unknown_order')
  }
  return orderId
}

/** What became of an order, from the books as of a position of the account's shard. */
async function resultInBooks({ books, directory }: Reads, orderId: number, { account, sequence }: Told) {
  const at = { shard: shardOfAccount(account), sequence }
  const order = await books.order(orderId, at)
  if (order === undefined) throw new Error(`order ${orderId} is not in the books at ${at.shard}/${sequence}`)
  const fills = await books.fills({ account, orderId, limit: FILLS_PER_REPLY_MAX }, at)
  return storedResultView(order, fills, await directory.listingOf(order.symbol))
}

/** Risk forgets orders that are done; the books know them. `sequence`: where risk did not know the order. */
async function whyUnknown({ books }: Reads, orderId: number, { account, sequence }: Told): Promise<Error> {
  const at = { shard: shardOfAccount(account), sequence }
  const elsewhere = { shard: shardOfOrder(orderId), sequence: sequenceOfOrder(orderId) }
  const order = await books.order(orderId, elsewhere.shard === at.shard ? at : elsewhere)
  if (order === undefined) return problem('unknown_order')
  if (order.account !== account) return problem('not_order_owner')
  if (order.status === 'open') return new Error(`order ${orderId} is open in the books and unknown to risk`)
  return problem('order_closed')
}

function requireOwner(order: StoredOrder, account: number): void {
  if (order.account !== account) throw problem('not_order_owner')
}

const later = (a: Position, b: Position): Position => (a.sequence > b.sequence ? a : b)
