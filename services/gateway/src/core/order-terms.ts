import type { Listing } from '@bourse/domain/listing'
import { err, ok, type Result } from '@bourse/domain/result'
import {
  lots,
  parseAmount,
  parseLots,
  parseTicks,
  ticks,
  type Amount,
  type UnitRefusal,
} from '@bourse/domain/units'
import type { EntryOf, OrderKind, Side, TimeInForce } from '@bourse/protocol/entries'
import type { ProblemCode } from './problem-codes.ts'

/** An order as people write it: decimals as text. */
export type OrderRequest = {
  readonly side: Side
  readonly type: OrderKind
  readonly time_in_force?: TimeInForce | undefined
  readonly post_only: boolean
  readonly price?: string | undefined
  readonly quantity?: string | undefined
  /** Of the quote asset: what a market order may spend or earn at most. */
  readonly funds?: string | undefined
}

export type OrderTerms = Pick<
  EntryOf<'placeOrder'>,
  'side' | 'kind' | 'timeInForce' | 'postOnly' | 'price' | 'quantity' | 'funds'
>

export type FieldProblem = { readonly code: ProblemCode; readonly field: string; readonly detail: string }

/** Turns decimals into ticks, lots and amounts of the listing. What risk checks too is left to risk. */
export function orderTerms(request: OrderRequest, listing: Listing): Result<OrderTerms, FieldProblem> {
  const contradiction = contradictionIn(request)
  if (contradiction !== undefined) return err(contradiction)
  const price = read('price', request.price, ticks(0), (text) => parseTicks(text, listing.tickDecimals))
  if (!price.ok) return price
  const quantity = read('quantity', request.quantity, lots(0), (text) => parseLots(text, listing.lotDecimals))
  if (!quantity.ok) return quantity
  const funds = read('funds', request.funds, 0n, (text) => parseAmount(text, listing.quote.scale))
  if (!funds.ok) return funds
  return ok({
    side: request.side,
    kind: request.type,
    timeInForce: request.time_in_force ?? (request.type === 'limit' ? 'gtc' : 'ioc'),
    postOnly: request.post_only,
    price: price.value,
    quantity: quantity.value,
    funds: funds.value,
  })
}

/** Reads a positive amount of an asset. */
export function amountOf(field: string, text: string, scale: number): Result<Amount, FieldProblem> {
  return read(field, text, 0n, (digits) => parseAmount(digits, scale))
}

function contradictionIn(request: OrderRequest): FieldProblem | undefined {
  const { type, price, quantity, funds, post_only: postOnly, time_in_force: timeInForce } = request
  if (type === 'limit') {
    if (price === undefined) return malformed('price', 'a limit order names its price')
    if (quantity === undefined) return malformed('quantity', 'a limit order names its quantity')
    if (funds !== undefined) return malformed('funds', 'only a market order names funds')
    if (postOnly && timeInForce !== undefined && timeInForce !== 'gtc') {
      return malformed('post_only', 'a post-only order is good till cancelled')
    }
    return undefined
  }
  if (price !== undefined) return malformed('price', 'a market order has no price')
  if ((quantity === undefined) === (funds === undefined)) {
    return malformed('quantity', 'a market order names either quantity or funds')
  }
  if (postOnly) return malformed('post_only', 'a market order cannot be post-only')
  if (timeInForce !== undefined && timeInForce !== 'ioc') {
    return malformed('time_in_force', 'a market order is immediate or cancel')
  }
  return undefined
}

function read<Value>(
  field: string,
  text: string | undefined,
  absent: Value,
  parse: (text: string) => Result<Value, UnitRefusal>,
): Result<Value, FieldProblem> {
  if (text === undefined) return ok(absent)
  const parsed = parse(text)
  return parsed.ok ? parsed : err(unitProblem(field, text, parsed.error))
}

function unitProblem(field: string, text: string, refusal: UnitRefusal): FieldProblem {
  switch (refusal) {
    case 'not_a_decimal':
      return malformed(field, `${field} is a positive decimal such as "100.25"`)
    case 'too_precise':
      return { code: 'too_precise', field, detail: `${field} has more decimals than are allowed here` }
    case 'out_of_range': {
      const zero = /^[0.]*$/.test(text)
      const detail = zero ? `${field} must be above zero` : `${field} is too large`
      return { code: zero ? 'below_minimum' : 'above_maximum', field, detail }
    }
  }
}

const malformed = (field: string, detail: string): FieldProblem => ({ code: 'malformed', field, detail })
