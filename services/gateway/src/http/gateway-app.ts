import { createApp, type App, type AppState } from '@bourse/platform/http'
import type { Logger } from '@bourse/platform/log'
import { Problem } from '@bourse/platform/problem'
import Router from '@koa/router'
import type { Middleware } from 'koa'
import { problemCodes, problemKind, type ProblemCode } from '../core/problem-codes.ts'
import type { GatewayEvents } from '../events.ts'
import type { Submit } from '../kafka/order-entry.ts'
import type { AccountBook } from '../postgres/account-book.ts'
import type { Books } from '../postgres/books.ts'
import type { Directory } from '../postgres/directory.ts'
import type { MarketCache } from '../redis/market-cache.ts'
import { accountRoutes } from './account.ts'
import { adminRoutes } from './admin.ts'
import { authenticate, requireOperator } from './authenticate.ts'
import { marketRoutes } from './market.ts'
import { orderRoutes } from './orders.ts'
import { problemOf } from './problem.ts'
import { rateLimit } from './rate-limit.ts'
import type { Caller, VerifyToken } from './token-verifier.ts'

export const BODY_BYTES_MAX = 16 * 1024

export type GatewayState = AppState & { caller: Caller }
export type GatewayRouter = Router<GatewayState>

export type GatewayDependencies = {
  readonly log: Logger
  readonly verifyToken: VerifyToken
  readonly rate: { readonly perSecond: number; readonly burst: number }
  readonly submit: Submit
  readonly riskShards: number
  readonly matchingShards: number
  readonly books: Books
  readonly directory: Directory
  readonly accounts: AccountBook
  readonly market: MarketCache
  readonly events: GatewayEvents
  /** Once aborted, connections end with the answer under way: their clients come back to another gateway. */
  readonly draining?: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The public API, under /api/v1. */
export function createGatewayApp(dependencies: GatewayDependencies): App {
  const { log, events, verifyToken, rate, draining } = dependencies
  const app = createApp({ log, bodyBytesMax: BODY_BYTES_MAX })
  app.use(partings(draining))
  app.use(answers(events))
  const identified = [authenticate(verifyToken), rateLimit({ ...rate, limited: () => events.rateLimited() })]

  const traders: GatewayRouter = new Router({ prefix: '/api/v1' })
  traders.use(...identified)
  orderRoutes(traders, dependencies)
  accountRoutes(traders, dependencies)

  const everybody: GatewayRouter = new Router({ prefix: '/api/v1' })
  marketRoutes(everybody, dependencies)

  const operators: GatewayRouter = new Router({ prefix: '/api/v1/admin' })
  operators.use(...identified, requireOperator)
  adminRoutes(operators, dependencies)

  for (const router of [traders, everybody, operators]) {
    app.use(router.routes())
    app.use(router.allowedMethods())
  }
  return app
}

function partings(draining: AbortSignal | undefined): Middleware {
  return async function parting(ctx, next) {
    try {
      await next()
    } finally {
      if (draining?.aborted) ctx.set('connection', 'close')
    }
  }
}

/** Gives errors their codes and Retry-After, and counts every answer. */
function answers(events: GatewayEvents): Middleware<GatewayState> {
  return async function answered(ctx, next) {
    const begunAt = performance.now()
    let status = 500
    try {
      await next()
      status = ctx.status
    } catch (error) {
      const told = problemOf(error)
      if (told instanceof Problem) {
        status = told.status
        if (told.code in problemCodes) {
          const { retryAfterS } = problemKind(told.code as ProblemCode)
          if (retryAfterS !== undefined && !ctx.res.hasHeader('retry-after'))
            ctx.set('retry-after', String(retryAfterS))
        }
      }
      throw told
    } finally {
      const { _matchedRoute: route } = ctx as { _matchedRoute?: string }
      const seconds = (performance.now() - begunAt) / 1_000
      events.answered({ route: route ?? 'none', method: ctx.method, status, seconds })
    }
  }
}
