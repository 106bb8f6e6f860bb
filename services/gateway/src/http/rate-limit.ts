import type { Middleware } from 'koa'
import { TokenBucket } from 'limiter'
import { LRUCache } from 'lru-cache'
import type { GatewayState } from './gateway-app.ts'
import { problem } from './problem.ts'

const OWNERS_MAX = 50_000

export type RateLimitOptions = {
  readonly perSecond: number
  readonly burst: number
  readonly limited: () => void
}

/** Lets each owner make `burst` requests at once, and `perSecond` for as long as they like. Of this process only. */
export function rateLimit({ perSecond, burst, limited }: RateLimitOptions): Middleware<GatewayState> {
  const buckets = new LRUCache<string, TokenBucket>({ max: OWNERS_MAX })

  return async function withinRate(ctx, next) {
    const { owner } = ctx.state.caller
    let bucket = buckets.get(owner)
    if (bucket === undefined) {
      bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' })
      bucket.content = burst
      buckets.set(owner, bucket)
    }
    if (!bucket.tryRemoveTokens(1)) {
      limited()
      ctx.set('retry-after', String(Math.max(1, Math.ceil(bucket.getWaitTime(1) / 1_000))))
      throw problem('rate_limited', `${perSecond} requests a second are allowed`)
    }
    await next()
  }
}
