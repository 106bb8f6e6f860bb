import { ledgerSuite, type LedgerUnderTest } from '../testing/ledger-suite.ts'
import { MemoryLedger } from './memory-ledger.ts'

describe('MemoryLedger', () => {
  ledgerSuite(async () => underTest(new MemoryLedger()))
})

function underTest(ledger: MemoryLedger): LedgerUnderTest {
  return {
    ledger,
    rows: async () => ({
      accounts: ledger.accounts.rows(),
      orders: ledger.orders.rows(),
      fills: ledger.fills.rows(),
      trades: ledger.trades.rows(),
      journal: ledger.journal.rows(),
      balances: ledger.balances.rows().sort((a, b) => a.account - b.account || a.asset - b.asset),
      checkpoints: ledger.checkpoints.rows(),
      cuts: ledger.cuts.rows(),
    }),
    tamper: async (account, asset, available) => {
      ledger.balances.get({ account, asset }).available = available
    },
  }
}
