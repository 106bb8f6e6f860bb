import { baseUnit, quoteUnit, type Listing } from '@bourse/domain/listing'
import { accountsCut, matchingCut, riskCut, type TradesCut } from '@bourse/operator/core/cuts'
import { reconcile, type SymbolUnits } from '@bourse/operator/core/reconciliation'
import type { Cut, Topology } from '@bourse/protocol/shard'
import type { MemoryLedger } from '@bourse/settlement/core/memory-ledger'
import { Violation } from '../world.ts'

/** Cuts that the engines' replicas reported, by marker and source: `3 risk/0`. */
export class CutBook {
  readonly #cuts = new Map<string, string>()

  /** Two replicas that both kept their rows must have kept the same ones. */
  add(source: string, { marker, state, inFlight }: Cut): void {
    if (state === undefined) return
    const key = `${marker} ${source}`
    const text = JSON.stringify({ state, inFlight }, amountsAsText)
    const before = this.#cuts.get(key)
    if (before !== undefined && before !== text)
      throw new Violation(`two replicas of ${source} cut marker ${marker} differently`)
    this.#cuts.set(key, text)
  }

  find(marker: number, source: string): unknown {
    const text = this.#cuts.get(`${marker} ${source}`)
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  }
}

/** Adds a marker's cuts up, as the operators' reconciliation does. False where a part of them is missing. */
export function checkCut(
  marker: number,
  { riskShards, matchingShards }: Topology,
  { cuts, ledger, listings }: { cuts: CutBook; ledger: MemoryLedger; listings: readonly Listing[] },
): boolean {
  const risk = shards(riskShards, (shard) => cuts.find(marker, `risk/${shard}`))
  const matching = shards(matchingShards, (shard) => cuts.find(marker, `matching/${shard}`))
  const accounts = shards(riskShards, (shard) => accountsOf(ledger, marker, shard))
  const trades = shards(matchingShards, (shard) => tradesOf(ledger, marker, shard))
  const isTaken = (cut: TradesCut | undefined): cut is TradesCut => cut !== undefined
  if ([...risk, ...matching, ...accounts].includes(undefined) || !trades.every(isTaken)) return false
  const comparisons = reconcile(
    {
      risk: risk.map((cut) => riskCut.parse(cut)),
      matching: matching.map((cut) => matchingCut.parse(cut)),
      accounts: accounts.map((cut) => accountsCut.parse(cut)),
      trades,
    },
    new Map(listings.map((listing) => [listing.symbol, unitsOf(listing)])),
  )
  for (const { what, differences } of comparisons) {
    if (differences.length > 0) throw new Violation(`marker ${marker}, ${what}: ${differences.join('; ')}`)
  }
  return true
}

function accountsOf(ledger: MemoryLedger, marker: number, shard: number): unknown {
  const row = ledger.cuts.find({ marker, source: `settlement:risk.out/${shard}` })
  if (row === undefined) return undefined
  const state = row.state as { readonly sequence: number }
  const sums = new Map<string, { account: number; asset: number; sum: bigint }>()
  for (const { shard: posted, sequence, account, asset, amount } of ledger.journal.rows()) {
    if (posted !== shard || sequence > state.sequence) continue
    const key = `${account} ${asset}`
    sums.set(key, { account, asset, sum: (sums.get(key)?.sum ?? 0n) + amount })
  }
  return asJson({ ...state, journal: [...sums.values()] })
}

function tradesOf(ledger: MemoryLedger, marker: number, shard: number): TradesCut | undefined {
  const row = ledger.cuts.find({ marker, source: `settlement:orders.out/${shard}` })
  if (row === undefined) return undefined
  const { symbols } = row.state as { readonly symbols: readonly { symbol: number; trades: number }[] }
  const trades = ledger.trades.rows()
  return {
    symbols: symbols.map(({ symbol, trades: last }) => {
      const rows = trades.filter((trade) => trade.symbol === symbol && trade.tradeId <= last)
      const volume = rows.reduce((sum, { quantity }) => sum + quantity, 0)
      return { symbol, trades: rows.length, volumeLots: `${volume}` }
    }),
  }
}

const unitsOf = (listing: Listing): SymbolUnits => ({
  base: listing.base.asset,
  quote: listing.quote.asset,
  baseUnit: baseUnit(listing),
  quoteUnit: quoteUnit(listing),
})

const shards = <Value>(count: number, make: (shard: number) => Value): Value[] =>
  Array.from({ length: count }, (_, shard) => make(shard))

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value, amountsAsText)) as unknown

const amountsAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value
