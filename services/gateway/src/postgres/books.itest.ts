import assert from 'node:assert/strict'
import { migrateLedger } from '@bourse/ledger/migrate'
import * as ledger from '@bourse/ledger/schema'
import { closePostgres, connectPostgres, type Database } from '@bourse/platform/postgres'
import { makeRotatingRole } from '@bourse/platform/testing/rotating-role'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { alice, bob, btc, listing, order, usd } from '../testing/gateway.ts'
import { openBooks, type Books } from './books.ts'

const url = process.env['DATABASE_URL']!
const WAIT_MS = 300

const pool = (to: string): Database =>
  connectPostgres({ url: to, max: 3, applicationName: 'gateway-itest', statementTimeoutMs: 5_000 })

describe('the books in PostgreSQL', function () {
  this.timeout(30_000)
  const name = `gateway_itest_${process.pid}_${Date.now()}`
  const own = new URL(url)
  own.pathname = `/${name}`
  let admin: Database
  let sql: Database
  let reader: Database
  let db: PostgresJsDatabase
  let books: Books
  const now = Date.now()

  const stored = {
    ...order,
    ...{ createdAt: now, updatedAt: now, holdAsset: 2, hold: 1n, sequence: 1, reason: null },
  }

  before(async () => {
    admin = pool(url)
    await admin`create database ${admin(name)}`
    await migrateLedger(own.href, now)
    sql = pool(own.href)
    reader = pool(own.href)
    db = drizzle(sql)
    books = openBooks(reader, { waitMs: WAIT_MS })
    const listedSymbol = { ...listing, base: 1, quote: 2 }
    await db.insert(ledger.assets).values([btc, usd])
    await db.insert(ledger.symbols).values([listedSymbol, { ...listedSymbol, symbol: 2, name: 'AAA-USD' }])
    await db.insert(ledger.symbolStates).values({ symbol: 1, partition: 0, state: 'halted', changedAt: now })
    await db.insert(ledger.accounts).values({ account: alice, owner: 'alice', openedAt: now })
    await db.insert(ledger.balances).values({ account: alice, asset: 2, available: 2n ** 70n, held: 5n })
    await db
      .insert(ledger.orders)
      .values([
        stored,
        { ...stored, orderId: 8, status: 'filled', commandId: 'c-8' },
        { ...stored, orderId: 9, symbol: 2 },
        { ...stored, orderId: 10, account: bob },
      ])
    const fill = { orderId: 7, account: alice, symbol: 1, side: 'buy', role: 'taker' } as const
    const sum = { price: 10_025, quantity: 100, feeAsset: 1, fee: 3n, sequence: 2 }
    await db.insert(ledger.fills).values([
      { ...fill, ...sum, tradeId: 1, filledAt: now },
      { ...fill, ...sum, tradeId: 2, filledAt: now },
      { ...fill, ...sum, tradeId: 3, filledAt: now + 1, symbol: 2 },
    ])
    await db.insert(ledger.offsets).values([
      { topic: 'risk.out', partition: 0, lastSequence: 10 },
      { topic: 'orders.out', partition: 0, lastSequence: 1_000 },
    ])
  })

  after(async () => {
    for (const each of [sql, reader]) await closePostgres(each)
    await admin`drop database ${admin(name)}`
    await closePostgres(admin)
  })

  it('finds what is listed, with assets and states', async () => {
    assert.deepEqual(await books.listed(), {
      assets: [btc, usd],
      symbols: [
        { listing: { ...listing, symbol: 2, name: 'AAA-USD' }, state: 'opening' },
        { listing, state: 'halted' },
      ],
    })
  })

  it('finds an owner’s account and its balances', async () => {
    assert.equal(await books.accountOf('alice'), alice)
    assert.equal(await books.accountOf('nobody'), undefined)
    assert.deepEqual(await books.balances(alice), [{ asset: 2, available: 2n ** 70n, held: 5n }])
  })

  it('lists an account’s orders, newest first, by what is asked', async () => {
    const ids = async (filter: object) =>
      (await books.orders({ account: alice, limit: 10, ...filter })).map(({ orderId }) => orderId)
    assert.deepEqual(await ids({}), [9, 8, 7])
    assert.deepEqual(await ids({ limit: 2 }), [9, 8])
    assert.deepEqual(await ids({ before: 8 }), [7])
    assert.deepEqual(await ids({ status: 'open' }), [9, 7])
    assert.deepEqual(await ids({ symbol: 2 }), [9])
    assert.deepEqual(await ids({ commandId: 'c-8' }), [8])
    assert.deepEqual(await ids({ account: bob }), [10])
  })

  it('lists an account’s fills, newest first, and goes on after one', async () => {
    const ids = async (filter: object) =>
      (await books.fills({ account: alice, limit: 10, ...filter })).map(({ tradeId }) => tradeId)
    assert.deepEqual(await ids({}), [3, 2, 1])
    assert.deepEqual(await ids({ after: { filledAt: now, orderId: 7, tradeId: 2 } }), [1])
    assert.deepEqual(await ids({ symbol: 1, limit: 1 }), [2])
    assert.deepEqual(await ids({ orderId: 8 }), [])
  })

  it('reads at once what settlement has passed', async () => {
    const found = await books.order(7, { shard: 0, sequence: 10 })
    assert.deepEqual(
      [found?.orderId, found?.filledQuote, found?.createdAt, found?.reason],
      [7, stored.filledQuote, now, null],
    )
    assert.equal(await books.order(3, { shard: 0, sequence: 3 }), undefined)
  })

  it('waits for settlement, and sees what it wrote', async () => {
    const reading = books.order(11, { shard: 0, sequence: 11 })
    await db.transaction(async (tx) => {
      await tx.insert(ledger.orders).values({ ...stored, orderId: 11 })
      await tx.update(ledger.offsets).set({ lastSequence: 11 })
    })
    assert.equal((await reading)?.orderId, 11)
  })

  it('gives up when settlement does not come so far in time', async () => {
    const begunAt = performance.now()
    await assert.rejects(books.order(99, { shard: 0, sequence: 99_999 }), { code: 'not_settled' })
    assert(performance.now() - begunAt >= WAIT_MS)
    await assert.rejects(books.balances(alice, { shard: 7, sequence: 1 }), { code: 'not_settled' })
  })

  it('says unavailable when PostgreSQL does not answer', async () => {
    const away = pool('postgres://nobody:nothing@127.0.0.1:1/none')
    await assert.rejects(openBooks(away, { waitMs: 0 }).balances(alice), { code: 'unavailable' })
    await closePostgres(away)
  })

  it('says unavailable while the password has changed, and answers when its file has the new one', async () => {
    const role = await makeRotatingRole(own.href)
    const rotating = connectPostgres({
      ...role,
      max: 1,
      applicationName: 'rotating',
      statementTimeoutMs: 5_000,
    })
    try {
      const there = openBooks(rotating, { waitMs: WAIT_MS })
      const at = { shard: 0, sequence: 1 }
      assert.equal(await there.accountOf('alice', at), alice)
      await role.rotate()
      await assert.rejects(there.accountOf('alice', at), { code: 'unavailable' })
      await assert.rejects(there.listed(), { code: 'unavailable' })
      role.updateFile()
      assert.equal(await there.accountOf('alice', at), alice)
    } finally {
      await closePostgres(rotating)
      await role.drop()
    }
  })
})
