import { readConfig, url } from '@bourse/platform/config'
import { startPosition } from '../core/position.ts'
import { BATCH_ENTRIES_MAX, SettlementStream } from '../core/settlement-stream.ts'
import { freshDatabase } from '../testing/fresh-database.ts'
import { riskOut } from '../testing/ledger-suite.ts'
import { randomNumbers } from '../testing/random-shard.ts'
import { BASE, QUOTE, ScriptedShard } from '../testing/scripted-shard.ts'
import { closeLedger, connectLedger, PostgresLedger } from './ledger.ts'

/**
 * How fast batches reach PostgreSQL: `node --conditions=@bourse/source --import tsx src/postgres/ledger.bench.ts`, with
 * DATABASE_URL. Orders of 1,000 accounts; a quarter of them trade at once with one that rests, most others are cancelled
 * later, so that about 5,000 are open.
 */
const ACCOUNTS = 1_000
const ORDERS = 40_000
const OPEN_MAX = 5_000
const BATCH_SIZES = [100, 500, 2_000]

const { DATABASE_URL } = readConfig({ DATABASE_URL: url('postgres', 'postgresql') }, process.env)

for (const entriesMin of BATCH_SIZES) {
  const database = await freshDatabase(DATABASE_URL)
  const client = connectLedger({ url: database.url, max: 1, statementTimeoutMs: 30_000 })
  try {
    await measure(new PostgresLedger(client), entriesMin)
  } finally {
    await closeLedger(client)
    await database.drop()
  }
}

async function measure(ledger: PostgresLedger, entriesMin: number): Promise<void> {
  const { log } = market()
  const stream = new SettlementStream(riskOut, startPosition, {
    batchEntriesMax: BATCH_ENTRIES_MAX,
    checkpointsPerSum: 1_000_000,
  })
  let batches = 0
  let rows = 0
  let fills = 0
  let entries = 0
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  let applyingMs = 0
  for (const record of log.records) {
    stream.read(record)
    if (stream.pending < entriesMin && record !== log.records.at(-1)) continue
    for (let batch = stream.take(); batch !== undefined; batch = stream.take()) {
      const from = performance.now()
      await ledger.apply(batch)
      applyingMs += performance.now() - from
      batches++
      entries += batch.entries
      fills += batch.fills.length
      rows +=
        batch.orders.length +
        batch.orderChanges.length +
        batch.fills.length +
        batch.journal.length +
        batch.balances.length
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  const perSecond = (count: number) => Math.round(count / seconds)
  process.stdout.write(
    `batches of ${Math.round(entries / batches)}: ${perSecond(entries)} entries/s, ${perSecond(ORDERS)} orders/s, ` +
      `${perSecond(fills / 2)} trades/s, ${perSecond(rows)} rows/s; apply ${(applyingMs / seconds / 10).toFixed(0)} % of the time, ` +
      `node CPU ${((user + system) / 1e6 / seconds).toFixed(2)} cores\n`,
  )
}

function market(): ScriptedShard {
  const random = randomNumbers(1)
  const upTo = (n: number) => Math.floor(random() * n)
  const shard = new ScriptedShard(0, Date.now())
  for (let i = 0; i < ACCOUNTS; i++) {
    const account = shard.openAccount()
    shard.deposit(account, BASE, 10n ** 18n)
    shard.deposit(account, QUOTE, 10n ** 18n)
  }
  const resting: number[] = []
  for (let i = 0; i < ORDERS; i++) {
    const account = shard.accounts[upTo(ACCOUNTS)] ?? 0
    const id = shard.place({
      account,
      side: random() < 0.5 ? 'buy' : 'sell',
      price: 23_500 + upTo(500),
      quantity: 1_000,
    })
    const at = upTo(resting.length)
    const maker = resting[at]
    if (random() < 0.25 && maker !== undefined) {
      shard.fill(maker, Math.min(500, shard.open.get(maker)?.left ?? 0))
      if (!shard.open.has(maker)) resting.splice(at, 1)
      shard.fill(id, 1_000)
    } else resting.push(id)
    while (resting.length > OPEN_MAX) {
      for (const gone of resting.splice(upTo(resting.length), 1)) shard.close(gone)
    }
    if (i % 20 === 0) shard.log.flush()
  }
  shard.log.flush()
  return shard
}
