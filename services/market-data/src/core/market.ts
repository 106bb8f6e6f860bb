import { invariant } from '@bourse/domain/result'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import { stored, type EntryOf, type SymbolState, type WireListing } from '@bourse/protocol/entries'
import { list, price, quantity, record, safe, type ValueOf } from '@bourse/protocol/schema'
import { PriceLevels } from './price-levels.ts'

/** How many of a symbol's last trades are kept, here and in the cache. */
export const TRADES_KEPT_MAX = 1000

const trade = record({ tradeId: safe, price, quantity, takerSide: stored.side, time: safe })
export type Trade = ValueOf<typeof trade>
const trades = list(trade, TRADES_KEPT_MAX)

/** What readers of one symbol have not been told yet. */
export type MarketChanges = {
  readonly market: Market
  readonly state: boolean
  readonly book: boolean
  /** Level changes since the last time. */
  readonly updates: number
  /** Oldest first. */
  readonly trades: readonly Trade[]
  /** `trades` are all that are kept, and not only those since the last time. */
  readonly tradesWhole: boolean
}

/** What everybody may know about one symbol: its state, its book by price, its last trades. Times are log time. */
export class Market {
  readonly listing: WireListing
  readonly #bids: PriceLevels
  readonly #asks: PriceLevels
  readonly #trades: Trade[]
  #state: SymbolState = 'opening'
  #update = 0
  #bookTime = 0
  #tradeIdLast = 0
  /** Not part of the state: what was taken by `takeChanges`. */
  #stateChanged = true
  #bookChanged = true
  #updateTaken = 0
  #tradeIdTaken = 0

  constructor(
    listing: WireListing,
    bids = new PriceLevels('buy', listing),
    asks = new PriceLevels('sell', listing),
    kept: readonly Trade[] = [],
  ) {
    this.listing = listing
    this.#bids = bids
    this.#asks = asks
    this.#trades = [...kept]
  }

  get state(): SymbolState {
    return this.#state
  }

  /** Of the last level change; 0 before the first. */
  get update(): number {
    return this.#update
  }

  get bookTime(): number {
    return this.#bookTime
  }

  get lastTrade(): Trade | undefined {
    return this.#trades.at(-1)
  }

  /** Both sides as JSON, best first. */
  depth(levelsMax: number): { readonly bids: string; readonly asks: string } {
    return { bids: this.#bids.toJson(levelsMax), asks: this.#asks.toJson(levelsMax) }
  }

  setState(state: SymbolState): void {
    this.#stateChanged ||= state !== this.#state
    this.#state = state
  }

  setLevel({ update, side, price, quantity }: EntryOf<'level'>, time: number): void {
    invariant(
      update === this.#update + 1,
      `update ${update} of ${this.listing.name} follows update ${this.#update}`,
    )
    this.#update = update
    this.#bookTime = time
    this.#bookChanged = true
    const levels = side === 'buy' ? this.#bids : this.#asks
    levels.set(price, quantity)
  }

  addTrade({ tradeId, price, quantity, takerSide }: EntryOf<'trade'>, time: number): void {
    invariant(
      tradeId === this.#tradeIdLast + 1,
      `trade ${tradeId} of ${this.listing.name} follows trade ${this.#tradeIdLast}`,
    )
    this.#tradeIdLast = tradeId
    this.#trades.push({ tradeId, price, quantity, takerSide, time })
    if (this.#trades.length > TRADES_KEPT_MAX) this.#trades.shift()
  }

  /** What has changed since the last call; undefined where nothing has. */
  takeChanges(): MarketChanges | undefined {
    const state = this.#stateChanged
    const book = this.#bookChanged
    const tradesChanged = this.#tradeIdTaken < this.#tradeIdLast
    if (!state && !book && !tradesChanged) return undefined
    const unseen = Math.min(this.#tradeIdLast - this.#tradeIdTaken, this.#trades.length)
    const updates = this.#update - this.#updateTaken
    const tradesWhole = this.#tradeIdTaken === 0 || unseen === TRADES_KEPT_MAX
    this.#stateChanged = false
    this.#bookChanged = false
    this.#updateTaken = this.#update
    this.#tradeIdTaken = this.#tradeIdLast
    const trades = this.#trades.slice(this.#trades.length - unseen)
    return { market: this, state, book, updates, trades, tradesWhole }
  }

  /** Takes everything for unknown to the readers. */
  changeAll(): void {
    this.#stateChanged = true
    this.#bookChanged = true
    this.#tradeIdTaken = 0
  }

  encode(writer: ByteWriter): void {
    stored.listing.write(writer, this.listing)
    stored.symbolState.write(writer, this.#state)
    writer.safe(this.#update)
    writer.safe(this.#bookTime)
    this.#bids.encode(writer)
    this.#asks.encode(writer)
    trades.write(writer, this.#trades)
  }

  static decode(reader: ByteReader): Market {
    const listing = stored.listing.read(reader)
    const state = stored.symbolState.read(reader)
    const update = reader.safe()
    const bookTime = reader.safe()
    const bids = PriceLevels.decode(reader, 'buy', listing)
    const asks = PriceLevels.decode(reader, 'sell', listing)
    const market = new Market(listing, bids, asks, trades.read(reader))
    market.#state = state
    market.#update = update
    market.#updateTaken = update
    market.#bookTime = bookTime
    market.#tradeIdLast = market.lastTrade?.tradeId ?? 0
    return market
  }
}
