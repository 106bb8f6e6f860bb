import { balances } from '@bourse/ledger/schema'
import { asc, eq } from 'drizzle-orm'
import type { Reader } from './books.ts'

export type StoredBalance = { readonly asset: number; readonly available: bigint; readonly held: bigint }

export function listBalances(db: Reader, account: number): Promise<StoredBalance[]> {
  const { asset, available, held } = balances
  return db
    .select({ asset, available, held })
    .from(balances)
    .where(eq(balances.account, account))
    .orderBy(asc(asset))
}
