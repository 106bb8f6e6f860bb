import { accountId, systemAccount } from '@bourse/domain/ids'
import { refusalCodes, type RefusalCode } from '@bourse/domain/refusals'
import { AMOUNT_MAX } from '@bourse/domain/units'
import type { EntryOf } from '@bourse/protocol/entries'
import type { Context } from '@bourse/protocol/shard'
import { contentOf } from './fingerprint.ts'
import { answer, type RiskState } from './risk-state.ts'

/** Opens an owner's account; asked again, gives the one there is. */
export function openAccount(state: RiskState, command: EntryOf<'openAccount'>, context: Context): void {
  const { owner } = command
  const known = state.owners.get(owner)
  if (known !== undefined) return answer(context, command, { account: known, repeated: true })
  if (state.accounts.size >= state.limits.accountsMax) {
    return answer(context, command, { refusal: refusalCodes.limit_reached })
  }
  const account = accountId(state.shard, state.accountCounter)
  state.accountCounter++
  state.accounts.set(account, { owner, orders: new Set() })
  state.owners.set(owner, account)
  context.send(state.facts, { type: 'accountOpened', account, owner })
  answer(context, command, { account })
}

/** Posts a deposit from, or a withdrawal to, the world outside. Its id is kept for ever and never acts twice. */
export function moveFunds(
  state: RiskState,
  command: EntryOf<'deposit'> | EntryOf<'withdraw'>,
  context: Context,
): void {
  const { account, commandId, asset } = command
  const key = `${account}\n${commandId}`
  const content = contentOf(command)
  const first = state.fundsIds.get(key)
  if (first !== undefined) {
    const refusal = first.content === content ? first.refusal : refusalCodes.duplicate_with_other_content
    return answer(context, command, { account, refusal, repeated: first.content === content })
  }
  const refusal = judge(state, command)
  if (refusal === 'unknown_account' || refusal === 'limit_reached') {
    return answer(context, command, { account, refusal: refusalCodes[refusal] })
  }
  state.fundsIds.set(key, { content, number: 0, refusal: refusal === undefined ? 0 : refusalCodes[refusal] })
  if (refusal !== undefined) return answer(context, command, { account, refusal: refusalCodes[refusal] })

  const kind = command.type === 'deposit' ? 'deposit' : 'withdrawal'
  const amount = kind === 'deposit' ? command.amount : -command.amount
  const legs = [
    { account: systemAccount(state.shard, 'external'), asset, amount: -amount },
    { account, asset, amount },
  ]
  state.balances.post(legs)
  context.send(state.facts, { type: 'posting', kind, account, reference: commandId, legs })
  answer(context, command, { account })
}

function judge(state: RiskState, command: EntryOf<'deposit'> | EntryOf<'withdraw'>): RefusalCode | undefined {
  const { account, asset, amount } = command
  if (!state.accounts.has(account)) return 'unknown_account'
  if (state.registry.asset(asset) === undefined) return 'unknown_asset'
  if (amount < 1n) return 'malformed'
  if (state.fundsIds.size >= state.limits.fundsIdsMax) return 'limit_reached'
  if (command.type === 'withdraw')
    return state.balances.of(account, asset).available < amount ? 'insufficient_balance' : undefined
  // All that customers own came from outside: sums of it must fit the format of amounts.
  const owned = -state.balances.of(systemAccount(state.shard, 'external'), asset).available
  return owned + amount > AMOUNT_MAX ? 'above_maximum' : undefined
}
