import { invariant } from '@bourse/domain/result'
import { bandHigh, bandLow, type Listing } from '@bourse/domain/listing'
import type { Ticks } from '@bourse/domain/units'
import { ByteWriter, type ByteReader } from '@bourse/protocol/bytes'
import { stored, type SymbolState } from '@bourse/protocol/entries'
import { OrderBook } from './order-book.ts'

/** Stands for "never moved" where a snapshot names the partition a symbol came from. */
const NOWHERE = 0xffff

/** A symbol as matching knows it: its rules, its state, its counters and its book. */
export class MatchedSymbol {
  readonly listing: Listing
  /** No order trades below or above. */
  readonly bandLow: Ticks
  readonly bandHigh: Ticks
  readonly book: OrderBook
  state: SymbolState = 'opening'
  /** The state it takes once every risk shard knows it. */
  stateAfterOpening: SymbolState = 'trading'
  /** Trades so far; the last one's id. */
  trades = 0
  /** Level changes so far; the last one's number. */
  levelUpdates = 0
  /** Lots traded so far. A bigint: the sum of years outgrows 2^53. */
  volume = 0n
  /** Which partition owns the symbol, counted up by every move; what it was moved from. */
  readonly ownerEpoch: number
  readonly movedFrom: number
  /** Risk shards that have not yet said that they know the symbol, ascending. */
  #awaited: readonly number[]

  constructor(
    listing: Listing,
    awaited: readonly number[],
    book = new OrderBook(),
    ownerEpoch = 1,
    movedFrom = NOWHERE,
  ) {
    this.listing = listing
    this.bandLow = bandLow(listing)
    this.bandHigh = bandHigh(listing)
    this.book = book
    this.ownerEpoch = ownerEpoch
    this.movedFrom = movedFrom
    this.#awaited = awaited
  }

  /** Takes note that a risk shard knows the symbol, by the same rules as the others. Returns whether all do. */
  confirm(riskShard: number, listing: Listing): boolean {
    invariant(
      this.#awaited.includes(riskShard),
      `risk shard ${riskShard} listed symbol ${listing.symbol} again`,
    )
    const same = encoded(listing).equals(encoded(this.listing))
    invariant(same, `risk shard ${riskShard} knows symbol ${listing.symbol} by other rules`)
    this.#awaited = this.#awaited.filter((shard) => shard !== riskShard)
    return this.#awaited.length === 0
  }

  encode(writer: ByteWriter): void {
    stored.listing.write(writer, this.listing)
    stored.symbolState.write(writer, this.state)
    stored.symbolState.write(writer, this.stateAfterOpening)
    writer.u32(this.ownerEpoch)
    writer.u16(this.movedFrom)
    writer.u16(this.#awaited.length)
    for (const shard of this.#awaited) writer.u16(shard)
    writer.safe(this.trades)
    writer.safe(this.levelUpdates)
    writer.amount(this.volume)
    this.book.encode(writer)
  }

  static decode(reader: ByteReader): MatchedSymbol {
    const listing = stored.listing.read(reader)
    const state = stored.symbolState.read(reader)
    const stateAfterOpening = stored.symbolState.read(reader)
    const ownerEpoch = reader.u32()
    const movedFrom = reader.u16()
    const awaited = Array.from({ length: reader.u16() }, () => reader.u16())
    const counters = { trades: reader.safe(), levelUpdates: reader.safe(), volume: reader.amount() }
    const symbol = new MatchedSymbol(listing, awaited, OrderBook.decode(reader), ownerEpoch, movedFrom)
    return Object.assign(symbol, { state, stateAfterOpening, ...counters })
  }
}

function encoded(listing: Listing): Buffer {
  const writer = new ByteWriter()
  stored.listing.write(writer, listing)
  return writer.take()
}
