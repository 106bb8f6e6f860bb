import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventRow, Output } from '@bourse/analytics/core/position'
import type { TradeRow } from '@bourse/analytics/core/trade-rows'
import { decodeEvents, decodeTrades } from '@bourse/analytics/parquet/table-file'
import { formatDecimal } from '@bourse/domain/units'
import type { Database } from '@bourse/platform/postgres'
import { ExchangeUnderTest } from './exchange-under-test.ts'
import { ObjectWriter } from './object-writer.ts'
import { TradingLoad } from './trading-load.ts'

const SHARDS = 2
const LOAD_MS = 2_500
const FILE_AGE_MS = 300
/** The group takes whoever is silent for six seconds for dead. */
const SLEEP_MS = 9_000
const WRITTEN_WITHIN_MS = 20_000

describe('the tables of an exchange whose analytics are killed, sleep and come back', function () {
  this.timeout(240_000)
  let home: string
  let exchange: ExchangeUnderTest
  const writers: ObjectWriter[] = []
  /** Where the outputs were when trading ended. Clocks go on writing. */
  let reached: Awaited<ReturnType<typeof outputsOf>>

  const directory = () => join(home, 'tables')

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-tables-'))
    exchange = await ExchangeUnderTest.start({ shards: SHARDS })
    const { kafkaBrokers } = exchange.stack.urls
    for (const name of ['analytics-1', 'analytics-2'])
      writers.push(
        await ObjectWriter.start({
          ...{ service: 'analytics', name, home, kafkaBrokers },
          ...{ directory: directory(), fileAgeMs: FILE_AGE_MS },
        }),
      )
    const [killed, sleeper] = writers
    const load = new TradingLoad(exchange, 'tables')
    await sleep(LOAD_MS)
    await killed?.kill()
    await sleep(LOAD_MS)
    await sleeper?.sleep(SLEEP_MS)
    await killed?.kill()
    // What it has not committed, the engine writes again.
    const engine = exchange.stack.process('matching-engine')
    engine.kill('SIGKILL')
    await engine.exited()
    await engine.ready()
    await sleep(LOAD_MS)
    await load.stop()
    const { code, lines } = await exchange.reconcile()
    assert.equal(code, 0, lines.join('\n'))
    reached = await outputsOf(exchange.sql)
    await untilWritten(directory(), reached)
  })
  after(async () => {
    for (const writer of writers) await writer.stop()
    await exchange?.stop()
    await rm(home, { recursive: true, force: true })
  })

  it('have every trade of the ledger, once, in public decimals', async () => {
    const files = await filesIn(directory(), 'trades')
    const found = await Promise.all(files.map(({ bytes, name }) => decodeTrades(bytes, name)))
    const wanted = await tradesOf(exchange.sql)
    assert.ok(wanted.length > 100, `${wanted.length} trades`)
    assert.deepEqual(sorted(found.flat()), sorted(wanted))
  })

  it('have every entry of each output, once, in its order', async () => {
    for (const { output, sequence } of reached) {
      const rows = await eventsOf(directory(), output)
      assert.ok(rows.length >= sequence)
      assert.deepEqual(
        rows.map((row) => row.sequence),
        rows.map((_, i) => i + 1),
        `${output.topic}/${output.partition}`,
      )
    }
  })

  it('were written through repeats, and nothing stands still', async () => {
    const entries = await Promise.all(
      writers.map((writer) => writer.metrics('bourse_analytics_entries_total')),
    )
    assert.match(entries.flat().join('\n'), /verdict="repeat"/)
    const stopped = await Promise.all(writers.map((writer) => writer.metrics('bourse_analytics_stopped{')))
    assert.deepEqual(stopped.flat(), [])
  })
})

/** Files of a table, as their names follow each other. */
async function filesIn(
  directory: string,
  table: 'events' | 'trades',
  beginning = '',
): Promise<readonly { readonly name: string; readonly bytes: Buffer }[]> {
  const names = await readdir(join(directory, table), { recursive: true }).catch(() => [])
  const chosen = names.filter((name) => name.endsWith('.parquet') && name.includes(`/${beginning}`)).sort()
  return Promise.all(
    chosen.map(async (name) => ({ name, bytes: await readFile(join(directory, table, name)) })),
  )
}

async function eventsOf(directory: string, output: Output): Promise<readonly EventRow[]> {
  const files = await filesIn(directory, 'events', `${output.topic}-${output.partition}-`)
  const decoded = await Promise.all(files.map(({ bytes, name }) => decodeEvents(output, bytes, name)))
  return decoded.flatMap(({ rows }) => rows)
}

/** How far the ledger is, which is as far as the load went. */
async function outputsOf(sql: Database): Promise<{ output: Output; sequence: number }[]> {
  const rows = await sql<{ topic: Output['topic']; partition: number; sequence: number }[]>`
    select topic, partition, last_sequence::float8 as sequence from offsets`
  assert.equal(rows.length, 2 * SHARDS)
  return rows.map(({ topic, partition, sequence }) => ({ output: { topic, partition }, sequence }))
}

async function untilWritten(
  directory: string,
  reached: Awaited<ReturnType<typeof outputsOf>>,
): Promise<void> {
  const deadline = performance.now() + WRITTEN_WITHIN_MS
  for (const { output, sequence } of reached) {
    while ((await eventsOf(directory, output)).length < sequence) {
      assert.ok(performance.now() < deadline, `${output.topic}/${output.partition} is behind`)
      await sleep(FILE_AGE_MS)
    }
  }
}

async function tradesOf(sql: Database): Promise<readonly TradeRow[]> {
  const rows = await sql<Record<string, string>[]>`
    select trade_id, name, price, quantity, maker_order_id, taker_order_id, taker_side::text as taker_side,
      traded_at, tick_decimals, lot_decimals
    from trades join symbols using (symbol)`
  return rows.map((row) => ({
    tradeId: String(row['trade_id']),
    symbol: String(row['name']),
    price: formatDecimal(BigInt(row['price'] ?? 0), Number(row['tick_decimals'])),
    quantity: formatDecimal(BigInt(row['quantity'] ?? 0), Number(row['lot_decimals'])),
    makerOrderId: String(row['maker_order_id']),
    takerOrderId: String(row['taker_order_id']),
    takerSide: String(row['taker_side']),
    time: Number(row['traded_at']),
  }))
}

const sorted = (trades: readonly TradeRow[]): readonly TradeRow[] =>
  [...trades].sort((a, b) => a.symbol.localeCompare(b.symbol) || Number(a.tradeId) - Number(b.tradeId))
