import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startStack, type Stack } from '@bourse/local/stack'
import { cutCopies, type CutCopiesOptions } from '@bourse/operator/cut-copies'
import { CutRefused } from '@bourse/operator/cut-refused'
import { PlaceInUse } from '@bourse/operator/place-in-use'
import { closePostgres, connectPostgres, type Database } from '@bourse/platform/postgres'
import { CopiedRegion, readInputs, type InputCopy } from './copied-region.ts'
import { CutProcess } from './cut-process.ts'
import { ExchangeUnderTest } from './exchange-under-test.ts'
import { InputCopier } from './input-copier.ts'
import { assertDepthAgrees, assertFillsPair } from './ledger-checks.ts'
import { ordersOf, placedIn, type Orders } from './placed-orders.ts'
import { assertSnapshotsReplay } from './replayed-snapshots.ts'
import { TradingLoad } from './trading-load.ts'

const SHARDS = 2
const ALIAS = 'us-east-1'
const LOAD_MS = 4_000
/** Between the last records of two inputs that are copied. */
const LEAVE_MS = 150
const REMEMBERED = 200
const WAIT_MS = 60_000
const POLL_MS = 200
const ENGINES = ['risk-engine', 'matching-engine'] as const

describe('an exchange that another region stands by for', function () {
  this.timeout(240_000)
  let home: string
  let lost: ExchangeUnderTest
  let isLost = false
  let region: CopiedRegion
  let copier: InputCopier
  let cut: CutProcess
  let standby: Stack
  let sql: Database
  let recovered: ExchangeUnderTest
  let load: TradingLoad
  /** The lost region's inputs, whole, and the orders that its ledger had. */
  let inputs: readonly InputCopy[]
  let acceptedBefore: Orders
  /** Where engines without X begin, by shard: `risk/0`. */
  let oldest: ReadonlyMap<string, number>
  let kept: ReadonlyMap<string, number>

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-standby-'))
    lost = await ExchangeUnderTest.start({ shards: SHARDS })
    region = await CopiedRegion.start()
    sql = connectPostgres({
      ...{ url: region.databaseUrl, max: 2, applicationName: 'test', statementTimeoutMs: 60_000 },
    })
    const from = { brokers: lost.stack.urls.kafkaBrokers, clientId: 'copier' }
    const following = startCut('cut-1')
    following.catch(() => undefined)
    await until(
      async () =>
        /waiting for copies/.test(await readFile(join(home, 'log/cut-1.log'), 'utf8').catch(() => '')),
      'the cut waits for copies',
    )
    copier = await InputCopier.start({ from, to: region.kafka, alias: ALIAS, shards: SHARDS })
    cut = await following
    standby = await startStack({
      ...{ home, riskPartitions: SHARDS, matchingPartitions: SHARDS },
      replicas: { 'risk-engine': 1, 'matching-engine': 1, settlement: 1, 'market-data': 1 },
      external: { kafkaBrokers: region.kafka.brokers, databaseUrl: region.databaseUrl },
      environment: { STANDBY_REGION: 'true', SNAPSHOT_INTERVAL_MS: '1000', COMMIT_INTERVAL_MS: '500' },
    })
    load = new TradingLoad(lost, 'before')
    await sleep(LOAD_MS)
  })
  after(async () => {
    await recovered?.stop()
    await standby?.stop()
    await cut?.stop()
    await copier?.stop()
    if (sql !== undefined) await closePostgres(sql)
    await region?.stop()
    if (!isLost) await lost?.stop()
    await rm(home, { recursive: true, force: true })
  })

  const startCut = (name: string) => CutProcess.start({ name, region, alias: ALIAS, shards: SHARDS, home })
  const options = (): CutCopiesOptions => ({
    ...{ copies: { kafka: region.kafka, prefix: `${ALIAS}.` }, target: region.kafka },
    shape: { riskPartitions: SHARDS, matchingPartitions: SHARDS },
    durability: { replicas: 1, inSyncReplicasMin: 1 },
    database: { url: region.databaseUrl, caFile: undefined },
    ...{ open: true, remembered: REMEMBERED, print: (line) => lines.push(line) },
  })
  const lines: string[] = []

  it('is followed by a cut that says how far it is behind', async () => {
    const behind = [...(await cut.metric('bourse_cut_behind_seconds')).values()]
    assert.ok(behind.length === 1 && behind[0]! < 30, `behind by ${behind.join()} seconds`)
    for (const name of ['bourse_cut_lag_records', 'bourse_cut_waiting_records'])
      assert.equal((await cut.metric(name)).size, 2 * SHARDS, name)
  })

  it('is followed also when the copier, the cut and an engine over there begin again', async () => {
    copier.restart()
    await cut.kill()
    for (const engine of ENGINES) {
      await sleep(LOAD_MS / 2)
      standby.process(engine).kill('SIGKILL')
      await standby.process(engine).exited()
      await standby.process(engine).ready()
    }
    assert.match(await readFile(cut.logFile, 'utf8'), /goes on from risk\.in\/0 at [1-9]/)
    await sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`
    await until(async () => cut.restarts === 2, 'the cut has ended when it lost its lock')
    await cut.ready()
    assert.match(await readFile(cut.logFile, 'utf8'), /CutRefused: lock_lost/)
    // One that is started beside it waits, ready, and goes on when it ends.
    const next = await startCut('cut-2')
    assert.equal((await next.metric('bourse_cut_lag_records')).size, 0)
    await cut.stop()
    cut = next
    await until(async () => (await cut.metric('bourse_cut_lag_records')).size > 0, 'the next cut goes on')
    await sleep(LOAD_MS)
    copier.restart()
    assert.equal(standby.process('settlement').restarts, 0)
  })

  it('needs less and less of what it has read: the beginning goes, once everybody has what came of it', async () => {
    await until(async () => {
      oldest = await oldestSnapshots(sql)
      return oldest.size === 2 * SHARDS && [...oldest.values()].every((offset) => offset > 0)
    }, 'every shard has forgotten the beginning')
    // The copies end at different points.
    for (const [i, topic] of (['orders.in', 'risk.in', 'orders.in', 'risk.in'] as const).entries()) {
      copier.leave({ topic, partition: i < 2 ? 0 : 1 })
      await sleep(LEAVE_MS)
    }
    await load.stop()
    const { code, lines: compared } = await lost.reconcile()
    assert.equal(code, 0, compared.join('\n'))
    acceptedBefore = await ordersOf(lost.sql)
    inputs = await readInputs(lost.stack.urls.kafkaBrokers, SHARDS)
  })

  it('is not opened while another cut runs, nor with the database of the lost region', async () => {
    await assert.rejects(
      cutCopies(options()),
      (error) => error instanceof CutRefused && error.message.startsWith('another_cut: '),
    )
    await cut.lose()
    const database = { url: lost.stack.urls.databaseUrl, caFile: undefined }
    await assert.rejects(
      cutCopies({ ...options(), database }),
      (error) =>
        error instanceof PlaceInUse && /rows in (snapshots|offsets) that were not made/.test(error.message),
    )
    await lost.stop()
    isLost = true
  })

  it('is opened without reading the copies from their beginnings', async () => {
    oldest = await oldestSnapshots(sql)
    lines.length = 0
    await cutCopies(options())
    assert.match(lines.at(-1) ?? '', /^epoch 2 begins$/)
    assert.match(lines.at(-2) ?? '', /^lost: [1-9]\d* commands, between 20.* and 20/)
    kept = keptIn(lines)
    const total = [...kept.values()].reduce((sum, records) => sum + records, 0)
    const [, read, remembered] = /^read (\d+) records .* and (\d+) before/m.exec(lines.join('\n')) ?? []
    assert.ok(Number(read) < total / 4, `${read} of ${total} records were read`)
    assert.ok(Number(remembered) <= 2 * SHARDS * REMEMBERED, `${remembered} were remembered`)
    assert.ok(
      [...kept].some(([input, records]) => records < lengthOf(input)),
      'something was lost',
    )
    await assert.rejects(cutCopies(options()), /already_open/)
  })

  it('is taken over by engines that read no more than the tail, beside those that stood by', async () => {
    recovered = await ExchangeUnderTest.start({
      shards: SHARDS,
      external: {
        ...{ kafkaBrokers: region.kafka.brokers, databaseUrl: region.databaseUrl },
        redisUrl: standby.urls.redisUrl,
      },
    })
    for (const engine of ENGINES) {
      const machine = engine === 'risk-engine' ? 'risk' : 'matching'
      const restored = await restoredBy(join(recovered.stack.home, 'log', `${engine}.log`))
      assert.equal(restored.length, SHARDS)
      for (const { partition, snapshot, x } of restored) {
        const name = `${machine}/${partition}`
        assert.equal(x, undefined, `${name} has no X`)
        assert.ok(
          snapshot !== undefined && snapshot >= (oldest.get(name) ?? Infinity),
          `${name} from ${snapshot}`,
        )
        assert.ok(snapshot > 0, `${name} from its beginning`)
      }
    }
  })

  it('has what was kept and nothing of what was dropped, to the last unit', async () => {
    const { code, lines: compared } = await recovered.reconcile()
    assert.equal(code, 0, compared.join('\n'))
    await assertFillsPair(recovered.sql)
    const commands = placedIn(inputs, kept)
    const wanted = new Set([...acceptedBefore].filter((order) => commands.has(order)))
    assert.ok(wanted.size > 0 && wanted.size < acceptedBefore.size, 'some orders were kept, some were lost')
    assert.deepEqual(await ordersOf(recovered.sql), wanted)
  })

  it('trades on in the new epoch, with the engines that stood by and without them', async () => {
    const before = await assertFillsPair(recovered.sql)
    load = new TradingLoad(recovered, 'after')
    await sleep(LOAD_MS)
    await standby.process('risk-engine').stop()
    await standby.process('matching-engine').stop()
    await sleep(LOAD_MS)
    await load.stop()
    const { code, lines: compared } = await recovered.reconcile()
    assert.equal(code, 0, compared.join('\n'))
    assert.ok((await assertFillsPair(recovered.sql)).trades > before.trades)
    for (const symbol of recovered.symbols)
      await assertDepthAgrees(recovered.sql, recovered.stack.gatewayUrl, symbol)
    const epochs = await recovered.sql<{ epoch: number }[]>`select distinct epoch from offsets`
    assert.deepEqual([...epochs], [{ epoch: 2 }])
    for (const name of ['gaps_ignored', 'stale_refused', 'stopped'])
      assert.equal(await recovered.metric(`bourse_engine_${name}`, ENGINES), 0, name)
  })

  it('is in the state that its inputs lead to when they are read from nothing', async () => {
    const compared = await assertSnapshotsReplay(sql, await readInputs(region.kafka.brokers, SHARDS))
    assert.ok(compared >= 2 * SHARDS, `${compared} snapshots`)
  })

  const lengthOf = (input: string): number =>
    inputs.find(({ topic, partition }) => `${topic}/${partition}` === input)?.records.length ?? 0
})

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not within ${WAIT_MS} ms: ${what}`)
    await sleep(POLL_MS)
  }
}

async function oldestSnapshots(sql: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ shard: string; offset: number }[]>`
    select machine || '/' || shard as shard, min(log_offset)::float8 as offset from snapshots group by 1`
  return new Map(rows.map(({ shard, offset }) => [shard, offset]))
}

/** Records kept of each input, as a cut tells. */
const keptIn = (lines: readonly string[]): ReadonlyMap<string, number> =>
  new Map(
    lines.flatMap((line) => {
      const [, input, records] = /^(\S+): kept (\d+) records/.exec(line) ?? []
      return input === undefined ? [] : [[input, Number(records)] as const]
    }),
  )

type Restored = { readonly partition: number; readonly snapshot?: number; readonly x?: number }

/** How an engine's shards were restored, as it logs. */
async function restoredBy(logFile: string): Promise<readonly Restored[]> {
  const entries = (await readFile(logFile, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('shard restored'))
  return entries.map((line) => JSON.parse(line) as Restored)
}
