import type { Database } from '@bourse/platform/postgres'
import { decodeFrame } from '@bourse/protocol/frame'
import type { InputCopy } from './copied-region.ts'

/** Orders by account and command id. */
export type Orders = ReadonlySet<string>

/** Every order that somebody placed in the kept part of the copies. */
export function placedIn(copies: readonly InputCopy[], kept: ReadonlyMap<string, number>): Orders {
  const placed = new Set<string>()
  for (const { topic, partition, records } of copies) {
    for (const { value } of records.slice(0, kept.get(`${topic}/${partition}`))) {
      for (const { entry } of decodeFrame(value).entries)
        if (entry.type === 'placeOrder') placed.add(`${entry.account} ${entry.commandId}`)
    }
  }
  return placed
}

/** Every order that the ledger has. */
export async function ordersOf(sql: Database): Promise<Orders> {
  const rows = await sql<{ key: string }[]>`select account || ' ' || command_id as key from orders`
  return new Set(rows.map(({ key }) => key))
}
