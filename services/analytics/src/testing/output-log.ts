import { lots, ticks } from '@bourse/domain/units'
import type { Entry, WireListing } from '@bourse/protocol/entries'
import { encodeEntry, encodeFrame, hashAfter } from '@bourse/protocol/frame'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'
import type { Output } from '../core/position.ts'

/** A listing with two decimals in prices and three in quantities. */
export const listingOf = (symbol: number, name: string): WireListing => ({
  symbol,
  name,
  base: { asset: 1, code: 'BTC', scale: 8 },
  quote: { asset: 2, code: 'USD', scale: 6 },
  tickDecimals: 2,
  lotDecimals: 3,
  minLots: lots(1),
  maxLots: lots(1_000_000),
  minNotional: 1,
  makerFeePpm: 0,
  takerFeePpm: 0,
  referencePrice: ticks(10_000),
  bandPpm: 500_000,
  partition: 0,
})

export const genesisOf = (log: string): Buffer =>
  encodeFrame(
    {
      source: { kind: 'genesis', shard: 0 },
      epoch: 0,
      sequence: 0,
      hashBefore: emptyHash,
      endsCommand: true,
    },
    [encodeEntry({ type: 'genesis', log }, { version: 1, cause: 0, time: 0 })],
  )

export const listed = (symbol = 1, name = 'BTC-USD'): Entry => ({
  type: 'symbolListed',
  listing: listingOf(symbol, name),
  riskShards: 1,
})

export const trade = (tradeId: number, price = 10_050, quantity = 1_500): Entry => ({
  type: 'trade',
  symbol: 1,
  tradeId,
  price: ticks(price),
  quantity: lots(quantity),
  makerOrderId: 2 ** 45 + tradeId,
  takerOrderId: tradeId,
  makerAccount: 16,
  takerAccount: 17,
  takerSide: 'buy',
})

export const level = (update: number): Entry => ({
  type: 'level',
  symbol: 1,
  update,
  side: 'sell',
  price: ticks(10_000),
  quantity: lots(5),
})

/** Writes an output as its shard would: entries in sequence, in frames as a test wants them. */
export class OutputLog {
  readonly #output: Output
  readonly #entries: { readonly bytes: Buffer; readonly before: StreamHash }[] = []
  #hash = emptyHash
  #framed = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** Appends entries, all of one log time, to the stream. A frame brings them into the log. */
  add(time: number, ...entries: readonly Entry[]): void {
    for (const entry of entries) {
      const bytes = encodeEntry(entry, { version: 1, cause: this.#entries.length + 1, time })
      this.#entries.push({ bytes, before: this.#hash })
      this.#hash = hashAfter(this.#hash, bytes)
    }
  }

  /** The frame of the entries `from` to `to`, both included; of all that no frame has yet, where nothing is said. */
  frame({
    from = this.#framed + 1,
    to = this.#entries.length,
    epoch = 1,
    shard = this.#output.partition,
  } = {}): Buffer {
    const entries = this.#entries.slice(from - 1, to)
    this.#framed = Math.max(this.#framed, to)
    const kind = this.#output.topic === 'risk.out' ? 'risk' : 'matching'
    const hashBefore = entries[0]?.before ?? emptyHash
    return encodeFrame(
      { source: { kind, shard }, epoch, sequence: from, hashBefore, endsCommand: true },
      entries.map(({ bytes }) => bytes),
    )
  }
}
