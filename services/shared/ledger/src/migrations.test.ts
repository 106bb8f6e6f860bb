import { deepEqual, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../migrations/', import.meta.url)

/** Releases of their own, after which the version that read what they drop cannot come back (k8s/UPGRADE.md). */
const CONTRACTING = new Set(['0004_drop_exchange.sql'])

/** What a version that does not know of it can go on beside: new tables, types, indexes and columns that need no value. */
const EXPANDING = [
  /^CREATE (TABLE|TYPE|INDEX) /,
  /^ALTER TABLE \S+ ADD COLUMN (?!.*\b(UNIQUE|REFERENCES|PRIMARY)\b)((?!.*\bNOT NULL\b)|(?=.*\bDEFAULT\b))/,
]

const narrowing = (sql: string): string[] =>
  sql
    .split('--> statement-breakpoint')
    .map((statement) => statement.replaceAll(/^\s*--.*$/gm, '').trim())
    .filter((statement) => statement !== '' && !EXPANDING.some((pattern) => pattern.test(statement)))

describe('migrations', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.sql'))

  for (const file of files)
    it(`${file} ${CONTRACTING.has(file) ? 'contracts alone' : 'only expands, so that two versions can run'}`, () => {
      const found = narrowing(readFileSync(new URL(file, FOLDER), 'utf8'))
      if (CONTRACTING.has(file)) ok(found.length > 0, 'it need not be named as one that contracts')
      else deepEqual(found, [])
    })

  it('that take from the version before are known', () => {
    const harmful = [
      'ALTER TABLE "orders" DROP COLUMN "price"',
      'ALTER TABLE "orders" RENAME TO "all_orders"',
      'ALTER TABLE "orders" ALTER COLUMN "price" SET NOT NULL',
      'ALTER TABLE "orders" ADD COLUMN "venue" text NOT NULL',
      'ALTER TABLE "orders" ADD COLUMN "venue" text UNIQUE',
      'CREATE UNIQUE INDEX "one" ON "orders" ("price")',
    ]
    deepEqual(narrowing(harmful.join(';\n--> statement-breakpoint\n')).length, harmful.length)
    deepEqual(narrowing(`ALTER TABLE "orders" ADD COLUMN "venue" text DEFAULT '' NOT NULL`), [])
    deepEqual(narrowing('ALTER TABLE "orders" ADD COLUMN "venue" text'), [])
  })
})
