import { exact } from './exact.ts'
import { groupBy, keyOf, nameOf } from './keys.ts'
import type { LedgerOrder, LedgerState } from './ledger-state.ts'
import type { CancelCommand, ClientRecord, Command, OrderCommand } from './record.ts'

/** Every command has an outcome, and asking again tells the same. */
export function ofAnswers(command: Command): string[] {
  const [first, ...again] = command.answers
  if (first === undefined) return [`${nameOf(command)}: its outcome was never learned`]
  // A cancel that waits tells how the order ended: asked again, that it was filled and not that it is closed.
  const waits = command.kind === 'cancel' && command.wantResult
  return again
    .filter(({ outcome, orderId }) => outcome !== first.outcome || orderId !== first.orderId)
    .filter(({ outcome }) => !(waits && first.outcome === 'order_closed' && outcome === 'accepted'))
    .map(({ outcome }) => `${nameOf(command)}: answered ${first.outcome}, and asked again ${outcome}`)
}

/** What was accepted is there once, as it was asked for; nothing else is there. */
export function ofPlacing({ commands, final }: ClientRecord, { orders }: LedgerState): string[] {
  const found = groupBy(orders, keyOf)
  const listed = groupBy(final.orders, ({ order_id }) => order_id)
  const placed = commands.filter((command) => command.kind === 'order')
  const asked = new Set(placed.map(keyOf))
  return [
    ...placed.flatMap((order) => ofOrder(order, found.get(keyOf(order)) ?? [], listed)),
    ...orders
      .filter((order) => !asked.has(keyOf(order)))
      .map((order) => `${nameOf(order)}: nobody asked for it`),
  ]
}

function ofOrder(
  command: OrderCommand,
  found: readonly LedgerOrder[],
  listed: ReadonlyMap<string, readonly unknown[]>,
): string[] {
  const { answers, terms } = command
  const [first] = answers
  if (first?.outcome !== 'accepted')
    return found.map(
      ({ order_id }) => `${nameOf(command)}: ${first?.outcome}, and the ledger has order ${order_id}`,
    )
  const [order] = found
  if (order === undefined || found.length > 1)
    return [`${nameOf(command)}: accepted, and ${found.length} times in the ledger`]
  const told = [terms.symbol, terms.side, exact(terms.price ?? '0'), exact(terms.quantity), first.orderId]
  const kept = [order.symbol, order.side, order.price, order.quantity, order.order_id]
  const times = listed.get(order.order_id)?.length ?? 0
  return [
    ...(String(told) === String(kept)
      ? []
      : [`${nameOf(command)}: asked for ${told}, and the ledger has ${kept}`]),
    ...(times === 1 ? [] : [`${nameOf(command)}: listed ${times} times among the account's orders`]),
  ]
}

/** What was told of an order is never ahead of it, and how it was told to have ended is how it ended. */
export function ofStates({ states, results, final }: ClientRecord, { orders }: LedgerState): string[] {
  const kept = new Map(orders.map((order) => [order.order_id, order]))
  return [...states, ...results.map(({ state }) => state), ...final.orders].flatMap((told) => {
    const order = kept.get(told.order_id)
    if (order === undefined) return [`order ${told.order_id}: told of, and not in the ledger`]
    const sums = [told.filled_quantity, told.filled_quote, told.fee]
    const ended = [order.filled_quantity, order.filled_quote, order.fee]
    const past = sums.every((sum, i) => sum <= (ended[i] ?? 0n))
    const same =
      told.status === order.status && told.reason === order.reason && String(sums) === String(ended)
    return (told.status === 'open' ? past : same)
      ? []
      : [
          `${nameOf(order)}: told ${told.status} ${told.reason} ${sums}, and it is ${order.status} ${order.reason} ${ended}`,
        ]
  })
}

/** An accepted cancel leaves no order open; only an accepted one cancels; a refused one found the order done. */
export function ofCancels({ commands }: ClientRecord, { orders }: LedgerState): string[] {
  const cancels = groupBy(
    commands.filter((command) => command.kind === 'cancel'),
    ({ cancels }) => cancels,
  )
  return orders.flatMap((order) => {
    const own = cancels.get(order.order_id) ?? []
    const cancelled = order.reason === 'cancelled'
    const accepted = own.some(({ answers }) => answers[0]?.outcome === 'accepted')
    return [
      ...own.flatMap((cancel) => ofCancel(cancel, order)),
      ...(cancelled && !accepted ? [`${nameOf(order)}: cancelled, and no cancel was accepted`] : []),
    ]
  })
}

function ofCancel(cancel: CancelCommand, order: LedgerOrder): string[] {
  const outcome = cancel.answers[0]?.outcome ?? 'unknown'
  const closed = order.status !== 'open'
  const possible = outcome === 'accepted' || outcome === 'order_closed' ? closed : NOTHING_DONE.has(outcome)
  return possible
    ? []
    : [`${nameOf(cancel)}: ${outcome}, and ${nameOf(order)} is ${order.status} ${order.reason}`]
}

/** Refusals that say nothing about the order. Its owner's cancel is never refused for any other reason. */
const NOTHING_DONE = new Set(['unknown', 'expired', 'rate_limited', 'limit_reached'])
