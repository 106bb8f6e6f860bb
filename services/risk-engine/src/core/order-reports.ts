import { PPM } from '@bourse/domain/listing'
import { systemAccount } from '@bourse/domain/ids'
import { refusalCodes } from '@bourse/domain/refusals'
import { invariant } from '@bourse/domain/result'
import { lots, type Amount } from '@bourse/domain/units'
import { FILLS_PER_REPLY_MAX, type EntryOf, type Leg, type OrderStatus } from '@bourse/protocol/entries'
import type { Context } from '@bourse/protocol/shard'
import { holdAssetOf, holdOf, resultOf, type OpenOrder } from './open-order.ts'
import type { ListedSymbol } from './registry.ts'
import { answer, type RiskState } from './risk-state.ts'

/** Books one fill: releases what the remainder no longer needs, moves both assets through clearing, takes the fee. */
export function applyFill(state: RiskState, fill: EntryOf<'fill'>, context: Context): void {
  const { order, symbol } = openOrder(state, fill)
  const notional = BigInt(fill.price) * BigInt(fill.quantity) * symbol.quoteUnit
  const base = BigInt(fill.quantity) * symbol.baseUnit
  order.remaining = fill.remaining
  order.budget = fill.budget
  order.filledQuantity = lots(order.filledQuantity + fill.quantity)
  order.filledQuote += notional
  if (order.resultTo !== undefined && order.fills.length < FILLS_PER_REPLY_MAX) {
    order.fills.push({ tradeId: fill.tradeId, price: fill.price, quantity: fill.quantity })
  }
  const released = releaseDownTo(state, order, symbol, fill.filled ? 0n : holdOf(order, symbol))
  const fee = chargeFee(order, order.side === 'buy' ? base : notional, fill, symbol)
  const legs = legsOf(state.shard, order, symbol, { notional, base, fee })
  state.balances.post(legs)

  const status: OrderStatus = fill.filled ? 'filled' : 'open'
  const { orderId, account, createdAt, side } = order
  const sums = { filledQuantity: order.filledQuantity, filledQuote: order.filledQuote, status }
  const money = {
    holdAsset: holdAssetOf(order, symbol),
    released,
    feeAsset: feeAssetOf(order, symbol),
    fee,
    legs,
  }
  const { tradeId, price, quantity, role, remaining } = fill
  const traded = { side, tradeId, price, quantity, role, remaining }
  context.send(state.facts, {
    type: 'orderFilled',
    orderId,
    account,
    symbol: fill.symbol,
    createdAt,
    ...traded,
    ...sums,
    ...money,
  })
  if (fill.filled) forget(state, order)
  if (fill.last) tellResult(order, status, 0, context)
  if (fill.filled) tellCanceller(order, 'filled', 0, context)
}

/** The order rests on the book: whoever waits for its result hears of it. */
export function applyRested(state: RiskState, rested: EntryOf<'rested'>, context: Context): void {
  tellResult(openOrder(state, rested).order, 'open', 0, context)
}

/** The order ended without being filled: everything still held for it is released. */
export function applyClosed(state: RiskState, closed: EntryOf<'closed'>, context: Context): void {
  const { order, symbol } = openOrder(state, closed)
  const released = releaseDownTo(state, order, symbol, 0n)
  const { orderId, account, createdAt } = order
  const { remaining, reason } = closed
  const holdAsset = holdAssetOf(order, symbol)
  context.send(state.facts, {
    type: 'orderClosed',
    orderId,
    account,
    symbol: closed.symbol,
    createdAt,
    remaining,
    reason,
    holdAsset,
    released,
  })
  forget(state, order)
  const status = reason === 0 ? 'filled' : 'closed'
  tellResult(order, status, reason, context)
  tellCanceller(order, status, reason, context)
}

function openOrder(
  state: RiskState,
  { orderId }: { orderId: number },
): { order: OpenOrder; symbol: ListedSymbol } {
  const order = state.orders.get(orderId)
  invariant(order !== undefined, `matching reports on order ${orderId}, which is not open`)
  const symbol = state.registry.symbol(order.symbol)
  invariant(symbol !== undefined, `order ${orderId} is of symbol ${order.symbol}, which is not listed`)
  return { order, symbol }
}

function releaseDownTo(state: RiskState, order: OpenOrder, symbol: ListedSymbol, hold: Amount): Amount {
  const released = order.hold - hold
  invariant(released >= 0n, `order ${order.orderId} would hold more after a report than before`)
  state.balances.release(order.account, holdAssetOf(order, symbol), released)
  order.hold = hold
  return released
}

/** The fee on the order's fills so far, rounded down once on their sum, less what was charged already. */
function chargeFee(
  order: OpenOrder,
  received: Amount,
  { role }: EntryOf<'fill'>,
  { listing }: ListedSymbol,
): Amount {
  const ppm = role === 'maker' ? listing.makerFeePpm : listing.takerFeePpm
  order.feeNumerator += received * BigInt(ppm)
  const fee = order.feeNumerator / BigInt(PPM) - order.fee
  order.fee += fee
  return fee
}

const feeAssetOf = ({ side }: OpenOrder, { listing }: ListedSymbol): number =>
  side === 'buy' ? listing.base.asset : listing.quote.asset

type Exchanged = { readonly notional: Amount; readonly base: Amount; readonly fee: Amount }

function legsOf(
  shard: number,
  order: OpenOrder,
  { listing }: ListedSymbol,
  { notional, base, fee }: Exchanged,
): Leg[] {
  const { account, side } = order
  const clearing = systemAccount(shard, 'clearing')
  const [given, received] =
    side === 'buy'
      ? [
          { asset: listing.quote.asset, amount: notional },
          { asset: listing.base.asset, amount: base },
        ]
      : [
          { asset: listing.base.asset, amount: base },
          { asset: listing.quote.asset, amount: notional },
        ]
  return [
    { account, asset: given.asset, amount: -given.amount },
    { account: clearing, asset: given.asset, amount: given.amount },
    { account: clearing, asset: received.asset, amount: -received.amount },
    { account, asset: received.asset, amount: received.amount - fee },
    { account: systemAccount(shard, 'fees'), asset: received.asset, amount: fee },
  ].filter(({ amount }) => amount !== 0n)
}

/** The order is done. Its id is remembered for the window after its end. */
function forget(state: RiskState, order: OpenOrder): void {
  state.orders.delete(order.orderId)
  state.accounts.get(order.account)?.orders.delete(order.orderId)
  if (order.idSegment !== state.ids.segment) {
    state.ids.add(order.account, order.idKey, { content: order.idContent, number: order.orderId, refusal: 0 })
  }
}

function tellResult(order: OpenOrder, status: OrderStatus, reason: number, context: Context): void {
  if (order.resultTo === undefined) return
  const { account, orderId } = order
  answer(context, { replyTo: order.resultTo }, { account, orderId, result: resultOf(order, status, reason) })
  order.resultTo = undefined
  order.fills = []
}

/** Whoever waits for a cancel hears how the order ended: cancelled, or closed before the cancel met it. */
function tellCanceller(order: OpenOrder, status: OrderStatus, reason: number, context: Context): void {
  if (order.cancelTo === undefined) return
  const { account, orderId } = order
  const refusal = reason === refusalCodes.cancelled ? 0 : refusalCodes.order_closed
  answer(
    context,
    { replyTo: order.cancelTo },
    { account, orderId, refusal, result: resultOf(order, status, reason) },
  )
}
