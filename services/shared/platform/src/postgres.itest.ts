import { migrateLedger } from '@bourse/ledger/migrate'
import assert from 'node:assert/strict'

import { accessTo, closePostgres, connectPostgres } from './postgres.ts'
import { makeRotatingRole, type RotatingRole } from './testing/rotating-role.ts'

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

  describe('while the password changes', () => {
    const refused = { code: '28P01' }
    let role: RotatingRole
    beforeEach(async () => {
      role = await makeRotatingRole(url)
    })
    afterEach(() => role.drop())

    it('is refused, and goes on when the file has the new one', async () => {
      const sql = connectPostgres({ ...options, ...role })
      try {
        await sql`select 1`
        await role.rotate()
        for (let i = 0; i < 3; i++) await assert.rejects(sql`select 1`.execute(), refused)
        await assert.rejects(
          sql.begin((transaction) => transaction`select 1`),
          refused,
        )
        role.updateFile()
        const [row] = await sql.begin((transaction) => transaction`select 1 as one`)
        assert.equal(row?.['one'], 1)
        await role.rotate()
        role.updateFile()
        await sql`select 1`
      } finally {
        await closePostgres(sql)
      }
    })

    it('stays refused with the password of the URL alone', async () => {
      const sql = connectPostgres({ ...options, url: role.url })
      try {
        await sql`select 1`
        await role.rotate()
        role.updateFile()
        await assert.rejects(sql`select 1`.execute(), refused)
      } finally {
        await closePostgres(sql)
      }
    })

    it('is taken from the file by migrations too', async () => {
      await role.rotate()
      await assert.rejects(migrateLedger(role.url, Date.now(), accessTo(role)), refused)
      role.updateFile()
      await migrateLedger(role.url, Date.now(), accessTo(role))
    })
  })
})
