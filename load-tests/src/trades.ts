import postgres from 'postgres'

/** Trades of a symbol so far and their volume in the base asset, from the ledger; undefined without a database. */
export async function countTrades(
  url: string | undefined,
  symbol: string,
): Promise<{ trades: number; volume: number } | undefined> {
  if (url === undefined) return undefined
  const sql = postgres(url, { max: 1 })
  try {
    const [row] = await sql<{ trades: number; volume: number }[]>`
      select count(*)::int as trades, coalesce(sum(quantity)::float8 / 10 ^ max(lot_decimals), 0) as volume
      from trades join symbols using (symbol) where name = ${symbol}`
    return row
  } finally {
    await sql.end()
  }
}
