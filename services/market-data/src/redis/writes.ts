import { formatDecimal } from '@bourse/domain/units'
import type { StreamPosition } from '@bourse/protocol/streams'
import type { MarketFeed } from '../core/market-feed.ts'
import { TRADES_KEPT_MAX, type Market, type MarketChanges, type Trade } from '../core/market.ts'
import { addTrades, replaceOlder, type Script } from './scripts.ts'

/** Levels of each side that readers find in the cache. */
export const DEPTH_LEVELS_MAX = 1000

/** One call of a script. `position` is what the key has afterwards, if nobody was ahead of us. */
export type Write = {
  readonly key: string
  readonly script: Script
  readonly args: readonly string[]
  readonly position: StreamPosition
}

/** How far a partition was published, and of which log. */
export const markKey = (partition: number): string => `market-data:orders.out/${partition}`

export function markWrite(feed: MarketFeed): Write {
  return replace(markKey(feed.partition), feed.streamPosition, { log: feed.log })
}

/** The keys that readers use, for one symbol's changes. */
export function symbolWrites(changes: MarketChanges, position: StreamPosition): Write[] {
  const { market, state, book, trades } = changes
  const { name } = market.listing
  const writes: Write[] = []
  if (state) writes.push(replace(`symbolstate:${name}`, position, { symbol: name, state: market.state }))
  if (book) writes.push(bookWrite(market, position))
  const last = trades.at(-1)
  if (last !== undefined) {
    writes.push(tradesWrite(changes, position.epoch))
    writes.push(replace(`price:${name}`, position, priceOf(market, last)))
  }
  return writes
}

function replace(key: string, position: StreamPosition, value: object): Write {
  return replaceText(key, position, JSON.stringify(value).slice(1))
}

/** `rest` is the value's JSON behind its position, up to the closing brace. */
function replaceText(key: string, position: StreamPosition, rest: string): Write {
  const { epoch, sequence } = position
  const value = `{"epoch":${epoch},"sequence":${sequence},${rest}`
  return { key, script: replaceOlder, args: [String(epoch), String(sequence), value], position }
}

/** Built from the levels' own texts: a book is large, and most of it is what it was. */
function bookWrite(market: Market, position: StreamPosition): Write {
  const { name } = market.listing
  const { bids, asks } = market.depth(DEPTH_LEVELS_MAX)
  const head = `"symbol":${JSON.stringify(name)},"update":${market.update},"time":${market.bookTime}`
  return replaceText(`orderbook:${name}`, position, `${head},"bids":${bids},"asks":${asks}}`)
}

function priceOf({ listing }: Market, { tradeId, price, time }: Trade) {
  return { price: formatDecimal(price, listing.tickDecimals), time, trade_id: tradeId }
}

function tradesWrite({ market, trades, tradesWhole }: MarketChanges, epoch: number): Write {
  const { listing } = market
  const values = trades.map(({ quantity, takerSide, ...trade }) => {
    const { price, time, trade_id } = priceOf(market, { quantity, takerSide, ...trade })
    const lots = formatDecimal(quantity, listing.lotDecimals)
    return JSON.stringify({ epoch, trade_id, price, quantity: lots, taker_side: takerSide, time })
  })
  const first = trades[0]?.tradeId ?? 0
  const last = trades.at(-1)?.tradeId ?? 0
  const numbers = [epoch, first, last, TRADES_KEPT_MAX, tradesWhole ? 1 : 0].map(String)
  const position = { epoch, sequence: last }
  return { key: `trades:${listing.name}`, script: addTrades, args: [...numbers, ...values], position }
}
