import { readBooksCut, readRiskCut } from '@bourse/ledger/cuts'
import { monthOf } from '@bourse/ledger/months'
import * as schema from '@bourse/ledger/schema'
import { isTransient } from '@bourse/platform/postgres-trouble'
import { makeRotatingRole } from '@bourse/platform/testing/rotating-role'
import { untilDone } from '@bourse/platform/until-done'
import { lots, ticks } from '@bourse/domain/units'
import { and, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import assert from 'node:assert/strict'
import postgres, { type Sql } from 'postgres'
import type { Batch } from '../core/batch.ts'
import { freshDatabase } from '../testing/fresh-database.ts'
import { batchesOf, ledgerSuite, settle, type LedgerUnderTest } from '../testing/ledger-suite.ts'
import { LogWriter } from '../testing/log-writer.ts'
import { randomShard } from '../testing/random-shard.ts'
import { QUOTE, ScriptedShard, SYMBOL } from '../testing/scripted-shard.ts'
import { connectLedger, PostgresLedger } from './ledger.ts'

const databaseUrl = process.env['DATABASE_URL'] ?? ''
const TABLES = ['offsets', 'orders', 'fills', 'journal', 'balances', 'checkpoints', 'cuts'] as const

describe('PostgresLedger', function () {
  this.timeout(60_000)
  const closing: (() => Promise<void>)[] = []

  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  async function open(): Promise<LedgerUnderTest & { client: Sql; url: string }> {
    const database = await freshDatabase(databaseUrl)
    const client = connectLedger({ url: database.url, max: 3, statementTimeoutMs: 10_000 })
    const reading = postgres(database.url, { max: 1 })
    closing.push(async () => {
      await Promise.all([client.end({ timeout: 1 }), reading.end()])
      await database.drop()
    })
    const ledger = new PostgresLedger(client)
    return { ledger, client, url: database.url, rows: () => readRows(reading), tamper: tamperWith(reading) }
  }

  ledgerSuite(open)

  it('writes nothing of a batch that fails at any of its statements, and all of it when it is tried again', async () => {
    const { ledger, client, rows } = await open()
    const straight = await open()
    const { log } = randomShard({ seed: 11, steps: 400, frames: () => 0.99 })
    await settle(straight.ledger, log)
    const [first, ...rest] = batchesOf(log, undefined, { batchEntriesMax: 100, checkpointsPerSum: 1 })
    await client`create function crash() returns trigger language plpgsql as $$ begin raise exception 'crash'; end $$`
    await ledger.apply(first!)
    const crashed = new Set<string>()
    for (const batch of rest) {
      for (const table of TABLES.filter((name) => touches(batch, name))) {
        const before = await rows()
        await client.unsafe(
          `create trigger crash before insert or update on ${table} for each row execute function crash()`,
        )
        const error = await (ledger.apply(batch) as Promise<unknown>).then(
          () => undefined,
          (cause: Error) => cause,
        )
        await client.unsafe(`drop trigger crash on ${table}`)
        assert.equal(error?.message, 'crash', table)
        assert.deepEqual(await rows(), before)
        crashed.add(table)
      }
      await ledger.apply(batch)
    }
    assert.deepEqual([...crashed].toSorted(), [...TABLES].toSorted())
    assert.deepEqual(await rows(), await straight.rows())
  })

  it('loses nothing when the server ends its connection within a transaction', async () => {
    const { ledger, client, rows } = await open()
    const straight = await open()
    const { log } = randomShard({ seed: 12, steps: 200, frames: () => 0.99 })
    await settle(straight.ledger, log)
    const [batch, ...rest] = batchesOf(log)
    await client`create function die() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`
    await client`create trigger die before insert on balances for each statement execute function die()`
    await assert.rejects(ledger.apply(batch!) as Promise<unknown>, isTransient)
    await client`drop trigger die on balances`
    for (const each of [batch!, ...rest]) assert.equal(await ledger.apply(each), 'applied')
    assert.deepEqual(await rows(), await straight.rows())
  })

  it('waits while the password has changed, and goes on when its file has the new one', async () => {
    const { url, rows } = await open()
    const straight = await open()
    const role = await makeRotatingRole(databaseUrl)
    const { passwordFile } = role
    const own = new URL(new URL(url).pathname, role.url)
    own.username = new URL(role.url).username
    const client = connectLedger({ url: own.href, passwordFile, max: 3, statementTimeoutMs: 10_000 })
    closing.unshift(() => client.end({ timeout: 1 }))
    closing.push(() => role.drop())
    const ledger = new PostgresLedger(client)
    const { log } = randomShard({ seed: 13, steps: 200, frames: () => 0.99 })
    await settle(straight.ledger, log)
    const [batch, ...rest] = batchesOf(log)
    assert.equal(await ledger.apply(batch!), 'applied')
    await role.rotate()
    const refused: unknown[] = []
    const onWait = (error: unknown) => {
      refused.push(error instanceof Error && 'code' in error && error.code)
      if (refused.length === 2) role.updateFile()
    }
    const { signal } = new AbortController()
    for (const each of rest)
      assert.equal(await untilDone(async () => ledger.apply(each), { signal, onWait }), 'applied')
    assert.deepEqual(refused, ['28P01', '28P01'])
    assert.deepEqual(await rows(), await straight.rows())
  })

  it('makes the partitions of a month that it meets for the first time, also as one of several writers', async () => {
    const { ledger, client } = await open()
    const others = [0, 1, 2].map(() => new PostgresLedger(client))
    const shard = new ScriptedShard(0, Date.UTC(2031, 0, 31, 23, 59, 59, 996))
    const account = shard.openAccount()
    shard.deposit(account, QUOTE, 1_000n)
    for (let i = 0; i < 4; i++) shard.place({ account, side: 'buy', price: 1, quantity: 1 })
    shard.log.flush()
    await Promise.all([ledger, ...others].map((each) => settle(each, shard.log).catch(() => {})))
    const found =
      await client`select tableoid::regclass::text as part, count(*)::int from orders group by 1 order by 1`
    assert.deepEqual(
      [...found],
      [
        { part: 'orders_y2031m01', count: 2 },
        { part: 'orders_y2031m02', count: 2 },
      ],
    )
  })

  it('has next month ready before it comes', async () => {
    const { ledger, client } = await open()
    const now = Date.UTC(2035, 5, 30)
    await (ledger as PostgresLedger).prepareMonths(now)
    const { name } = monthOf(Date.UTC(2035, 6, 1))
    const [found] = await client`select to_regclass(${`journal_${name}`}) is not null as there`
    assert.equal(found?.['there'], true)
  })

  it('updates balances and open orders in their place', async () => {
    const { ledger, client } = await open()
    const shard = new ScriptedShard()
    const account = shard.openAccount()
    shard.deposit(account, QUOTE, 1_000_000n)
    const id = shard.place({ account, side: 'buy', price: 10, quantity: 200 })
    for (let i = 0; i < 50; i++) {
      shard.fill(id, 1)
      shard.log.flush()
      await settle(ledger, shard.log)
    }
    await client`select pg_stat_force_next_flush()`
    const rows = await client`
      select relname, n_tup_upd::int as updates, n_tup_hot_upd::int as hot from pg_stat_user_tables
      where relname in ('balances', ${`orders_${monthOf(shard.time).name}`}) order by 1`
    for (const { relname, updates, hot } of rows) {
      assert(
        updates >= 49 && hot >= updates * 0.9,
        `${relname}: ${hot} of ${updates} updates stayed in their page`,
      )
    }
    assert.equal(rows.length, 2)
  })

  it('sums journal and trades up to the marker, whatever came after it', async () => {
    const { ledger, client } = await open()
    const shard = new ScriptedShard()
    const ann = shard.openAccount()
    shard.deposit(ann, QUOTE, 700n)
    shard.marker(1)
    shard.deposit(ann, QUOTE, 300n)
    shard.log.flush()
    await settle(ledger, shard.log)
    const cut = await readRiskCut(client, 0, 1)
    assert.deepEqual(
      cut?.journal.map(({ sum }) => sum),
      ['-700', '700'],
    )
    assert.deepEqual(
      cut?.balances.map(({ available }) => available),
      ['-700', '700'],
    )
    assert.equal(await readRiskCut(client, 0, 2), undefined)

    const log = new LogWriter({ kind: 'matching', shard: 0 })
    log.append({ type: 'symbolStateChanged', symbol: SYMBOL, state: 'trading' }, 1_000)
    const order = {
      makerOrderId: 1,
      takerOrderId: 2,
      makerAccount: 16,
      takerAccount: 17,
      takerSide: 'buy',
    } as const
    for (const tradeId of [1, 2, 3]) {
      log.append(
        { type: 'trade', symbol: SYMBOL, tradeId, price: ticks(5), quantity: lots(10 * tradeId), ...order },
        1_000,
      )
      if (tradeId === 2) log.append({ type: 'marker', marker: 1 }, 1_000)
    }
    log.flush()
    await settle(ledger, log, { topic: 'orders.out', partition: 0 })
    const books = await readBooksCut(client, 0, 1)
    assert.deepEqual(books, { sequence: 4, symbols: [{ symbol: SYMBOL, trades: 2, volumeLots: '30' }] })
  })
})

function touches(batch: Batch, table: (typeof TABLES)[number]): boolean {
  if (table === 'offsets') return true
  if (table === 'cuts') return batch.marker !== undefined
  return batch[table].length > 0 || (table === 'orders' && batch.orderChanges.length > 0)
}

async function readRows(client: Sql) {
  const db = drizzle(client)
  const { accounts, orders, fills, trades, journal, balances, checkpoints, cuts } = schema
  return {
    accounts: await db.select().from(accounts).orderBy(accounts.account),
    orders: await db.select().from(orders).orderBy(orders.orderId),
    fills: await db.select().from(fills).orderBy(fills.sequence),
    trades: await db.select().from(trades).orderBy(trades.symbol, trades.tradeId),
    journal: await db.select().from(journal).orderBy(journal.shard, journal.sequence, journal.leg),
    balances: await db.select().from(balances).orderBy(balances.account, balances.asset),
    checkpoints: await db.select().from(checkpoints).orderBy(checkpoints.shard, checkpoints.sequence),
    cuts: await db
      .select({ marker: cuts.marker, source: cuts.source, state: cuts.state })
      .from(cuts)
      .orderBy(cuts.marker),
  }
}

const tamperWith = (client: Sql) => async (account: number, asset: number, available: bigint) => {
  const { balances } = schema
  const row = and(eq(balances.account, account), eq(balances.asset, asset))
  await drizzle(client).update(balances).set({ available }).where(row)
}
