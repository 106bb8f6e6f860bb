import type { MarketRules } from '@bourse/load-tests/market'
import { ofBalances } from './balances.ts'
import { ofAnswers, ofCancels, ofPlacing, ofStates } from './commands.ts'
import { ofFills, ofOrders, ofResults } from './fills.ts'
import type { LedgerState } from './ledger-state.ts'
import type { ClientRecord } from './record.ts'

/**
 * Where the clients' record and the ledger say different things, in words; empty when all is well. The exchange's
 * parts could lose or repeat the same thing together; what clients wrote down cannot.
 */
export function disagreements(record: ClientRecord, ledger: LedgerState, rules: MarketRules): string[] {
  return [
    ...record.commands.flatMap(ofAnswers),
    ...ofPlacing(record, ledger),
    ...ofOrders(ledger, rules),
    ...ofStates(record, ledger),
    ...ofCancels(record, ledger),
    ...ofResults(record),
    ...ofFills(record, ledger),
    ...ofBalances(record, ledger, rules),
  ]
}
