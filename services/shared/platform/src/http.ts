import { randomUUID } from 'node:crypto'

import { bodyParser } from '@koa/bodyparser'
import Koa, { type Middleware } from 'koa'
import type { ZodType } from 'zod'

import type { Logger } from './log.ts'
import { Problem } from './problem.ts'

export const BODY_BYTES_MAX = 65_536
export const ISSUES_MAX = 20

export type AppOptions = {
  readonly log: Logger
  /** @default BODY_BYTES_MAX */
  readonly bodyBytesMax?: number
}

export type AppState = { requestId: string }
export type App = Koa<AppState>

/** A Koa application with what every service needs: request ids, problem details, JSON bodies with a limit. */
export function createApp({ log, bodyBytesMax = BODY_BYTES_MAX }: AppOptions): App {
  const app: App = new Koa<AppState>()
  // A response that fails while it is being written: the client has gone.
  app.on('error', (err: unknown) => log.debug({ err }, 'response failed'))
  app.use(requestIds())
  app.use(problems(log))
  app.use(jsonBody(bodyBytesMax))
  return app
}

/** Letters, digits, dots and dashes, so that it can stand in a header, a log and a terminal. */
const REQUEST_ID = /^[\w.-]{1,64}$/

/** Takes the caller's `x-request-id` if it is sound, or makes one; the answer has it too. */
export function requestIds(): Middleware<AppState> {
  return async function requestId(ctx, next) {
    const given = ctx.get('x-request-id')
    ctx.state.requestId = REQUEST_ID.test(given) ? given : randomUUID()
    ctx.set('x-request-id', ctx.state.requestId)
    await next()
  }
}

/** The one place where an error becomes a response. What is not a `Problem` is logged and stays untold. */
export function problems(log: Logger): Middleware<AppState> {
  return async function problemDetails(ctx, next) {
    const { requestId } = ctx.state
    try {
      await next()
      if (ctx.status === 404 && ctx.body == null) throw new Problem(404, 'not_found')
      if (ctx.status === 405 || ctx.status === 501) throw new Problem(405, 'method_not_allowed')
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, 'internal')
      // A refusal under load is told and counted, and no line of a log each.
      if (problem.status >= 500 && (problem !== error || problem.cause !== undefined)) {
        log.error({ err: error, requestId, method: ctx.method, path: ctx.path }, 'request failed')
      }
      ctx.status = problem.status
      ctx.body = problem.toBody(requestId)
      ctx.type = 'application/problem+json'
    }
  }
}

/** Parses a JSON body, whatever its content type says; `malformed` and `too_large` are the client's to mend. */
function jsonBody(bytesMax: number): Middleware<AppState> {
  return bodyParser({
    enableTypes: ['json'],
    extendTypes: { json: ['*/*'] },
    jsonLimit: bytesMax,
    jsonStrict: true,
    onError: (error) => {
      if ((error as { status?: number }).status === 413) {
        throw new Problem(413, 'too_large', `the body may have ${bytesMax} bytes`)
      }
      throw new Problem(400, 'malformed', 'the body is not a JSON object or array', { cause: error })
    },
  }) as unknown as Middleware<AppState>
}

/** Turns what came from outside into a value, or refuses with 400 `malformed` and what is wrong in it. */
export function parse<Value>(schema: ZodType<Value>, input: unknown): Value {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues
    .slice(0, ISSUES_MAX)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
  throw new Problem(400, 'malformed', issues[0], { issues })
}
