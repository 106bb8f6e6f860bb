import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { SCHEMA_VERSION } from './schema-version.ts'

it('SCHEMA_VERSION is the time of the newest migration', () => {
  const journal = readFileSync(new URL('../migrations/meta/_journal.json', import.meta.url), 'utf8')
  const { entries } = JSON.parse(journal) as { readonly entries: readonly { readonly when: number }[] }
  equal(SCHEMA_VERSION, Math.max(...entries.map(({ when }) => when)))
})
