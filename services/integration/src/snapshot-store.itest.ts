import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrateLedger } from '@bourse/ledger/migrate'
import { PostgresSnapshotStore, SNAPSHOTS_KEPT } from '@bourse/platform/engine/snapshot-store'
import { isOpened, untilOpened } from '@bourse/platform/engine/standby-region'
import { closePostgres, connectPostgres, type Database } from '@bourse/platform/postgres'
import type { Snapshot } from '@bourse/protocol/replica'
import { hashOf } from '@bourse/protocol/stream-hash'

const url = process.env['DATABASE_URL']!
const risk = { machine: 'risk', shard: 0 } as const
const matching = { machine: 'matching', shard: 0 } as const

const pool = (to: string): Database =>
  connectPostgres({ url: to, max: 2, applicationName: 'snapshots-itest', statementTimeoutMs: 5_000 })

/** A snapshot at an offset that has written up to `written` into orders.in/0 and read up to `read` of matching. */
function snapshot(
  offset: number,
  { written = offset, read = 0, segments = [] as Snapshot['segments'] } = {},
): Snapshot {
  const state = Buffer.from(`state at ${offset}`)
  const streams = { written: { 'orders.in/0': written, 'risk.out/0': written }, read: { 'matching/0': read } }
  return { offset, lastRecord: hashOf(state), state, segments, hash: hashOf(state), log: 'log', ...streams }
}

describe('snapshots in PostgreSQL', function () {
  this.timeout(30_000)
  const name = `snapshots_itest_${process.pid}_${Date.now()}`
  const own = new URL(url)
  own.pathname = `/${name}`
  let admin: Database
  let sql: Database
  let unsound: number[]
  let store: PostgresSnapshotStore

  before(async () => {
    admin = pool(url)
    await admin`create database ${admin(name)}`
    await migrateLedger(own.href, Date.now())
    sql = pool(own.href)
  })
  beforeEach(async () => {
    await sql`truncate snapshots, snapshot_segments, offsets, cuts`
    unsound = []
    store = new PostgresSnapshotStore(sql, (_, offset) => unsound.push(offset))
  })
  after(async () => {
    await closePostgres(sql)
    await admin`drop database ${admin(name)}`
    await closePostgres(admin)
  })

  const offsets = async (): Promise<number[]> => {
    const rows = await sql<{ log_offset: bigint }[]>`
      select log_offset from snapshots where machine = 'risk' order by log_offset`
    return rows.map(({ log_offset }) => Number(log_offset))
  }

  it('gives back what was kept: the newest at or below an offset, and the oldest', async () => {
    const segments = [{ id: 7, body: Buffer.from('closed') }]
    for (const offset of [10, 20, 30]) await store.save(risk, snapshot(offset, { segments }))
    assert.deepEqual(await store.newest(risk, 29), snapshot(20, { segments }))
    assert.deepEqual(await store.oldest(risk), snapshot(10, { segments }))
    assert.equal(await store.newestOffset(risk), 30)
    assert.equal(await store.newest(risk, 9), undefined)
    assert.equal(await store.newest(matching, 99), undefined)
  })

  it('stores a segment once, however many snapshots refer to it', async () => {
    const segments = [{ id: 7, body: Buffer.from('closed') }]
    for (const offset of [10, 20]) await store.save(risk, snapshot(offset, { segments }))
    const [row] = await sql<{ count: number }[]>`select count(*)::int as count from snapshot_segments`
    assert.equal(row!.count, 1)
  })

  it('passes over a snapshot whose state, or whose segment, is not what was kept', async () => {
    const segments = [{ id: 7, body: Buffer.from('closed') }]
    await store.save(risk, snapshot(10))
    await store.save(risk, snapshot(20, { segments }))
    await store.save(risk, snapshot(30))
    await sql`update snapshots set state = 'changed' where log_offset = 30`
    await sql`update snapshot_segments set body = 'changed'`
    assert.equal((await store.newest(risk, 99))?.offset, 10)
    assert.deepEqual(unsound, [30, 20])
  })

  it('is not changed by a sleeper that keeps the same offset again', async () => {
    await store.save(risk, snapshot(10))
    await store.save(risk, {
      ...snapshot(10),
      state: Buffer.from('other'),
      hash: hashOf(Buffer.from('other')),
    })
    assert.deepEqual((await store.newest(risk, 10))?.state, Buffer.from('state at 10'))
  })

  it(`keeps ${SNAPSHOTS_KEPT}, and older ones until every receiver has what a newer one has written`, async () => {
    for (const offset of [10, 20, 30, 40, 50]) await store.save(risk, snapshot(offset))
    await store.prune(risk)
    assert.deepEqual(await offsets(), [10, 20, 30, 40, 50], 'no receiver has come anywhere yet')

    await sql`insert into offsets (topic, partition, last_sequence) values ('risk.out', 0, 50)`
    await store.save(matching, { ...snapshot(5), written: {}, read: { 'risk/0': 15 } })
    await store.prune(risk)
    assert.deepEqual(
      await offsets(),
      [10, 20, 30, 40, 50].slice(0),
      'matching has what 10 wrote, and nothing is older',
    )

    await store.save(matching, { ...snapshot(6), written: {}, read: { 'risk/0': 25 } })
    await store.prune(risk)
    assert.deepEqual(await offsets(), [20, 30, 40, 50], '20 is covered by both receivers')

    await store.save(matching, { ...snapshot(7), written: {}, read: { 'risk/0': 60 } })
    await store.prune(risk)
    assert.deepEqual(await offsets(), [30, 40, 50])
  })

  it('drops segments that no snapshot refers to any more', async () => {
    await store.save(risk, snapshot(10, { segments: [{ id: 1, body: Buffer.from('old') }] }))
    for (const offset of [20, 30, 40])
      await store.save(risk, snapshot(offset, { segments: [{ id: 2, body: Buffer.from('new') }] }))
    await sql`insert into offsets (topic, partition, last_sequence) values ('risk.out', 0, 99)`
    await store.save(matching, { ...snapshot(5), written: {}, read: { 'risk/0': 99 } })
    await store.prune(risk)
    const rows = await sql<{ id: bigint }[]>`select id from snapshot_segments`
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      [2],
    )
  })

  it('lets an exchange’s own engines wait while a cut is made here, until it is opened', async () => {
    const told: string[] = []
    const log = { info: (what: string) => told.push(what), warn: () => undefined }
    const { signal } = new AbortController()
    await untilOpened({ sql, log: log as never, signal })
    assert.deepEqual([told.length, await isOpened(sql)], [0, false])
    await sql`insert into cut_positions (state, hash) values ('', '')`
    const waiting = untilOpened({ sql, log: log as never, signal }).then(() => told.push('opened'))
    while (told.length === 0) await sleep(10)
    assert.deepEqual(told, ['waiting until the cut is opened: this region stands by'])
    await sql`insert into cut_positions (state, hash, opened) values ('', '', true)`
    await waiting
    assert.equal(await isOpened(sql), true)
  })
})
