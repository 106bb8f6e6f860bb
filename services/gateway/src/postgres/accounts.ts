import { accounts } from '@bourse/ledger/schema'
import { eq } from 'drizzle-orm'
import type { Reader } from './books.ts'

export async function findAccount(db: Reader, owner: string): Promise<number | undefined> {
  const [row] = await db.select({ account: accounts.account }).from(accounts).where(eq(accounts.owner, owner))
  return row?.account
}
