import { JOSEError } from 'jose/errors'
import type { Middleware } from 'koa'
import { ZodError } from 'zod'
import type { GatewayState } from './gateway-app.ts'
import { problem } from './problem.ts'
import type { VerifyToken } from './token-verifier.ts'

const BEARER = /^Bearer ([\w.~+/=-]+)$/i

/** Lets through who has a valid access token, and says who it is in `ctx.state.caller`. */
export function authenticate(verify: VerifyToken): Middleware<GatewayState> {
  return async function authenticated(ctx, next) {
    const token = BEARER.exec(ctx.get('authorization'))?.[1]
    if (token === undefined) {
      ctx.set('www-authenticate', 'Bearer')
      throw problem('unauthenticated', 'send "Authorization: Bearer <access token>"')
    }
    try {
      ctx.state.caller = await verify(token)
    } catch (cause) {
      if (!(cause instanceof JOSEError) && !(cause instanceof ZodError)) throw cause
      ctx.set('www-authenticate', 'Bearer error="invalid_token"')
      throw problem(
        'unauthenticated',
        cause instanceof JOSEError ? cause.message : 'a claim is missing or malformed',
      )
    }
    await next()
  }
}

/** Lets through operators. */
export const requireOperator: Middleware<GatewayState> = async (ctx, next) => {
  if (!ctx.state.caller.roles.includes('operator')) throw problem('forbidden', 'only operators may do this')
  await next()
}
