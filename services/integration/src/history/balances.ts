import type { MarketRules } from '@bourse/load-tests/market'
import { balanceKey, fillKey } from './keys.ts'
import { exact, times, type Exact } from './exact.ts'
import type { LedgerState } from './ledger-state.ts'
import type { Balance, ClientRecord, OrderCommand } from './record.ts'

/** What an account owns is what it deposited and what its fills say; held is what its open orders need. */
export function ofBalances(record: ClientRecord, ledger: LedgerState, rules: MarketRules): string[] {
  const owned = ownedBy(record, rules)
  const held = heldBy(record, rules)
  const kept = new Map(ledger.balances.map((row) => [balanceKey(row), row]))
  const told = new Map(record.final.balances.map((row) => [balanceKey(row), row]))
  const keys = new Set([...owned.keys(), ...held.keys(), ...kept.keys(), ...told.keys()])
  return [...keys].flatMap((key) => {
    const expected = [(owned.get(key) ?? 0n) - (held.get(key) ?? 0n), held.get(key) ?? 0n]
    const inWords = (row: Balance | undefined): string => String([row?.available ?? 0n, row?.held ?? 0n])
    const [booked, shown] = [inWords(kept.get(key)), inWords(told.get(key))]
    return booked === String(expected) && shown === booked
      ? []
      : [
          `${key}: available, held are ${expected} by the client's record, ${booked} in the ledger, ${shown} as told`,
        ]
  })
}

function ownedBy(record: ClientRecord, { base, quote }: MarketRules): ReadonlyMap<string, Exact> {
  const owned = new Map<string, Exact>()
  const add = (account: string, asset: string, amount: Exact): void => {
    const key = balanceKey({ account, asset })
    owned.set(key, (owned.get(key) ?? 0n) + amount)
  }
  for (const { account, asset, amount } of record.deposits) add(account, asset, amount)
  const orders = ordersById(record)
  const told = new Map(record.final.fillLists.flat().map((fill) => [fillKey(fill), fill]))
  for (const { order_id: orderId, price, quantity, fee = 0n, fee_asset: feeAsset } of told.values()) {
    const order = orders.get(orderId)
    if (order === undefined) continue
    const sign = order.terms.side === 'buy' ? 1n : -1n
    add(order.account, base.code, sign * quantity)
    add(order.account, quote.code, -sign * times(price, quantity))
    add(order.account, feeAsset ?? '', -fee)
  }
  return owned
}

function heldBy(record: ClientRecord, { base, quote }: MarketRules): ReadonlyMap<string, Exact> {
  const held = new Map<string, Exact>()
  const orders = ordersById(record)
  for (const { order_id: orderId, status, filled_quantity: filled } of record.final.orders) {
    const order = orders.get(orderId)
    if (status !== 'open' || order === undefined) continue
    const { side, price = '0', quantity } = order.terms
    const remaining = exact(quantity) - filled
    const key = balanceKey({ account: order.account, asset: (side === 'buy' ? quote : base).code })
    held.set(key, (held.get(key) ?? 0n) + (side === 'buy' ? times(exact(price), remaining) : remaining))
  }
  return held
}

const ordersById = ({ commands }: ClientRecord): ReadonlyMap<string, OrderCommand> =>
  new Map(
    commands.flatMap((command) =>
      command.kind === 'order' && command.answers[0]?.orderId !== undefined
        ? [[command.answers[0].orderId, command]]
        : [],
    ),
  )
