import type { MarketRules } from '@bourse/load-tests/market'
import { groupBy, nameOf, fillKey, sumOf } from './keys.ts'
import { roundedDown, times, type Exact } from './exact.ts'
import type { LedgerFill, LedgerOrder, LedgerState } from './ledger-state.ts'
import type { ClientRecord, ToldFill } from './record.ts'

/** An order is the sum of its fills, within its quantity and its limit, and its fee is that of the market's rules. */
export function ofOrders({ orders, fills }: LedgerState, rules: MarketRules): string[] {
  const byOrder = groupBy(fills, ({ order_id }) => order_id)
  return orders.flatMap((order) => {
    const own = byOrder.get(order.order_id) ?? []
    const { side, price, quantity, filled_quantity: filled, status } = order
    const beyond = own.filter(
      (fill) => price > 0n && (side === 'buy' ? fill.price > price : fill.price < price),
    )
    const sums: readonly [string, Exact, Exact][] = [
      ['filled', filled, sumOf(own, (fill) => fill.quantity)],
      ['filled for', order.filled_quote, sumOf(own, (fill) => times(fill.price, fill.quantity))],
      ['fee', order.fee, sumOf(own, ({ fee }) => fee)],
      ['fee by the rules', order.fee, feeOf(order, own, rules)],
    ]
    const wrong = [
      ...sums
        .filter(([, says, is]) => says !== is)
        .map(([what, says, is]) => `${what} ${says}, by its fills ${is}`),
      ...beyond.map(({ trade_id }) => `trade ${trade_id} is beyond its limit`),
      ...(filled > quantity ? ['filled beyond its quantity'] : []),
      ...((status === 'filled') === (filled === quantity)
        ? []
        : [`${status}, and ${filled} of ${quantity} filled`]),
    ]
    return wrong.map((what) => `${nameOf(order)}: ${what}`)
  })
}

/** Rounded down once, on the sum of what the order received. */
function feeOf({ side }: LedgerOrder, fills: readonly LedgerFill[], rules: MarketRules): Exact {
  const millionths = sumOf(fills, ({ role, price, quantity }) => {
    return (side === 'buy' ? quantity : times(price, quantity)) * BigInt(rules.feePpm[role])
  })
  return roundedDown(millionths / 1_000_000n, (side === 'buy' ? rules.base : rules.quote).scale)
}

/** An answer that tells all fills of an order tells as many as it says were filled. */
export function ofResults({ results }: ClientRecord): string[] {
  return results
    .filter(({ state, fills }) => sumOf(fills, ({ quantity }) => quantity) !== state.filled_quantity)
    .map(({ state }) => `order ${state.order_id}: told ${state.filled_quantity} filled, and other fills`)
}

/** Every fill told is in the ledger once, as it was told each time; every fill there was told. */
export function ofFills({ fillLists, results, final }: ClientRecord, { fills }: LedgerState): string[] {
  const lists = [...fillLists, ...final.fillLists, ...results.map((result) => result.fills)]
  const kept = groupBy(fills, fillKey)
  const told = groupBy(lists.flat(), fillKey)
  return [
    ...lists.flatMap((list) =>
      [...groupBy(list, fillKey)]
        .filter(([, same]) => same.length > 1)
        .map(([key]) => `${key}: told twice in one answer`),
    ),
    ...[...told].flatMap(([key, tellings]) => ofFill(key, tellings, kept.get(key) ?? [])),
    ...[...kept.keys()].filter((key) => !told.has(key)).map((key) => `${key}: in the ledger, and never told`),
  ]
}

function ofFill(key: string, tellings: readonly ToldFill[], kept: readonly LedgerFill[]): string[] {
  const [fill] = kept
  if (fill === undefined || kept.length > 1) return [`${key}: told, and ${kept.length} times in the ledger`]
  const fields = ['price', 'quantity', 'role', 'fee', 'fee_asset'] as const
  return fields
    .filter((field) => tellings.some((told) => told[field] !== undefined && told[field] !== fill[field]))
    .map((field) => `${key}: its ${field} was told otherwise than the ledger's ${fill[field]}`)
}
