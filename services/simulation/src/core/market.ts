import type { Asset, Listing } from '@bourse/domain/listing'
import { lots, ticks } from '@bourse/domain/units'
import type { EntryOf } from '@bourse/protocol/entries'
import type { Topology } from '@bourse/protocol/shard'
import type { Asking } from './asking.ts'
import type { Past } from './past.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

export const REFERENCE_PRICE = 100
const BAND_PPM = 400_000

/** What operators list, and what they do to it: states, fees, and reconciliation's markers. */
export class Market {
  readonly assets: Asset[] = []
  readonly listings: Listing[] = []
  readonly markers: number[] = []
  readonly #world: World
  readonly #asking: Asking
  readonly #topology: Topology
  readonly #scale: number
  readonly #prefix: string
  readonly #markersBefore: number
  #commands = 0

  constructor(
    world: World,
    asking: Asking,
    topology: Topology,
    { symbols, past }: { symbols: number; past: Pick<Past, 'prefix' | 'assets' | 'listings' | 'markers'> },
  ) {
    this.#world = world
    this.#asking = asking
    this.#topology = topology
    // With 18 decimals amounts outgrow 64 bits.
    this.#scale = world.random.pick([8, 8, 18])
    this.#prefix = past.prefix
    this.#markersBefore = past.markers
    this.assets.push(...past.assets)
    this.listings.push(...past.listings)
    if (past.listings.length > 0) this.openAll()
    else this.#listAssets(symbols)
  }

  /** Opens what is closed: at the end of a run every symbol trades. */
  openAll(): void {
    for (const { symbol } of this.listings) this.#setState(symbol, 'trading')
  }

  disturb(): void {
    const { random } = this.#world
    const listing = this.listings.length > 0 ? random.pick(this.listings) : undefined
    const draw = random.below(10)
    if (draw < 4) return this.#mark()
    if (listing === undefined) return
    if (draw < 6) return this.#setState(listing.symbol, random.pick(['halted', 'cancel_only']))
    if (draw < 8) return this.#setState(listing.symbol, 'trading')
    this.#command(`fees ${listing.name}`, (base) => ({
      ...{ ...base, type: 'setFees', symbol: listing.symbol },
      ...{ makerFeePpm: random.between(100, 3_000), takerFeePpm: random.pick([0, 100, 2_500]) },
    }))
  }

  #listAssets(symbols: number): void {
    for (let i = 0; i <= symbols; i++) {
      const code = this.#prefix + (i === 0 ? 'USD' : `A${i}`)
      const scale = i === 0 ? 8 : this.#scale
      this.#command(
        `asset ${code}`,
        (base) => ({ ...base, type: 'listAsset', code, scale }),
        ({ orderId }) => {
          this.assets.push({ asset: orderId, code, scale })
          if (this.assets.filter((asset) => asset.code.startsWith(this.#prefix)).length === symbols + 1)
            this.#listSymbols()
        },
      )
    }
  }

  #listSymbols(): void {
    const quote = this.assets.find(({ code }) => code === `${this.#prefix}USD`)
    for (const base of this.assets.filter(
      (asset) => asset !== quote && asset.code.startsWith(this.#prefix),
    )) {
      if (quote === undefined) return
      const listing = makeListing(this.#world.random, this.#topology, base, quote)
      this.#command(
        `symbol ${listing.name}`,
        (command) => ({ ...command, type: 'listSymbol', listing }),
        ({ orderId }) => this.listings.push({ ...listing, symbol: orderId }),
      )
    }
  }

  #setState(symbol: number, state: 'trading' | 'halted' | 'cancel_only'): void {
    this.#command(`symbol ${symbol} ${state}`, (base) => ({ ...base, type: 'setSymbolState', symbol, state }))
  }

  #mark(): void {
    const marker = this.#markersBefore + this.markers.length + 1
    this.markers.push(marker)
    this.#world.faults.marker_cut.drawn++
    for (let shard = 0; shard < this.#topology.riskShards; shard++) {
      this.#asking.post(shard, { type: 'marker', marker })
    }
  }

  #command(
    name: string,
    build: (base: Pick<Operation, 'commandId' | 'replyTo'>) => Operation,
    onDone: (reply: EntryOf<'reply'>) => void = () => undefined,
  ): void {
    const commandId = `${this.#prefix}operation-${++this.#commands}`
    // Built once, so that every attempt has the same content.
    const content = build({ commandId, replyTo: { partition: 0, instance: 0, request: 0 } })
    this.#asking.ask({
      name: `operator: ${name}`,
      shard: 0,
      build: (replyTo) => ({ ...content, replyTo }),
      onAnswer: (reply) => {
        if (reply.refusal === 0) onDone(reply)
      },
    })
  }
}

type Operation = EntryOf<'listAsset'> | EntryOf<'listSymbol'> | EntryOf<'setSymbolState'> | EntryOf<'setFees'>

function makeListing(random: Random, { matchingShards }: Topology, base: Asset, quote: Asset): Listing {
  return {
    ...{ symbol: 0, name: `${base.code}-${quote.code}`, base, quote, tickDecimals: 2 },
    ...{ lotDecimals: 4, minLots: lots(1), maxLots: lots(10_000), minNotional: 100 },
    ...{ makerFeePpm: random.pick([0, 100, 1_000]), takerFeePpm: random.pick([100, 2_000, 50_000]) },
    ...{ referencePrice: ticks(REFERENCE_PRICE), bandPpm: BAND_PPM, partition: random.below(matchingShards) },
  }
}
