import assert from 'node:assert/strict'
import type { Sent } from './trading-load.ts'
import type { Database } from '@bourse/platform/postgres'

/**
 * Compares the clients' own history with the ledger. The exchange's parts could lose the same order together; the
 * clients' log cannot.
 */
export async function assertHistoryAgrees(sql: Database, history: readonly Sent[]): Promise<void> {
  const unknown = history.filter(({ outcome }) => outcome === 'unknown')
  assert.deepEqual(unknown, [], 'commands whose outcome was never learned')
  const orders = history.filter(({ kind }) => kind === 'order')
  const rows = await sql<{ commandId: string; orderId: string }[]>`
    select command_id as "commandId", order_id::text as "orderId" from orders
    where command_id = any(${orders.map(({ commandId }) => commandId)})`
  const kept = new Map<string, string[]>()
  for (const { commandId, orderId } of rows) kept.set(commandId, [...(kept.get(commandId) ?? []), orderId])
  const wrong = orders.filter(({ commandId, outcome, orderId }) => {
    const found = kept.get(commandId) ?? []
    return outcome === 'accepted' ? found.length !== 1 || found[0] !== orderId : found.length > 0
  })
  assert.deepEqual(
    wrong.map((sent) => ({ ...sent, inLedger: kept.get(sent.commandId) ?? [] })),
    [],
    'accepted orders that are not in the ledger exactly once, or refused ones that are',
  )
}

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
