import { migrateLedger } from '@bourse/ledger/migrate'
import { readMigrationConfig } from './config.ts'

// Brings the database to this version's schema, then ends. Safe to run at any time, also by several at once.
await migrateLedger(readMigrationConfig().DATABASE_URL, Date.now())
