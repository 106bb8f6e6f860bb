/**
 * Why a command was not done. Clients read codes, never messages; a number is never reused. Listed in order of
 * precedence: where several apply, the first is reported.
 */
export const refusalCodes = {
  /** The same command id came before with other content. */
  duplicate_with_other_content: 1,
  /** The command's deadline had passed when it was read. */
  expired: 2,
  unknown_account: 3,
  unknown_asset: 4,
  unknown_symbol: 5,
  /** The symbol takes no orders now (halted, or not opened yet). */
  halted: 6,
  /** The symbol takes cancels only. */
  cancel_only: 7,
  /** The order's fields contradict each other, such as a market order with a price. */
  malformed: 8,
  below_minimum: 9,
  above_maximum: 10,
  /** The price lies outside the symbol's band. */
  price_band: 11,
  /** The account, or the shard, holds all the command ids or open orders it may. Try again later. */
  limit_reached: 12,
  insufficient_balance: 13,
  unknown_order: 14,
  not_order_owner: 15,
  order_closed: 16,
  already_exists: 17,
  /** The listing breaks a rule that keeps money exact. */
  bad_listing: 18,
  /** A post-only order would have traded. */
  would_trade: 19,
  /** A fill-or-kill order could not be filled whole. */
  not_filled_whole: 20,
  /** What an immediate-or-cancel or a market order could not fill at once. */
  no_liquidity: 21,
  /** The owner cancelled it. */
  cancelled: 22,
} as const

export type RefusalCode = keyof typeof refusalCodes

const names = new Map<number, RefusalCode>(
  Object.entries(refusalCodes).map(([name, number]) => [number, name as RefusalCode]),
)

/** The code of a number from the log; an unknown number is a newer version's and reads as `malformed`. */
export const refusalOf = (number: number): RefusalCode => names.get(number) ?? 'malformed'
