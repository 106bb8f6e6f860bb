import { orders } from '@bourse/ledger/schema'
import type { OrderStatus } from '@bourse/protocol/entries'
import { and, desc, eq, lt } from 'drizzle-orm'
import type { StoredOrder } from '../core/formats.ts'
import type { Reader } from './books.ts'

export async function findOrder(db: Reader, orderId: number): Promise<StoredOrder | undefined> {
  const [row] = await db.select().from(orders).where(eq(orders.orderId, orderId))
  return row
}

export type OrderFilter = {
  readonly account: number
  readonly status?: OrderStatus | undefined
  readonly symbol?: number | undefined
  readonly commandId?: string | undefined
  /** Only orders with a smaller id. */
  readonly before?: number | undefined
  readonly limit: number
}

/** Newest first. */
export function listOrders(db: Reader, filter: OrderFilter): Promise<StoredOrder[]> {
  const { account, status, symbol, commandId, before, limit } = filter
  return db
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.account, account),
        status === undefined ? undefined : eq(orders.status, status),
        symbol === undefined ? undefined : eq(orders.symbol, symbol),
        commandId === undefined ? undefined : eq(orders.commandId, commandId),
        before === undefined ? undefined : lt(orders.orderId, before),
      ),
    )
    .orderBy(desc(orders.orderId))
    .limit(limit)
}
