import { refusalOf } from '@bourse/domain/refusals'
import type { Listing } from '@bourse/domain/listing'
import { formatDecimal } from '@bourse/domain/units'
import type { OrderKind, OrderStatus, Role, Side, SymbolState, TimeInForce } from '@bourse/protocol/entries'

/** How answers look: decimals and ids as text, times in milliseconds since 1970, absent where there is no value. */

export type StoredOrder = {
  readonly orderId: number
  readonly createdAt: number
  readonly account: number
  readonly symbol: number
  readonly commandId: string
  readonly side: Side
  readonly kind: OrderKind
  readonly timeInForce: TimeInForce
  readonly postOnly: boolean
  readonly price: number
  readonly quantity: number
  readonly funds: bigint
  readonly remaining: number
  readonly filledQuantity: number
  readonly filledQuote: bigint
  readonly fee: bigint
  readonly status: OrderStatus
  readonly reason: number | null
  readonly updatedAt: number
}

export type StoredFill = {
  readonly orderId: number
  readonly tradeId: number
  readonly filledAt: number
  readonly symbol: number
  readonly side: Side
  readonly role: Role
  readonly price: number
  readonly quantity: number
  readonly fee: bigint
}

export function orderView(order: StoredOrder, listing: Listing) {
  const { tickDecimals, lotDecimals, quote } = listing
  return {
    order_id: String(order.orderId),
    client_order_id: order.commandId,
    symbol: listing.name,
    side: order.side,
    type: order.kind,
    time_in_force: order.timeInForce,
    post_only: order.postOnly,
    ...(order.price > 0 && { price: formatDecimal(order.price, tickDecimals) }),
    ...(order.quantity > 0 && { quantity: formatDecimal(order.quantity, lotDecimals) }),
    ...(order.funds > 0n && { funds: formatDecimal(order.funds, quote.scale) }),
    ...progress(order, listing),
    created_at: order.createdAt,
    updated_at: order.updatedAt,
  }
}

export function fillView(fill: StoredFill, listing: Listing) {
  const { tickDecimals, lotDecimals } = listing
  const received = fill.side === 'buy' ? listing.base : listing.quote
  return {
    trade_id: String(fill.tradeId),
    order_id: String(fill.orderId),
    symbol: listing.name,
    side: fill.side,
    role: fill.role,
    price: formatDecimal(fill.price, tickDecimals),
    quantity: formatDecimal(fill.quantity, lotDecimals),
    fee: formatDecimal(fill.fee, received.scale),
    fee_asset: received.code,
    time: fill.filledAt,
  }
}

type Result = Omit<Progress, 'side' | 'funds'> & {
  readonly fills: readonly Pick<StoredFill, 'tradeId' | 'price' | 'quantity'>[]
}
type ResultOrder = { readonly orderId: number; readonly side: Side; readonly funds: bigint }

/** What became of an order, as `?wait=result` tells it. */
export function resultView(result: Result, { orderId, side, funds }: ResultOrder, listing: Listing) {
  return {
    order_id: String(orderId),
    ...progress({ ...result, side, funds }, listing),
    fills: result.fills.map(({ tradeId, price, quantity }) => ({
      trade_id: String(tradeId),
      price: formatDecimal(price, listing.tickDecimals),
      quantity: formatDecimal(quantity, listing.lotDecimals),
    })),
  }
}

/** The same, from the books. */
export function storedResultView(order: StoredOrder, fills: readonly StoredFill[], listing: Listing) {
  return resultView({ ...order, reason: order.reason ?? 0, fills }, order, listing)
}

export function symbolView(listing: Listing, state: SymbolState) {
  const { tickDecimals, lotDecimals } = listing
  return {
    symbol: listing.name,
    state,
    base: listing.base.code,
    quote: listing.quote.code,
    tick_size: formatDecimal(1, tickDecimals),
    lot_size: formatDecimal(1, lotDecimals),
    min_quantity: formatDecimal(listing.minLots, lotDecimals),
    max_quantity: formatDecimal(listing.maxLots, lotDecimals),
    min_notional: formatDecimal(listing.minNotional, tickDecimals + lotDecimals),
    reference_price: formatDecimal(listing.referencePrice, tickDecimals),
    band_ppm: listing.bandPpm,
    maker_fee_ppm: listing.makerFeePpm,
    taker_fee_ppm: listing.takerFeePpm,
  }
}

type Progress = Pick<
  StoredOrder,
  'side' | 'funds' | 'status' | 'reason' | 'filledQuantity' | 'filledQuote' | 'fee' | 'remaining'
>

function progress(order: Progress, listing: Listing) {
  const { filledQuantity, filledQuote, funds, reason } = order
  const { base, quote, lotDecimals } = listing
  const received = order.side === 'buy' ? base : quote
  // An order by funds that has used them up is closed without a reason: it did all that was asked.
  const done = order.status === 'closed' && !reason
  return {
    status: done ? 'filled' : order.status,
    ...(order.status === 'closed' && !done && { reason: refusalOf(reason ?? 0) }),
    filled_quantity: formatDecimal(filledQuantity, lotDecimals),
    // What remains of an order by funds is money, not quantity.
    ...(funds === 0n && { remaining_quantity: formatDecimal(order.remaining, lotDecimals) }),
    filled_quote: formatDecimal(filledQuote, quote.scale),
    ...(filledQuantity > 0 && {
      average_price: formatDecimal(averagePrice(filledQuote, filledQuantity, lotDecimals), quote.scale),
    }),
    fee: formatDecimal(order.fee, received.scale),
    fee_asset: received.code,
  }
}

/** In the quote asset's smallest unit per whole unit of base, rounded down. */
const averagePrice = (filledQuote: bigint, filledLots: number, lotDecimals: number): bigint =>
  (filledQuote * 10n ** BigInt(lotDecimals)) / BigInt(filledLots)
