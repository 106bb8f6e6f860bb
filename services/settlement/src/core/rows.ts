import type * as schema from '@bourse/ledger/schema'

/** Rows as PostgreSQL keeps them: the schema's own types, so that the two cannot part. */
export type AssetRow = typeof schema.assets.$inferSelect
export type SymbolRow = typeof schema.symbols.$inferSelect
export type SymbolStateRow = typeof schema.symbolStates.$inferSelect
export type AccountRow = typeof schema.accounts.$inferSelect
export type BalanceRow = typeof schema.balances.$inferSelect
export type OrderRow = typeof schema.orders.$inferSelect
export type FillRow = typeof schema.fills.$inferSelect
export type TradeRow = typeof schema.trades.$inferSelect
export type JournalRow = typeof schema.journal.$inferSelect
export type CheckpointRow = typeof schema.checkpoints.$inferSelect
export type OffsetRow = typeof schema.offsets.$inferSelect

/** What happened to an order that an earlier batch accepted. */
export type OrderChange = Pick<
  OrderRow,
  'orderId' | 'createdAt' | 'remaining' | 'status' | 'reason' | 'updatedAt' | 'sequence'
> & {
  /** The order's sums so far; null where nothing was filled. */
  filledQuantity: number | null
  filledQuote: bigint | null
  /** To be added to the order's fee. */
  fee: bigint
  /** To be taken from what is held for it. */
  released: bigint
}
