import { orderId as makeOrderId } from '@bourse/domain/ids'
import { refusalCodes, type RefusalCode } from '@bourse/domain/refusals'
import { lots, type Lots } from '@bourse/domain/units'
import type { EntryOf } from '@bourse/protocol/entries'
import type { Context } from '@bourse/protocol/shard'
import { contentOf, keyOf } from './fingerprint.ts'
import { holdAssetOf, holdOf, resultOf, type OpenOrder } from './open-order.ts'
import type { ListedSymbol } from './registry.ts'
import { answer, type RiskState } from './risk-state.ts'
import type { Fingerprint } from './command-ids.ts'

/** What an order will ask of matching: lots to fill, and a bound on price × quantity (0: none). */
type Size = { readonly quantity: Lots; readonly budget: number }

/** Accepts an order and holds its funds, or refuses it; either way its id is remembered with the answer. */
export function placeOrder(state: RiskState, command: EntryOf<'placeOrder'>, context: Context): void {
  const { account } = command
  if (!state.accounts.has(account)) return refuse(context, command, 'unknown_account')
  const key = keyOf(account, command.commandId)
  const content = contentOf(command)
  if (answerAgain(state, command, key, content, context)) return
  if (state.ids.full(account)) return refuse(context, command, 'limit_reached')

  const refusal = judge(state, command, context)
  if (refusal !== undefined) {
    state.ids.add(account, key, { content, number: 0, refusal: refusalCodes[refusal] })
    return refuse(context, command, refusal)
  }
  accept(state, command, { key, content }, context)
}

/** Sends a cancel to matching, where it meets the order after everything that was sent before it. */
export function cancelOrder(state: RiskState, command: EntryOf<'cancelOrder'>, context: Context): void {
  const { account, orderId } = command
  if (!state.accounts.has(account)) return refuse(context, command, 'unknown_account')
  const key = keyOf(account, command.commandId)
  const content = contentOf(command)
  if (answerAgain(state, command, key, content, context)) return
  if (state.ids.full(account)) return refuse(context, command, 'limit_reached')

  const order = state.orders.get(orderId)
  const refusal = expired(command, context)
    ? 'expired'
    : order === undefined
      ? 'unknown_order'
      : order.account !== account
        ? 'not_order_owner'
        : undefined
  state.ids.add(account, key, {
    content,
    number: orderId,
    refusal: refusal === undefined ? 0 : refusalCodes[refusal],
  })
  if (refusal !== undefined || order === undefined)
    return refuse(context, command, refusal ?? 'unknown_order')

  sendCancel(state, order, context)
  if (command.wantResult) order.cancelTo = command.replyTo
  else answer(context, command, { account, orderId })
}

/** Begins to cancel every open order of the account (of one symbol, unless that is 0); slices follow. */
export function cancelAll(state: RiskState, command: EntryOf<'cancelAll'>, context: Context): void {
  const { account, symbol } = command
  const owner = state.accounts.get(account)
  if (owner === undefined) return refuse(context, command, 'unknown_account')
  const key = keyOf(account, command.commandId)
  const content = contentOf(command)
  if (answerAgain(state, command, key, content, context)) return
  if (state.ids.full(account)) return refuse(context, command, 'limit_reached')
  const late = expired(command, context)
  state.ids.add(account, key, { content, number: 0, refusal: late ? refusalCodes.expired : 0 })
  if (late) return refuse(context, command, 'expired')

  const begun = lastBeingCancelled(state, account, symbol)
  const orderIds = [...owner.orders].filter(
    (id) => id > begun && (symbol === 0 || state.orders.get(id)?.symbol === symbol),
  )
  if (orderIds.length > 0) state.massCancels.push({ account, symbol, orderIds })
  answer(context, command, { account })
}

/** The newest order that a cancel-all under way will reach: asked for again and again, none is queued twice. */
function lastBeingCancelled(state: RiskState, account: number, symbol: number): number {
  const covering = state.massCancels.filter(
    (job) => job.account === account && (job.symbol === 0 || job.symbol === symbol),
  )
  return Math.max(0, ...covering.map(({ orderIds }) => orderIds.at(-1) ?? 0))
}

