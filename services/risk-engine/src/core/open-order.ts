import type { AccountId, OrderId } from '@bourse/domain/ids'
import type { Amount, Lots, Ticks } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { OrderKind, OrderResult, OrderStatus, ReplyAddress, Side } from '@bourse/protocol/entries'
import { amount, list, optional, price, quantity, record, safe, u32 } from '@bourse/protocol/schema'
import { stored } from '@bourse/protocol/entries'
import type { Fingerprint } from './command-ids.ts'
import type { ListedSymbol } from './registry.ts'

/** An order that matching has or will have. Its hold is a function of what remains of it. */
export type OpenOrder = {
  readonly orderId: OrderId
  readonly account: AccountId
  readonly symbol: number
  readonly side: Side
  readonly kind: OrderKind
  readonly price: Ticks
  readonly createdAt: number
  readonly idKey: Fingerprint
  readonly idContent: number
  /** Segment of command ids in which the order's own id stands. */
  idSegment: number
  remaining: Lots
  /** What is left to spend or to earn, in ticks × lots; 0 where the order has no budget. */
  budget: number
  hold: Amount
  filledQuantity: Lots
  filledQuote: Amount
  /** Amounts received × the fee's parts per million, over all fills: the fee is rounded down once, on the sum. */
  feeNumerator: Amount
  fee: Amount
  /** Who waits for matching's first word on the order, with the fills so far. */
  resultTo: ReplyAddress | undefined
  fills: OrderResult['fills'][number][]
  /** Who waits for a cancel to be carried out. */
  cancelTo: ReplyAddress | undefined
}

/** The funds that what remains of an order needs: quote for a buy, base for a sell. */
export function holdOf(
  order: Pick<OpenOrder, 'side' | 'kind' | 'price' | 'remaining' | 'budget'>,
  symbol: ListedSymbol,
): Amount {
  if (order.side === 'sell') return BigInt(order.remaining) * symbol.baseUnit
  const ticksLots = order.kind === 'market' ? order.budget : order.price * order.remaining
  return BigInt(ticksLots) * symbol.quoteUnit
}

export const holdAssetOf = ({ side }: { side: Side }, { listing }: ListedSymbol): number =>
  side === 'buy' ? listing.quote.asset : listing.base.asset

/** What is told to who waits for an order's result. */
export function resultOf(order: OpenOrder, status: OrderStatus, reason: number): OrderResult {
  const { filledQuantity, filledQuote, fee, remaining, fills } = order
  return { status, reason, filledQuantity, filledQuote, fee, remaining, fills }
}

const layout = record({
  orderId: safe,
  account: u32,
  symbol: u32,
  side: stored.side,
  kind: stored.kind,
  price,
  createdAt: safe,
  keyHigh: u32,
  keyLow: u32,
  idContent: u32,
  idSegment: safe,
  remaining: quantity,
  budget: safe,
  hold: amount,
  filledQuantity: quantity,
  filledQuote: amount,
  feeNumerator: amount,
  fee: amount,
  resultTo: optional(stored.address),
  fills: list(stored.fillReport, 100_000),
  cancelTo: optional(stored.address),
})

export function encodeOrder(writer: ByteWriter, order: OpenOrder): void {
  layout.write(writer, { ...order, keyHigh: order.idKey.high, keyLow: order.idKey.low })
}

export function decodeOrder(reader: ByteReader): OpenOrder {
  const { keyHigh, keyLow, fills, ...order } = layout.read(reader)
  return { ...order, fills: [...fills], idKey: { high: keyHigh, low: keyLow } }
}
