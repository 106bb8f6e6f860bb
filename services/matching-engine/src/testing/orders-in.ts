import { accountId } from '@bourse/domain/ids'
import type { Listing } from '@bourse/domain/listing'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame, encodeEntry, encodeFrame, hashAfter } from '@bourse/protocol/frame'
import { Shard, type Effects, type Topology } from '@bourse/protocol/shard'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'
import { destinationKey } from '@bourse/protocol/streams'
import { MatchingMachine } from '../core/matching-machine.ts'

export const topology: Topology = { riskShards: 2, matchingShards: 1 }

/** A symbol whose band goes from half its reference price to one and a half: from 51 to 150 ticks. */
export function listing(symbol: number, referencePrice = 100): Listing {
  return {
    symbol,
    name: `S${symbol}-USD`,
    base: { asset: 1, code: `S${symbol}`, scale: 8 },
    quote: { asset: 2, code: 'USD', scale: 8 },
    tickDecimals: 2,
    lotDecimals: 4,
    minLots: lots(1),
    maxLots: lots(1_000_000),
    minNotional: 1,
    makerFeePpm: 0,
    takerFeePpm: 0,
    referencePrice: ticks(referencePrice),
    bandPpm: 500_000,
    partition: 0,
  }
}

/** A customer's account: even ones belong to risk shard 0, odd ones to risk shard 1. */
export const account = (customer: number): number => accountId(customer % 2, 16 + customer)

/** A record of `orders.in`. */
export type InputRecord = { readonly value: Buffer; readonly appendedAt: number }

/** An entry that matching wrote, and where to: `risk.in/0`, `orders.out/0`. */
export type Written = { readonly to: string; readonly entry: Entry }

/** Writes the frames that the risk shards would: one stream each, with its sequence and running hash. */
export class OrdersIn {
  readonly #streams: { sequence: number; hash: StreamHash }[] = []

  record(riskShard: number, entries: readonly Entry[], appendedAt: number): InputRecord {
    const stream = (this.#streams[riskShard] ??= { sequence: 0, hash: emptyHash })
    const stamp = { version: 1, cause: stream.sequence + 1, time: appendedAt }
    const encoded = entries.map((entry) => encodeEntry(entry, stamp))
    const source = { kind: 'risk', shard: riskShard } as const
    const header = {
      source,
      epoch: 1,
      sequence: stream.sequence + 1,
      hashBefore: stream.hash,
      endsCommand: true,
    }
    stream.sequence += encoded.length
    for (const bytes of encoded) stream.hash = hashAfter(stream.hash, bytes)
    return { value: encodeFrame(header, encoded), appendedAt }
  }

  /** Every risk shard's word that it knows the symbols. */
  listings(symbols: readonly number[], referencePrice?: number): InputRecord[] {
    const { riskShards } = topology
    const entries = symbols.map(
      (symbol) => ({ type: 'symbolListed', listing: listing(symbol, referencePrice), riskShards }) as const,
    )
    return Array.from({ length: riskShards }, (_, riskShard) => this.record(riskShard, entries, 1))
  }
}

export const newShard = (): Shard<MatchingMachine> =>
  new Shard(MatchingMachine.create(0, topology), 0, topology)

export const restored = (snapshot: Buffer): Shard<MatchingMachine> =>
  Shard.decode(snapshot, [], MatchingMachine.decode)

export const apply = (shard: Shard<MatchingMachine>, { value, appendedAt }: InputRecord): Effects =>
  shard.apply(decodeFrame(value), appendedAt)

/** What came out, in the order of sending, read back from the frames that would carry it. */
export function written(effects: Effects): Written[] {
  return effects.outputs.map(({ to, sequence, hashBefore, endsCommand, bytes }) => {
    const source = { kind: 'matching', shard: 0 } as const
    const frame = decodeFrame(encodeFrame({ source, epoch: 1, sequence, hashBefore, endsCommand }, [bytes]))
    const [framed] = frame.entries
    if (framed === undefined) throw new Error('a frame without its entry')
    return { to: destinationKey(to), entry: framed.entry }
  })
}