/** Carries out a slice of the cancel-alls that wait. Runs with every input, so that none waits for ever. */
export function continueMassCancels(state: RiskState, context: Context): void {
  const [job] = state.massCancels
  if (job === undefined) return
  for (const orderId of job.orderIds.splice(0, state.limits.cancelSlice)) {
    const order = state.orders.get(orderId)
    if (order !== undefined) sendCancel(state, order, context)
  }
  if (job.orderIds.length === 0) state.massCancels.shift()
}

/** Where the id came before: answers as then, or refuses other content. True if it did either. */
function answerAgain(
  state: RiskState,
  command: EntryOf<'placeOrder'> | EntryOf<'cancelOrder'> | EntryOf<'cancelAll'>,
  key: Fingerprint,
  content: number,
  context: Context,
): boolean {
  const first = state.ids.find(command.account, key)
  if (first === undefined) return false
  const { account } = command
  if (first.content !== content) {
    refuse(context, command, 'duplicate_with_other_content')
    return true
  }
  const order = state.orders.get(first.number)
  if (command.type === 'cancelOrder' && command.wantResult && first.refusal === 0 && order !== undefined) {
    order.cancelTo = command.replyTo
    return true
  }
  if (command.type === 'placeOrder' && command.wantResult && order?.resultTo !== undefined) {
    order.resultTo = command.replyTo
    return true
  }
  const result =
    command.type === 'placeOrder' && command.wantResult && order !== undefined
      ? resultOf(order, 'open', 0)
      : undefined
  answer(context, command, { account, orderId: first.number, refusal: first.refusal, repeated: true, result })
  return true
}

/** The first rule that the order breaks, in the order of precedence of the refusal codes. */
function judge(state: RiskState, command: EntryOf<'placeOrder'>, context: Context): RefusalCode | undefined {
  if (expired(command, context)) return 'expired'
  const symbol = state.registry.symbol(command.symbol)
  if (symbol === undefined) return 'unknown_symbol'
  if (symbol.state === 'halted' || symbol.state === 'opening') return 'halted'
  if (symbol.state === 'cancel_only') return 'cancel_only'
  if (!wellFormed(command)) return 'malformed'
  const size = sizeOf(command, symbol)
  const broken = breaksSize(command, size, symbol)
  if (broken !== undefined) return broken
  const orders = state.accounts.get(command.account)?.orders.size ?? 0
  if (orders >= state.limits.openOrdersPerAccountMax || state.orders.size >= state.limits.openOrdersMax)
    return 'limit_reached'
  const hold = holdOf({ ...command, remaining: size.quantity, budget: size.budget }, symbol)
  const { available } = state.balances.of(command.account, holdAssetOf(command, symbol))
  return available < hold ? 'insufficient_balance' : undefined
}

/** A limit order names price and quantity; a market order one of quantity and funds, and does not rest. */
function wellFormed({ kind, price, quantity, funds, postOnly, timeInForce }: EntryOf<'placeOrder'>): boolean {
  if (funds < 0n) return false
  if (kind === 'limit')
    return price > 0 && quantity > 0 && funds === 0n && !(postOnly && timeInForce !== 'gtc')
  return price === 0 && quantity > 0 !== funds > 0n && !postOnly && timeInForce !== 'fok'
}

function sizeOf(command: EntryOf<'placeOrder'>, symbol: ListedSymbol): Size {
  const { kind, side, quantity, funds } = command
  if (kind === 'limit') return { quantity, budget: 0 }
  if (funds === 0n)
    return {
      quantity,
      budget: side === 'buy' ? Math.min(quantity * symbol.bandHigh, Number.MAX_SAFE_INTEGER) : 0,
    }
  const budget = Number(min(funds / symbol.quoteUnit, BigInt(Number.MAX_SAFE_INTEGER)))
  return { quantity: side === 'buy' ? lots(0) : lots(Math.ceil(budget / symbol.bandLow)), budget }
}

