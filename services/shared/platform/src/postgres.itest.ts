import assert from 'node:assert/strict'

import { closePostgres, connectPostgres } from './postgres.ts'

const url = process.env['DATABASE_URL']!

describe('connectPostgres', () => {
  const options = { url, max: 2, applicationName: 'postgres-itest', statementTimeoutMs: 200 }

  it('keeps every digit of a bigint, both ways', async () => {
    const sql = connectPostgres(options)
    try {
      const amount = 9_007_199_254_740_993n
      const [row] =
        await sql`select ${amount}::bigint + 1 as amount, current_setting('application_name') as name`
      assert.deepEqual({ ...row }, { amount: amount + 1n, name: 'postgres-itest' })
    } finally {
      await closePostgres(sql)
    }
  })

  it('gives up a statement that takes too long', async () => {
    const sql = connectPostgres(options)
    try {
      await assert.rejects(sql`select pg_sleep(5)`.execute(), { code: '57014' })
    } finally {
      await closePostgres(sql)
    }
  })
})
