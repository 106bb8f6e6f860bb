import Koa from 'koa'
import type { Registry } from 'prom-client'

/** Throws or rejects when not ready; the message is told. */
export type Check = () => void | Promise<void>

export type OpsAppOptions = {
  readonly checks: Readonly<Record<string, Check>>
  readonly metrics: Registry
  /** Once aborted, the service is not ready, whatever its checks say. */
  readonly draining?: AbortSignal
  /** Not alive when nothing else has run on the event loop for so long. @default 10_000 */
  readonly stallMsMax?: number
  /** @default 2_000, shorter than a probe's */
  readonly checkTimeoutMs?: number
}

const BEAT_MS = 500

/**
 * What the cluster asks a service, on a port of its own.
 *
 * `GET /live`: 200, or 503 when the event loop has stalled. `GET /ready`: 200 when every check passes and the
 * service is not about to stop, or 503; the body names each. `GET /metrics`: for Prometheus.
 */
export function createOpsApp({
  checks,
  metrics,
  draining,
  stallMsMax = 10_000,
  checkTimeoutMs = 2_000,
}: OpsAppOptions): Koa {
  let beatAt = performance.now()
  setInterval(() => (beatAt = performance.now()), BEAT_MS).unref()

  const live = (ctx: Koa.Context) => {
    const stalledMs = Math.max(0, performance.now() - beatAt - BEAT_MS)
    ctx.status = stalledMs > stallMsMax ? 503 : 200
    ctx.body = { live: ctx.status === 200, stalledMs: Math.round(stalledMs) }
  }

  const ready = async (ctx: Koa.Context) => {
    const results = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) => [name, await outcome(check, checkTimeoutMs)] as const,
      ),
    )
    if (draining?.aborted) results.push(['draining', 'about to stop'])
    const isReady = results.every(([, result]) => result === 'ok')
    ctx.status = isReady ? 200 : 503
    ctx.body = { ready: isReady, checks: Object.fromEntries(results) }
  }

  const app = new Koa()
  app.use(async (ctx) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') ctx.status = 405
    else if (ctx.path === '/live') live(ctx)
    else if (ctx.path === '/ready') await ready(ctx)
    else if (ctx.path === '/metrics') {
      ctx.type = metrics.contentType
      ctx.body = await metrics.metrics()
    }
  })
  return app
}

/** `ok`, or what is wrong. */
async function outcome(check: Check, timeoutMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  try {
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
    })
    await Promise.race([check(), timeout])
    return 'ok'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
