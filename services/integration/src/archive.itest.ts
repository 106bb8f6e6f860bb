import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { openArchive } from '@bourse/input-archive/open-archive'
import { REPOSITORY } from '@bourse/local/config'
import { CopiedRegion, readInputs, type InputCopy } from './copied-region.ts'
import { ExchangeUnderTest } from './exchange-under-test.ts'
import { assertFillsPair } from './ledger-checks.ts'
import { ObjectWriter } from './object-writer.ts'
import { ordersOf, placedIn, type Orders } from './placed-orders.ts'
import { TradingLoad } from './trading-load.ts'

const SHARDS = 2
const LOAD_MS = 2_500
const FILE_AGE_MS = 300
const ARCHIVED_WITHIN_MS = 10_000
/** Of each input, so that they come from several files of both owners. However slow the machine is, the load goes on until then. */
const RECORDS_MIN = 100
const LOADED_WITHIN_MS = 90_000
const run = promisify(execFile)

describe('an exchange of which nothing but its archive is left', function () {
  this.timeout(240_000)
  let home: string
  /** The inputs as they were when everything was lost. */
  let inputs: readonly InputCopy[]
  let archived: readonly InputCopy[]
  let acceptedBefore: Orders
  let place: CopiedRegion
  let recovered: ExchangeUnderTest
  let kept: ReadonlyMap<string, number> = new Map()

  const directory = () => join(home, 'archive')

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-archive-'))
    const lost = await ExchangeUnderTest.start({ shards: SHARDS })
    const start = (name: string) =>
      ObjectWriter.start({
        ...{ name, home, kafkaBrokers: lost.stack.urls.kafkaBrokers },
        ...{ directory: directory(), fileAgeMs: FILE_AGE_MS },
      })
    const archives = [await start('archive-1'), await start('archive-2')]
    try {
      const load = new TradingLoad(lost, 'before')
      await sleep(LOAD_MS)
      await archives[0]?.kill()
      await sleep(LOAD_MS)
      await untilMany(directory(), await readInputs(lost.stack.urls.kafkaBrokers, SHARDS))
      for (const archive of archives) await archive.lose()
      await sleep(FILE_AGE_MS)
      await load.stop()
      const { code, lines } = await lost.reconcile()
      assert.equal(code, 0, lines.join('\n'))
      acceptedBefore = await ordersOf(lost.sql)
      inputs = await readInputs(lost.stack.urls.kafkaBrokers, SHARDS)
    } finally {
      for (const archive of archives) await archive.stop()
      await lost.stop()
    }
    archived = await archiveOf(directory(), inputs)
    place = await CopiedRegion.start()
  })
  after(async () => {
    await recovered?.stop()
    await place?.stop()
    await rm(home, { recursive: true, force: true })
  })

  /** Runs `bourse cut` as an operator does. */
  async function cut(...options: readonly string[]): Promise<string> {
    const command = ['--enable-source-maps', 'services/operator/dist/main.js', 'cut', ...options]
    const { stdout } = await run(process.execPath, command, {
      cwd: REPOSITORY,
      env: {
        PATH: process.env['PATH'],
        ...{ KAFKA_BROKERS: place.kafka.brokers, DATABASE_URL: place.databaseUrl },
        ...{ RISK_PARTITIONS: String(SHARDS), MATCHING_PARTITIONS: String(SHARDS) },
      },
    })
    return stdout
  }
  const fromArchive = () => ['--from-archive', pathToFileURL(directory()).href]

  it('was archived without a gap, as it was, by owners that came and went', () => {
    for (const [i, { topic, partition, records }] of archived.entries()) {
      const input = `${topic}/${partition}`
      assert.ok(records.length > RECORDS_MIN, `${input} has ${records.length}`)
      assert.ok(records.length < (inputs[i]?.records.length ?? 0), `${input}: the last records are lost`)
      assert.deepEqual(records, inputs[i]?.records.slice(0, records.length), input)
    }
  })

  it('is cut by the command, which says what it dropped, and opened once', async () => {
    await assert.rejects(cut(...fromArchive(), '--follow'), /--follow follows topics, no archive/)
    await assert.rejects(cut(...fromArchive(), '--alias', 'a'), /one of --from-archive, --alias/)
    await assert.rejects(cut('--from-archive', pathToFileURL(home).href), /CutRefused: copies_incomplete/)
    const first = await cut(...fromArchive())
    kept = keptOf(first)
    const opened = await cut(...fromArchive(), '--open')
    assert.deepEqual(keptOf(opened), kept, 'what was there already is compared and left')
    assert.match(opened, /\nlost: .*\nepoch 2 begins\n$/)
    for (const { topic, partition, records } of archived) {
      const input = `${topic}/${partition}`
      const [, dropped] = new RegExp(`^${input}: dropped (\\d+) records`, 'm').exec(opened) ?? []
      assert.equal((kept.get(input) ?? 0) + Number(dropped), records.length, input)
    }
    await assert.rejects(cut(...fromArchive(), '--open'), /CutRefused: already_open/)
  })

  it('has what was kept and nothing else, to the last unit', async () => {
    recovered = await ExchangeUnderTest.start({
      shards: SHARDS,
      external: { kafkaBrokers: place.kafka.brokers, databaseUrl: place.databaseUrl },
    })
    const { code, lines } = await recovered.reconcile()
    assert.equal(code, 0, lines.join('\n'))
    await assertFillsPair(recovered.sql)
    const commands = placedIn(archived, kept)
    const wanted = new Set([...acceptedBefore].filter((order) => commands.has(order)))
    assert.ok(wanted.size > 0 && wanted.size < acceptedBefore.size, 'some orders were kept, some were lost')
    assert.deepEqual(await ordersOf(recovered.sql), wanted)
  })

  it('trades on in the new epoch, and archives under a new prefix alone', async () => {
    const common = { home, kafkaBrokers: place.kafka.brokers, fileAgeMs: FILE_AGE_MS }
    const refused = await ObjectWriter.start({
      ...common,
      ...{ name: 'archive-old', directory: directory(), ready: false },
    })
    const directoryNow = join(home, 'archive-epoch-2')
    const next = await ObjectWriter.start({ ...common, name: 'archive-new', directory: directoryNow })
    try {
      const load = new TradingLoad(recovered, 'after')
      await sleep(LOAD_MS)
      await load.stop()
      const { code, lines } = await recovered.reconcile()
      assert.equal(code, 0, lines.join('\n'))
      const epochs = await recovered.sql<{ epoch: number }[]>`select distinct epoch from offsets`
      assert.deepEqual([...epochs], [{ epoch: 2 }])
      assert.match(await readFile(refused.logFile, 'utf8'), /archive_of_another_log/)
      const now = await readInputs(place.kafka.brokers, SHARDS)
      await untilArchived(directoryNow, now)
      assert.deepEqual(await archiveOf(directory(), inputs), archived, 'the old archive is as it was')
    } finally {
      await refused.stop()
      await next.stop()
    }
  })
})

