import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@bourse/platform/kafka/admin'
import type { Producer } from '@bourse/platform/kafka/producer'
import { encodeCommands } from '@bourse/protocol/frame'
import type { Database } from '@bourse/platform/postgres'
import { readBooksCut, readRiskCut } from '@bourse/ledger/cuts'
import { accountsCut, matchingCut, riskCut, tradesCut, type ExchangeCut } from './core/cuts.ts'

const POLL_MS = 200
const FLUSH_TIMEOUT_MS = 10_000

export type CutParts = { readonly sql: Database; readonly admin: Admin; readonly producer: Producer }

/** A cut and the marker at which it was made. */
export type NamedCut = ExchangeCut & { readonly marker: number }

/** The cut did not come together in time; `missing` names who has not answered. */
export class CutTimeout extends Error {
  override readonly name = 'CutTimeout'
  constructor(missing: readonly string[], waitedMs: number) {
    super(`no answer within ${waitedMs} ms from ${missing.join(', ')}`)
  }
}

/**
 * Writes a marker into every risk.in and waits until every shard and settlement have made their cut at it. Trading goes
 * on meanwhile.
 *
 * @throws CutTimeout
 */
export async function takeCut({ sql, admin, producer }: CutParts, timeoutMs: number): Promise<NamedCut> {
  const riskShards = await admin.partitionsOf('risk.in')
  const matchingShards = await admin.partitionsOf('orders.in')
  const marker = Date.now()
  const frame = encodeCommands([{ type: 'marker', marker }])
  for (let partition = 0; partition < riskShards; partition++) {
    producer.send('risk.in', partition, frame, (error) => {
      if (error !== undefined)
        process.emitWarning(`the marker did not reach risk.in/${partition}: ${error.message}`)
    })
  }
  await producer.flush(FLUSH_TIMEOUT_MS)

  const shards = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}/${i}`)
  const sources = {
    risk: shards('risk', riskShards),
    matching: shards('matching', matchingShards),
    accounts: shards('settlement:risk.out', riskShards),
    trades: shards('settlement:orders.out', matchingShards),
  }
  const states = await collect(sql, { marker, wanted: Object.values(sources).flat(), timeoutMs })
  return {
    marker,
    risk: sources.risk.map((source) => riskCut.parse(states.get(source))),
    matching: sources.matching.map((source) => matchingCut.parse(states.get(source))),
    accounts: await Promise.all(
      sources.accounts.map(async (_, i) => accountsCut.parse(await readRiskCut(sql, i, marker))),
    ),
    trades: await Promise.all(
      sources.trades.map(async (_, i) => tradesCut.parse(await readBooksCut(sql, i, marker))),
    ),
  }
}

async function collect(
  sql: Database,
  { marker, wanted, timeoutMs }: { marker: number; wanted: readonly string[]; timeoutMs: number },
): Promise<ReadonlyMap<string, unknown>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const rows = await sql<{ source: string }[]>`select source from cuts where marker = ${marker}`
    const present = new Set(rows.map(({ source }) => source))
    const missing = wanted.filter((source) => !present.has(source))
    if (missing.length === 0) break
    if (performance.now() > deadline) throw new CutTimeout(missing, timeoutMs)
    await sleep(POLL_MS)
  }
  const rows = await sql<
    { source: string; state: unknown }[]
  >`select source, state from cuts where marker = ${marker}`
  return new Map(rows.map(({ source, state }) => [source, state]))
}
