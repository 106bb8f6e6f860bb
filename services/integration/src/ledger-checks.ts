import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@bourse/platform/postgres'

/** Every trade has one maker's and one taker's fill, and none is there twice. */
export async function assertFillsPair(sql: Database): Promise<{ readonly trades: number }> {
  const [counts] = await sql<
    { trades: number; fills: number; distinct: number; quantity: string; filled: string }[]
  >`
    select (select count(*)::int from trades) as trades, (select count(*)::int from fills) as fills,
      (select count(*)::int from (select distinct order_id, trade_id, symbol from fills) f) as distinct,
      (select coalesce(sum(quantity), 0)::text from trades) as quantity,
      (select (coalesce(sum(quantity), 0) / 2)::bigint::text from fills) as filled`
  assert.ok(counts !== undefined)
  assert.equal(counts.fills, counts.distinct, 'no fill twice')
  assert.equal(counts.fills, counts.trades * 2, 'a maker and a taker for every trade')
  assert.equal(counts.filled, counts.quantity, 'both sides of the whole volume')
  return { trades: counts.trades }
}

const DEPTH_WAIT_MS = 15_000
const POLL_MS = 100

type Depth = { readonly bids: readonly [string, string][]; readonly asks: readonly [string, string][] }

/** The public depth shows exactly the open orders of the ledger, level by level, once market-data has caught up. */
export async function assertDepthAgrees(sql: Database, gatewayUrl: string, symbol: string): Promise<void> {
  const deadline = performance.now() + DEPTH_WAIT_MS
  for (;;) {
    const wanted = await openLevels(sql, symbol)
    const response = await fetch(`${gatewayUrl}/api/v1/depth/${symbol}?limit=1000`)
    const shown = response.ok ? levelsOf((await response.json()) as Depth) : new Map<string, number>()
    try {
      return assert.deepEqual(shown, wanted, `the depth of ${symbol}`)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(POLL_MS)
    }
  }
}

async function openLevels(sql: Database, symbol: string): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ side: string; price: number; quantity: number }[]>`
    select side::text as side, price::float8 / 10 ^ tick_decimals as price,
      sum(remaining)::float8 / 10 ^ lot_decimals as quantity
    from orders join symbols using (symbol) where status = 'open' and name = ${symbol}
    group by side, price, tick_decimals, lot_decimals`
  return sorted(rows.map(({ side, price, quantity }) => [`${side} ${price}`, quantity]))
}

const levelsOf = ({ bids, asks }: Depth): ReadonlyMap<string, number> =>
  sorted([
    ...bids.map(([price, quantity]) => [`buy ${Number(price)}`, Number(quantity)] as const),
    ...asks.map(([price, quantity]) => [`sell ${Number(price)}`, Number(quantity)] as const),
  ])

const sorted = (levels: readonly (readonly [string, number])[]): ReadonlyMap<string, number> =>
  new Map([...levels].sort(([a], [b]) => (a < b ? -1 : 1)))
