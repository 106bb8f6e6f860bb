import type { Exact } from './exact.ts'
import type { Balance, ToldFill } from './record.ts'

export const nameOf = ({ commandId, account }: { commandId: string; account: string }): string =>
  `${commandId} of account ${account}`

export const keyOf = ({ commandId, account }: { commandId: string; account: string }): string =>
  `${account} ${commandId}`

export const fillKey = ({ order_id, trade_id }: ToldFill): string =>
  `fill of order ${order_id} in trade ${trade_id}`

export const balanceKey = ({ account, asset }: Pick<Balance, 'account' | 'asset'>): string =>
  `account ${account}, ${asset}`

export const sumOf = <Item>(items: readonly Item[], of: (item: Item) => Exact): Exact =>
  items.reduce((sum, item) => sum + of(item), 0n)

export function groupBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