/** What the archive has of these inputs. */
async function archiveOf(directory: string, inputs: readonly InputCopy[]): Promise<InputCopy[]> {
  const archive = openArchive(pathToFileURL(directory).href)
  const found: InputCopy[] = []
  for (const { topic, partition } of inputs) {
    const records: InputCopy['records'][number][] = []
    for await (const first of archive.files({ topic, partition })) {
      assert.equal(first, records.length, `a gap in ${topic}/${partition}`)
      for (const record of (await archive.read({ topic, partition }, first)).records)
        records.push({ topic, partition, ...record })
    }
    found.push({ topic, partition, records })
  }
  return found
}

async function untilMany(directory: string, inputs: readonly InputCopy[]): Promise<void> {
  const deadline = performance.now() + LOADED_WITHIN_MS
  while (!(await archiveOf(directory, inputs)).every(({ records }) => records.length > RECORDS_MIN)) {
    assert.ok(performance.now() < deadline, 'too few records')
    await sleep(FILE_AGE_MS)
  }
}

/** The clocks of the exchange go on writing, so the archive may have more. */
async function untilArchived(directory: string, inputs: readonly InputCopy[]): Promise<void> {
  const deadline = performance.now() + ARCHIVED_WITHIN_MS
  for (;;) {
    const archived = await archiveOf(directory, inputs)
    const missing = inputs.filter(({ records }, i) => (archived[i]?.records.length ?? 0) < records.length)
    if (missing.length === 0) break
    assert.ok(performance.now() < deadline, `${missing.length} inputs are not archived`)
    await sleep(FILE_AGE_MS)
  }
  const archived = await archiveOf(directory, inputs)
  for (const [i, { records }] of inputs.entries())
    assert.deepEqual(archived[i]?.records.slice(0, records.length), records)
}

function keptOf(printed: string): ReadonlyMap<string, number> {
  const lines = [...printed.matchAll(/^(\S+\/\d+): kept (\d+) records/gm)]
  assert.equal(lines.length, 2 * SHARDS, printed)
  return new Map(lines.map(([, input = '', count]) => [input, Number(count)]))
}
