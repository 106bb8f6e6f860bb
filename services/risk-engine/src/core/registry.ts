import { bandHigh, bandLow, baseUnit, quoteUnit, type Asset, type Listing } from '@bourse/domain/listing'
import { invariant } from '@bourse/domain/result'
import type { Amount, Ticks } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import { stored, type SymbolState } from '@bourse/protocol/entries'

/** A listing with what is computed from it often, and the state that matching last announced. */
export type ListedSymbol = {
  listing: Listing
  state: SymbolState
  readonly bandLow: Ticks
  readonly bandHigh: Ticks
  /** One tick × lot in the quote asset's smallest unit. */
  readonly quoteUnit: Amount
  /** One lot in the base asset's smallest unit. */
  readonly baseUnit: Amount
}

/** Assets and symbols, as shard 0 has numbered them. */
export class Registry {
  readonly #assets = new Map<number, Asset>()
  readonly #symbols = new Map<number, ListedSymbol>()

  asset(number: number): Asset | undefined {
    return this.#assets.get(number)
  }

  symbol(number: number): ListedSymbol | undefined {
    return this.#symbols.get(number)
  }

  assetOfCode(code: string): Asset | undefined {
    return [...this.#assets.values()].find((asset) => asset.code === code)
  }

  symbolOfName(name: string): ListedSymbol | undefined {
    return [...this.#symbols.values()].find(({ listing }) => listing.name === name)
  }

  get nextAsset(): number {
    return this.#assets.size + 1
  }

  get nextSymbol(): number {
    return this.#symbols.size + 1
  }

  addAsset(asset: Asset): void {
    this.#assets.set(asset.asset, asset)
  }

  addSymbol(listing: Listing, state: SymbolState = 'opening'): void {
    const numbers = { bandLow: bandLow(listing), bandHigh: bandHigh(listing) }
    const units = { quoteUnit: quoteUnit(listing), baseUnit: baseUnit(listing) }
    this.#symbols.set(listing.symbol, { listing, state, ...numbers, ...units })
  }

  setState(symbol: number, state: SymbolState): void {
    const listed = this.#symbols.get(symbol)
    invariant(listed !== undefined, `matching speaks of symbol ${symbol}, which is not listed`)
    listed.state = state
  }

  setFees(symbol: number, makerFeePpm: number, takerFeePpm: number): void {
    const listed = this.#symbols.get(symbol)
    invariant(listed !== undefined, `fees of symbol ${symbol}, which is not listed`)
    listed.listing = { ...listed.listing, makerFeePpm, takerFeePpm }
  }

  encode(writer: ByteWriter): void {
    writer.u16(this.#assets.size)
    for (const asset of this.#assets.values()) stored.asset.write(writer, asset)
    writer.u16(this.#symbols.size)
    for (const { listing, state } of this.#symbols.values()) {
      stored.listing.write(writer, listing)
      stored.symbolState.write(writer, state)
    }
  }

  static decode(reader: ByteReader): Registry {
    const registry = new Registry()
    for (let count = reader.u16(); count > 0; count--) registry.addAsset(stored.asset.read(reader))
    for (let count = reader.u16(); count > 0; count--) {
      registry.addSymbol(stored.listing.read(reader), stored.symbolState.read(reader))
    }
    return registry
  }
}
