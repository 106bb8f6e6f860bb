import type { Asset, Listing } from '@bourse/domain/listing'
import { invariant } from '@bourse/domain/result'
import type { Position } from './books.ts'
import type { Listed } from './listings.ts'

/** For how long a name that was not found is taken for unknown without asking again. */
const MISS_TRUSTED_MS = 500
/** How old what is shown of states and fees may be. */
const SHOWN_AGE_MS_MAX = 1_000

export type DirectoryOptions = {
  readonly read: (at?: Position) => Promise<Listed>
  /** Where shard 0's output ends now: everything that was listed before is in the tables once they reach it. */
  readonly askPosition: () => Promise<Position>
  readonly now: () => number
}

/**
 * Assets and symbols by name and number, in memory. What orders need of a listing never changes, so what is known is
 * known; a name that is unknown is looked up once more, after everything listed so far.
 */
export class Directory {
  readonly #options: DirectoryOptions
  #listed: Listed = { assets: [], symbols: [] }
  #listings = new Map<string, Listing>()
  #listingsByNumber = new Map<number, Listing>()
  #assets = new Map<string, Asset>()
  #assetsByNumber = new Map<number, Asset>()
  #readAt = -Infinity
  #completeAt = -Infinity
  #reading: Promise<void> | undefined

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  async listing(name: string): Promise<Listing | undefined> {
    if (!this.#listings.has(name) && !this.#missTrusted()) await this.#complete()
    return this.#listings.get(name)
  }

  async asset(code: string): Promise<Asset | undefined> {
    if (!this.#assets.has(code) && !this.#missTrusted()) await this.#complete()
    return this.#assets.get(code)
  }

  /** Of a symbol in the books. */
  async listingOf(symbol: number): Promise<Listing> {
    if (!this.#listingsByNumber.has(symbol)) await this.#complete()
    const listing = this.#listingsByNumber.get(symbol)
    invariant(listing !== undefined, `symbol ${symbol} is in the books and is not listed`)
    return listing
  }

  /** Of an asset in the books. */
  async assetOf(number: number): Promise<Asset> {
    if (!this.#assetsByNumber.has(number)) await this.#complete()
    const asset = this.#assetsByNumber.get(number)
    invariant(asset !== undefined, `asset ${number} is in the books and is not listed`)
    return asset
  }

  /** With states and fees as of a second ago at most. */
  async listed(): Promise<Listed> {
    if (this.#options.now() - this.#readAt > SHOWN_AGE_MS_MAX) this.#learn(await this.#options.read())
    return this.#listed
  }

  #missTrusted(): boolean {
    return this.#options.now() - this.#completeAt < MISS_TRUSTED_MS
  }

  /** One look-up at a time serves all who wait for it. */
  #complete(): Promise<void> {
    this.#reading ??= this.#readComplete().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readComplete(): Promise<void> {
    this.#learn(await this.#options.read(await this.#options.askPosition()))
    this.#completeAt = this.#options.now()
  }

  #learn(listed: Listed): void {
    this.#readAt = this.#options.now()
    this.#listed = listed
    const listings = listed.symbols.map(({ listing }) => listing)
    this.#listings = new Map(listings.map((listing) => [listing.name, listing]))
    this.#listingsByNumber = new Map(listings.map((listing) => [listing.symbol, listing]))
    this.#assets = new Map(listed.assets.map((asset) => [asset.code, asset]))
    this.#assetsByNumber = new Map(listed.assets.map((asset) => [asset.asset, asset]))
  }
}
