import type { Sql } from 'postgres'

/**
 * A reconciliation's cuts, table `cuts`: what one source held at a marker, as JSON. Engines put theirs there as
 * `risk/0` or `matching/0`; settlement's are these. Amounts are decimal strings, everything else safe integers.
 */

/** One partition as settlement had it. */
export type CutInput = { readonly topic: 'risk.out' | 'orders.out'; readonly partition: number }

/** The name of settlement's cut of a partition: `settlement:risk.out/0`. */
export const cutSource = ({ topic, partition }: CutInput): string => `settlement:${topic}/${partition}`

export type BalanceCut = {
  readonly account: number
  readonly asset: number
  readonly available: string
  readonly held: string
}

/** An order open at the marker. */
export type OrderCut = {
  readonly orderId: number
  readonly account: number
  readonly symbol: number
  readonly side: 'buy' | 'sell'
  readonly price: number
  readonly quantity: number
  readonly remaining: number
  readonly holdAsset: number
  readonly hold: string
}

/** What is stored of risk.out/r at a marker. `sequence` is the marker's own. */
export type StoredRiskCut = {
  readonly sequence: number
  readonly balances: readonly BalanceCut[]
  readonly orders: readonly OrderCut[]
}

/** What is stored of orders.out/m; `trades` is the number of the symbol's last trade, which counts them. */
export type StoredBooksCut = {
  readonly sequence: number
  readonly symbols: readonly { readonly symbol: number; readonly trades: number }[]
}

/** With the journal's sums up to the marker. */
export type RiskCut = StoredRiskCut & {
  readonly journal: readonly { readonly account: number; readonly asset: number; readonly sum: string }[]
}

/** With what the rows say of the trades up to the marker: how many there are, and their volume. */
export type BooksCut = {
  readonly sequence: number
  readonly symbols: readonly {
    readonly symbol: number
    readonly trades: number
    readonly volumeLots: string
  }[]
}

/** Settlement's cut of risk.out/`shard`; undefined until it has met the marker. */
export async function readRiskCut(client: Sql, shard: number, marker: number): Promise<RiskCut | undefined> {
  const stored = await readStored<StoredRiskCut>(client, { topic: 'risk.out', partition: shard }, marker)
  if (stored === undefined) return undefined
  const rows = await client<{ account: string; asset: number; sum: string }[]>`
    select account, asset, sum(amount) as sum from journal
    where shard = ${shard} and sequence <= ${stored.sequence} group by account, asset order by account, asset`
  return {
    ...stored,
    journal: rows.map(({ account, asset, sum }) => ({ account: Number(account), asset, sum })),
  }
}

/** Settlement's cut of orders.out/`partition`; undefined until it has met the marker. */
export async function readBooksCut(
  client: Sql,
  partition: number,
  marker: number,
): Promise<BooksCut | undefined> {
  const stored = await readStored<StoredBooksCut>(client, { topic: 'orders.out', partition }, marker)
  if (stored === undefined) return undefined
  const symbols = await Promise.all(
    stored.symbols.map(async ({ symbol, trades }) => {
      const [found] = await client<{ trades: number; volume: string }[]>`
        select count(*)::int as trades, coalesce(sum(quantity), 0)::text as volume from trades
        where symbol = ${symbol} and trade_id <= ${trades}`
      return { symbol, trades: found?.trades ?? 0, volumeLots: found?.volume ?? '0' }
    }),
  )
  return { sequence: stored.sequence, symbols }
}

async function readStored<Cut>(client: Sql, input: CutInput, marker: number): Promise<Cut | undefined> {
  const [row] = await client<{ state: Cut }[]>`
    select state from cuts where marker = ${marker} and source = ${cutSource(input)}`
  return row?.state
}
