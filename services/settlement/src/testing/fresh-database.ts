import { migrateLedger } from '@bourse/ledger/migrate'
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'

export type FreshDatabase = { readonly url: string; readonly drop: () => Promise<void> }

/** A database of a test's own, with the ledger's schema, beside the one that DATABASE_URL names. */
export async function freshDatabase(databaseUrl: string): Promise<FreshDatabase> {
  const name = `settlement_test_${randomBytes(6).toString('hex')}`
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  await admin`create database ${admin(name)}`
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  await migrateLedger(url.href, Date.now())
  return {
    url: url.href,
    drop: async () => {
      await admin`drop database ${admin(name)} with (force)`
      await admin.end()
    },
  }
}
