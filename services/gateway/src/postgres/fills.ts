import { fills } from '@bourse/ledger/schema'
import { and, desc, eq, sql } from 'drizzle-orm'
import type { StoredFill } from '../core/formats.ts'
import type { Reader } from './books.ts'

export type FillFilter = {
  readonly account: number
  readonly symbol?: number | undefined
  readonly orderId?: number | undefined
  /** Only fills that come after this one in the list. */
  readonly after?: Pick<StoredFill, 'filledAt' | 'orderId' | 'tradeId'> | undefined
  readonly limit: number
}

/** Newest first. */
export function listFills(
  db: Reader,
  { account, symbol, orderId, after, limit }: FillFilter,
): Promise<StoredFill[]> {
  const { filledAt, orderId: order, tradeId } = fills
  return db
    .select()
    .from(fills)
    .where(
      and(
        eq(fills.account, account),
        symbol === undefined ? undefined : eq(fills.symbol, symbol),
        orderId === undefined ? undefined : eq(order, orderId),
        after === undefined
          ? undefined
          : sql`(${filledAt}, ${order}, ${tradeId}) < (${after.filledAt}, ${after.orderId}, ${after.tradeId})`,
      ),
    )
    .orderBy(desc(filledAt), desc(order), desc(tradeId))
    .limit(limit)
}
