import type { RefusalCode } from '@bourse/domain/refusals'

/** `retryAfterS`: nothing is wrong with the request, and the same one may succeed after so many seconds. */
export type ProblemKind = { readonly status: number; readonly means: string; readonly retryAfterS?: number }

/**
 * Every code that an answer can carry, with its one status. Clients read codes; a code is never renamed or reused.
 * First what the gateway finds itself, in the order in which it looks, then what risk and matching refuse.
 */
export const problemCodes = {
  not_found: { status: 404, means: 'There is no such resource' },
  method_not_allowed: { status: 405, means: 'The resource has no such method' },
  unauthenticated: { status: 401, means: 'The request carries no valid access token' },
  forbidden: { status: 403, means: 'The token does not allow this' },
  rate_limited: { status: 429, means: 'Too many requests', retryAfterS: 1 },
  too_large: { status: 413, means: 'The body is too large' },
  malformed: { status: 400, means: 'The request cannot be understood' },
  too_precise: { status: 400, means: 'The number has more decimals than the symbol or asset allows' },
  overloaded: { status: 503, means: 'Nothing was done: too much is waiting', retryAfterS: 1 },
  outcome_unknown: {
    status: 504,
    means: 'No answer came in time: ask again with the same id',
    retryAfterS: 1,
  },
  not_settled: { status: 503, means: 'The books do not show this yet', retryAfterS: 1 },
  unavailable: { status: 503, means: 'A part of the exchange does not answer', retryAfterS: 1 },
  internal: { status: 500, means: 'The exchange made a mistake' },

  duplicate_with_other_content: { status: 409, means: 'The id came before with other content' },
  expired: { status: 503, means: 'The deadline passed before it was read: nothing was done', retryAfterS: 1 },
  unknown_account: { status: 404, means: 'There is no such account' },
  unknown_asset: { status: 404, means: 'There is no such asset' },
  unknown_symbol: { status: 404, means: 'There is no such symbol' },
  halted: { status: 409, means: 'The symbol takes no orders now' },
  cancel_only: { status: 409, means: 'The symbol takes only cancels now' },
  below_minimum: { status: 400, means: 'The order is smaller than the symbol allows' },
  above_maximum: { status: 400, means: 'The order is larger than the symbol allows' },
  price_band: { status: 400, means: 'The price lies outside the band' },
  limit_reached: { status: 429, means: 'No more ids or open orders are allowed now', retryAfterS: 10 },
  insufficient_balance: { status: 422, means: 'The available balance does not cover this' },
  unknown_order: { status: 404, means: 'There is no such order' },
  not_order_owner: { status: 403, means: 'The order is another account’s' },
  order_closed: { status: 409, means: 'The order is filled or closed' },
  already_exists: { status: 409, means: 'It is listed already' },
  bad_listing: { status: 422, means: 'The listing breaks a rule that keeps money exact' },
  would_trade: { status: 409, means: 'The post-only order would have traded' },
  not_filled_whole: { status: 409, means: 'The fill-or-kill order could not be filled whole' },
  no_liquidity: { status: 409, means: 'Nothing more could be filled at once' },
  cancelled: { status: 409, means: 'The order was cancelled' },
} as const satisfies Readonly<Record<RefusalCode | GatewayCode, ProblemKind>>

type GatewayCode =
  | 'not_found'
  | 'method_not_allowed'
  | 'unauthenticated'
  | 'forbidden'
  | 'rate_limited'
  | 'too_large'
  | 'too_precise'
  | 'overloaded'
  | 'outcome_unknown'
  | 'not_settled'
  | 'unavailable'
  | 'internal'

export type ProblemCode = keyof typeof problemCodes

export const problemKind = (code: ProblemCode): ProblemKind => problemCodes[code]