function breaksSize(
  command: EntryOf<'placeOrder'>,
  { quantity, budget }: Size,
  symbol: ListedSymbol,
): RefusalCode | undefined {
  const { minLots, maxLots, minNotional } = symbol.listing
  const byFunds = command.funds > 0n
  if (!byFunds && quantity < minLots) return 'below_minimum'
  if (quantity > maxLots) return 'above_maximum'
  if (byFunds && budget > maxLots * symbol.bandHigh) return 'above_maximum'
  const notional =
    command.kind === 'limit' ? command.price * quantity : byFunds ? budget : symbol.bandHigh * quantity
  if (notional < minNotional) return 'below_minimum'
  if (command.kind === 'limit' && (command.price < symbol.bandLow || command.price > symbol.bandHigh))
    return 'price_band'
  return undefined
}

function accept(
  state: RiskState,
  command: EntryOf<'placeOrder'>,
  { key, content }: { key: Fingerprint; content: number },
  context: Context,
): void {
  const symbol = state.registry.symbol(command.symbol)
  if (symbol === undefined) throw new Error(`symbol ${command.symbol} vanished between judging and accepting`)
  const { account, side, kind, price } = command
  const { quantity, budget } = sizeOf(command, symbol)
  const orderId = makeOrderId(state.shard, context.nextSequence(state.facts))
  const order: OpenOrder = {
    orderId,
    account,
    symbol: command.symbol,
    side,
    kind,
    price,
    createdAt: context.time,
    idKey: key,
    idContent: content,
    idSegment: state.ids.segment,
    remaining: quantity,
    budget,
    hold: 0n,
    filledQuantity: lots(0),
    filledQuote: 0n,
    feeNumerator: 0n,
    fee: 0n,
    resultTo: command.wantResult ? command.replyTo : undefined,
    fills: [],
    cancelTo: undefined,
  }
  order.hold = holdOf(order, symbol)
  const holdAsset = holdAssetOf(order, symbol)
  if (!state.balances.hold(account, holdAsset, order.hold))
    throw new Error('funds vanished between judging and holding')
  state.orders.set(orderId, order)
  state.accounts.get(account)?.orders.add(orderId)
  state.ids.add(account, key, { content, number: orderId, refusal: 0 })

  announce(state, command, order, symbol, context)
  if (!command.wantResult) answer(context, command, { account, orderId })
}

/** Tells the ledger and the book of a new order. */
function announce(
  state: RiskState,
  command: EntryOf<'placeOrder'>,
  order: OpenOrder,
  symbol: ListedSymbol,
  context: Context,
): void {
  const { side, kind, price, timeInForce, postOnly } = command
  const { orderId, account, createdAt, remaining, budget, hold } = order
  context.send(state.facts, {
    type: 'orderAccepted',
    orderId,
    account,
    symbol: command.symbol,
    createdAt,
    commandId: command.commandId,
    side,
    kind,
    timeInForce,
    postOnly,
    price,
    quantity: command.quantity,
    funds: command.funds,
    holdAsset: holdAssetOf(order, symbol),
    hold,
  })
  const book = { topic: 'orders.in', partition: symbol.listing.partition } as const
  context.send(book, {
    type: 'order',
    orderId,
    account,
    symbol: command.symbol,
    createdAt,
    side,
    kind,
    timeInForce,
    postOnly,
    price,
    quantity: remaining,
    budget,
    deadline: command.deadline,
  })
}

function sendCancel(state: RiskState, { orderId, account, symbol }: OpenOrder, context: Context): void {
  const partition = state.registry.symbol(symbol)?.listing.partition ?? 0
  context.send({ topic: 'orders.in', partition }, { type: 'cancel', orderId, account, symbol })
}

const expired = ({ deadline }: { deadline: number }, { appendedAt }: Context): boolean =>
  deadline > 0 && appendedAt > deadline

function refuse(
  context: Context,
  command: EntryOf<'placeOrder'> | EntryOf<'cancelOrder'> | EntryOf<'cancelAll'>,
  refusal: RefusalCode,
): void {
  answer(context, command, { account: command.account, refusal: refusalCodes[refusal] })
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
