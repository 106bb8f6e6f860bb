import { invariant } from '@bourse/domain/result'
import { formatDecimal } from '@bourse/domain/units'
import type { EntryOf } from '@bourse/protocol/entries'
import type { EventsFile, Listing } from './position.ts'

/** A row of `trades`, as the public API writes ids and decimals. `time` is log time, in milliseconds. */
export type TradeRow = {
  readonly tradeId: string
  readonly symbol: string
  readonly price: string
  readonly quantity: string
  readonly makerOrderId: string
  readonly takerOrderId: string
  readonly takerSide: string
  readonly time: number
}

/** The trades among events. They follow from a file of events alone, so whoever has it can write them. */
export function tradeRows({ rows, after }: EventsFile): readonly TradeRow[] {
  const listings = new Map(after.listings.map((listing) => [listing.symbol, listing]))
  return rows
    .filter(({ type }) => type === 'trade')
    .map(({ body, time }) => tradeRow(JSON.parse(body) as EntryOf<'trade'>, listings, time))
}

function tradeRow(trade: EntryOf<'trade'>, listings: ReadonlyMap<number, Listing>, time: number): TradeRow {
  const listing = listings.get(trade.symbol)
  invariant(listing !== undefined, `symbol ${trade.symbol} is not listed`)
  return {
    tradeId: String(trade.tradeId),
    symbol: listing.name,
    price: formatDecimal(trade.price, listing.tickDecimals),
    quantity: formatDecimal(trade.quantity, listing.lotDecimals),
    makerOrderId: String(trade.makerOrderId),
    takerOrderId: String(trade.takerOrderId),
    takerSide: trade.takerSide,
    time,
  }
}
