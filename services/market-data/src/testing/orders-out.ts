import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf, Side, WireListing } from '@bourse/protocol/entries'
import { encodeEntry, encodeFrame, hashAfter } from '@bourse/protocol/frame'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'

/** A listing with two decimals in prices and three in quantities. */
export function listingOf(symbol: number, name: string): WireListing {
  return {
    symbol,
    name,
    base: { asset: 1, code: name.slice(0, 3), scale: 8 },
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
  }
}

export const genesis = (log: string): Buffer =>
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

export type Sent = { readonly sequence: number; readonly hashBefore: StreamHash; readonly bytes: Buffer }

/** Writes the stream that a matching shard would write. */
export class OrdersOut {
  readonly partition: number
  sequence = 0
  #hash: StreamHash = emptyHash
  readonly #updates = new Map<number, number>()
  readonly #tradeIds = new Map<number, number>()

  constructor(partition = 0) {
    this.partition = partition
  }

  /** The next entry of the stream. */
  send(entry: Entry, time = 1_000 + this.sequence): Sent {
    const bytes = encodeEntry(entry, { version: 1, cause: 1, time })
    const sent = { sequence: ++this.sequence, hashBefore: this.#hash, bytes }
    this.#hash = hashAfter(this.#hash, bytes)
    return sent
  }

  listed(symbol: number, name: string): Sent {
    return this.send({ type: 'symbolListed', listing: listingOf(symbol, name), riskShards: 1 })
  }

  level(symbol: number, side: Side, price: number, quantity: number): Sent {
    const update = (this.#updates.get(symbol) ?? 0) + 1
    this.#updates.set(symbol, update)
    return this.send({ type: 'level', symbol, update, side, price: ticks(price), quantity: lots(quantity) })
  }

  trade(symbol: number, price: number, quantity: number, takerSide: Side = 'buy'): Sent {
    const tradeId = (this.#tradeIds.get(symbol) ?? 0) + 1
    this.#tradeIds.set(symbol, tradeId)
    const parties = { makerOrderId: 1, takerOrderId: 2, makerAccount: 3, takerAccount: 4 }
    const trade: EntryOf<'trade'> = {
      type: 'trade',
      symbol,
      tradeId,
      price: ticks(price),
      quantity: lots(quantity),
      takerSide,
      ...parties,
    }
    return this.send(trade)
  }

  frame(entries: readonly Sent[], { endsCommand = true, epoch = 1, shard = this.partition } = {}): Buffer {
    const [first] = entries
    if (first === undefined) throw new RangeError('a frame of no entries')
    const { sequence, hashBefore } = first
    const header = { source: { kind: 'matching', shard } as const, epoch, sequence, hashBefore, endsCommand }
    return encodeFrame(
      header,
      entries.map(({ bytes }) => bytes),
    )
  }
}
