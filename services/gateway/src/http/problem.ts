import { refusalOf } from '@bourse/domain/refusals'
import type { Result } from '@bourse/domain/result'
import { Problem } from '@bourse/platform/problem'
import type { FieldProblem } from '../core/order-terms.ts'
import type { Reply } from '../core/pending-replies.ts'
import { problemKind, type ProblemCode } from '../core/problem-codes.ts'
import { SubmitError } from '../kafka/order-entry.ts'
import { BooksError } from '../postgres/books.ts'
import { CacheError } from '../redis/market-cache.ts'

/** An answer with one of our codes; without a detail it says what the code means. */
export function problem(
  code: ProblemCode,
  detail?: string,
  fields: Readonly<Record<string, unknown>> = {},
): Problem {
  const { status, means } = problemKind(code)
  return new Problem(status, code, detail ?? means, fields)
}

/** What a client is told of an error; `fields` go into the answer. What is none of ours stays as it is. */
export function problemOf(error: unknown, fields: Readonly<Record<string, unknown>> = {}): unknown {
  if (error instanceof SubmitError) return problem(error.code, undefined, fields)
  if (error instanceof BooksError) return problem(error.code, undefined, { ...fields, cause: error.cause })
  if (error instanceof CacheError) return problem('unavailable', undefined, { ...fields, cause: error })
  if (error instanceof Problem) {
    return new Problem(error.status, error.code, error.message, {
      ...error.fields,
      ...fields,
      cause: error.cause,
    })
  }
  return error
}

/** The value that the core made of a request, or 4xx with the field and the core's code. */
export function accept<Value>(result: Result<Value, FieldProblem>): Value {
  if (result.ok) return result.value
  const { code, field, detail } = result.error
  throw problem(code, detail, { field })
}

/** Passes on an answer that says yes. */
export function requireDone(reply: Reply): Reply {
  if (reply.refusal !== 0) throw problem(refusalOf(reply.refusal))
  return reply
}
