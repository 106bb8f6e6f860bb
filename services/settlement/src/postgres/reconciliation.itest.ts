import assert from 'node:assert/strict'
import { Registry } from 'prom-client'
import postgres from 'postgres'
import { freshDatabase, type FreshDatabase } from '../testing/fresh-database.ts'
import { publishReconciliation } from './reconciliation.ts'

describe('publishReconciliation', () => {
  let database: FreshDatabase
  let sql: postgres.Sql
  const registry = new Registry()
  before(async () => {
    database = await freshDatabase(process.env['DATABASE_URL']!)
    sql = postgres(database.url, { max: 1 })
    publishReconciliation(sql, registry)
  })
  after(async () => {
    await sql.end()
    await database.drop()
  })

  async function values(): Promise<(number | undefined)[]> {
    const metrics = await registry.getMetricsAsJSON()
    return metrics.map(({ values: [value] }) => value?.value)
  }

  it('says that there was none', async () => {
    assert.deepEqual(await values(), [0, 0])
  })

  it('tells of the newest', async () => {
    await sql`insert into reconciliations (marker, finished_at, differences, comparisons)
      values (2, to_timestamp(1700000002.5), 3, '[]'), (1, to_timestamp(1700000001), 0, '[]')`
    assert.deepEqual(await values(), [3, 1_700_000_002.5])
  })

  it('keeps what it last knew while PostgreSQL does not answer', async () => {
    await sql.end()
    assert.deepEqual(await values(), [3, 1_700_000_002.5])
  })
})
