import { systemAccount } from '@bourse/domain/ids'
import { lots, ticks } from '@bourse/domain/units'
import assert from 'node:assert/strict'
import type { Batch } from '../core/batch.ts'
import { LedgerError, type Ledger } from '../core/ledger.ts'
import { startPosition, type Input } from '../core/position.ts'
import { SettlementStream, type StreamLimits } from '../core/settlement-stream.ts'
import { LogWriter } from './log-writer.ts'
import { randomNumbers, randomShard } from './random-shard.ts'
import { BASE, QUOTE, ScriptedShard, SYMBOL } from './scripted-shard.ts'

export type LedgerRows = Readonly<Record<RowsOf, readonly object[]>>
type RowsOf = 'accounts' | 'orders' | 'fills' | 'trades' | 'journal' | 'balances' | 'checkpoints' | 'cuts'

/** An empty ledger with a look at its tables, each sorted by its key. */
export type LedgerUnderTest = {
  readonly ledger: Ledger
  readonly rows: () => Promise<LedgerRows>
  /** Sets a balance behind the ledger's back. */
  readonly tamper: (account: number, asset: number, available: bigint) => Promise<void>
}

export const riskOut: Input = { topic: 'risk.out', partition: 0 }
const ordersOut: Input = { topic: 'orders.out', partition: 0 }
const LIMITS: StreamLimits = { batchEntriesMax: 1_000, checkpointsPerSum: 1 }

/** What a log becomes for a ledger that stands at the beginning. */
export function batchesOf(log: LogWriter, input = riskOut, limits = LIMITS): Batch[] {
  const stream = new SettlementStream(input, startPosition, limits)
  for (const record of log.records) stream.read(record)
  return [...batchesFrom(stream)]
}

export function* batchesFrom(stream: SettlementStream): Generator<Batch> {
  for (let batch = stream.take(); batch !== undefined; batch = stream.take()) yield batch
}

/** Reads and applies everything the ledger does not have yet. */
export async function settle(
  ledger: Ledger,
  log: LogWriter,
  input = riskOut,
  limits = LIMITS,
): Promise<void> {
  const stream = new SettlementStream(input, await ledger.position(input), limits)
  for (const record of log.records.slice(stream.next)) stream.read(record)
  for (const batch of batchesFrom(stream)) assert.equal(await ledger.apply(batch), 'applied')
}

/** Two accounts that trade with each other, in one record per step. */
function story(): { shard: ScriptedShard; ann: number; bob: number } {
  const shard = new ScriptedShard()
  const ann = shard.openAccount('ann')
  const bob = shard.openAccount('bob')
  shard.deposit(ann, QUOTE, 1_000_000n)
  shard.deposit(bob, BASE, 5_000n)
  shard.log.flush()
  return { shard, ann, bob }
}

/** What every ledger must do, whatever it keeps its rows in. */
export function ledgerSuite(open: Open): void {
  keepsRows(open)
  countsOnce(open)
  refuses(open)
  copies(open)
}

type Open = () => Promise<LedgerUnderTest>

function keepsRows(open: Open): void {
  it('keeps what the log says about balances and orders', async () => {
    const { ledger, rows } = await open()
    const { shard, ann, bob } = story()
    const buy = shard.place({ account: ann, side: 'buy', price: 100, quantity: 3_000 })
    const sell = shard.place({ account: bob, side: 'sell', price: 90, quantity: 2_000 })
    shard.log.flush()
    await settle(ledger, shard.log)
    shard.fill(sell, 2_000, 95)
    shard.fill(buy, 2_000, 95)
    shard.close(buy)
    shard.checkpoint()
    shard.log.flush()
    await settle(ledger, shard.log)

    const { orders, balances, journal, fills } = await rows()
    const brief = (orders as { orderId: number }[]).map((order) =>
      pick(order, [
        'orderId',
        'status',
        'reason',
        'remaining',
        'filledQuantity',
        'filledQuote',
        'fee',
        'hold',
      ]),
    )
    assert.deepEqual(brief, [
      {
        orderId: buy,
        status: 'closed',
        reason: 22,
        remaining: 1_000,
        filledQuantity: 2_000,
        filledQuote: 190_000n,
        fee: 2n,
        hold: 0n,
      },
      {
        orderId: sell,
        status: 'filled',
        reason: null,
        remaining: 0,
        filledQuantity: 2_000,
        filledQuote: 190_000n,
        fee: 190n,
        hold: 0n,
      },
    ])
    const system = (name: 'external' | 'clearing' | 'fees') => systemAccount(0, name)
    assert.deepEqual(balances, [
      { account: system('external'), asset: BASE, available: -5_000n, held: 0n },
      { account: system('external'), asset: QUOTE, available: -1_000_000n, held: 0n },
      { account: system('clearing'), asset: BASE, available: 0n, held: 0n },
      { account: system('clearing'), asset: QUOTE, available: 0n, held: 0n },
      { account: system('fees'), asset: BASE, available: 2n, held: 0n },
      { account: system('fees'), asset: QUOTE, available: 190n, held: 0n },
      { account: ann, asset: BASE, available: 1_998n, held: 0n },
      { account: ann, asset: QUOTE, available: 810_000n, held: 0n },
      { account: bob, asset: BASE, available: 3_000n, held: 0n },
      { account: bob, asset: QUOTE, available: 189_810n, held: 0n },
    ])
    assert.equal(journal.length, 2 * 2 + 2 * 5)
    assert.equal(fills.length, 2)
  })
}

function countsOnce(open: Open): void {
  it('gives the same rows however records and batches are cut, and whenever it restarts', async () => {
    for (const seed of [1, 2, 3]) {
      const straight = await open()
      const cut = await open()
      const draws = randomNumbers(seed * 1_000)
      await settle(straight.ledger, randomShard({ seed, steps: 300, frames: () => 0.99 }).log)
      const { log } = randomShard({ seed, steps: 300, frames: draws })
      for (let known = 1; known < log.records.length; known += 1 + Math.floor(draws() * 9)) {
        const upTo = { records: log.records.slice(0, known) } as LogWriter
        await settle(cut.ledger, upTo, riskOut, {
          batchEntriesMax: 1 + Math.floor(draws() * 30),
          checkpointsPerSum: 3,
        })
      }
      await settle(cut.ledger, log)
      assert.deepEqual(withoutSummed(await cut.rows()), withoutSummed(await straight.rows()))
    }
  })

  it('is fenced when a batch was applied before, and then changes nothing', async () => {
    const { ledger, rows } = await open()
    const batches = batchesOf(story().shard.log)
    for (const batch of batches) assert.equal(await ledger.apply(batch), 'applied')
    const before = await rows()
    for (const batch of batches) assert.equal(await ledger.apply(batch), 'fenced')
    assert.deepEqual(await rows(), before)
  })

  it('lets one of two writers win every batch', async () => {
    const { ledger, rows } = await open()
    const alone = await open()
    const { log } = randomShard({ seed: 5, steps: 200, frames: randomNumbers(5) })
    for (const batch of batchesOf(log, riskOut, { ...LIMITS, batchEntriesMax: 20 })) {
      const outcomes = await Promise.all([ledger.apply(batch), ledger.apply(batch)])
      assert.deepEqual(outcomes.toSorted(), ['applied', 'fenced'])
    }
    await settle(alone.ledger, log)
    assert.deepEqual(withoutSummed(await rows()), withoutSummed(await alone.rows()))
  })
}

function refuses(open: Open): void {
  it('refuses a change to an order that it does not have', async () => {
    const { ledger } = await open()
    const { shard, ann } = story()
    const id = shard.place({ account: ann, side: 'buy', price: 1, quantity: 1 })
    shard.close(id)
    shard.log.flush()
    const batches = batchesOf(shard.log, riskOut, { ...LIMITS, batchEntriesMax: 1 })
    for (const batch of batches.slice(0, -1)) await ledger.apply({ ...batch, orders: [] })
    for (const closing of batches.slice(-1))
      await assert.rejects(async () => ledger.apply(closing), LedgerError)
  })

  it('refuses a customer balance below zero', async () => {
    const { ledger } = await open()
    const { shard, ann } = story()
    shard.deposit(ann, QUOTE, -1_000_001n)
    shard.log.flush()
    await assert.rejects(async () => settle(ledger, shard.log), LedgerError)
  })

  it('finds a balance that was changed by hand, at the next sum', async () => {
    const { ledger, tamper } = await open()
    const { shard, ann } = story()
    await settle(ledger, shard.log)
    await tamper(ann, QUOTE, 1_000_001n)
    shard.checkpoint()
    shard.log.flush()
    await assert.rejects(async () => settle(ledger, shard.log), /balances differ|rows differ/)
  })
}

function copies(open: Open): void {
  it('copies balances and open orders as they are at a marker', async () => {
    const { ledger, rows } = await open()
    const { shard, ann, bob } = story()
    const buy = shard.place({ account: ann, side: 'buy', price: 100, quantity: 30 })
    shard.marker(9)
    const marked = shard.log.sequence
    shard.close(buy)
    shard.log.flush()
    await settle(ledger, shard.log)
    const external = systemAccount(0, 'external')
    const state = {
      sequence: marked,
      balances: [
        { account: external, asset: BASE, available: '-5000', held: '0' },
        { account: external, asset: QUOTE, available: '-1000000', held: '0' },
        { account: ann, asset: QUOTE, available: '997000', held: '3000' },
        { account: bob, asset: BASE, available: '5000', held: '0' },
      ],
      orders: [
        {
          orderId: buy,
          account: ann,
          symbol: SYMBOL,
          side: 'buy',
          price: 100,
          quantity: 30,
          remaining: 30,
          holdAsset: QUOTE,
          hold: '3000',
        },
      ],
    }
    assert.deepEqual((await rows()).cuts, [{ marker: 9, source: 'settlement:risk.out/0', state }])
  })

  it('keeps trades and symbol states of orders.out and counts them at a marker', async () => {
    const { ledger, rows } = await open()
    const log = new LogWriter({ kind: 'matching', shard: 0 })
    log.append({ type: 'symbolStateChanged', symbol: SYMBOL, state: 'trading' }, 1_000)
    for (const tradeId of [1, 2, 3]) log.append(trade(tradeId), 1_000 + tradeId)
    log.append(
      { type: 'level', symbol: SYMBOL, update: 1, side: 'buy', price: ticks(5), quantity: lots(6) },
      1_003,
    )
    log.append({ type: 'marker', marker: 4 }, 1_004)
    log.append(trade(4), 1_005)
    log.flush()
    await settle(ledger, log, ordersOut)
    const { trades, cuts } = await rows()
    assert.deepEqual(
      (trades as { tradedAt: number }[]).map(({ tradedAt }) => tradedAt),
      [1_001, 1_002, 1_003, 1_005],
    )
    assert.deepEqual(cuts, [
      {
        marker: 4,
        source: 'settlement:orders.out/0',
        state: { sequence: 6, symbols: [{ symbol: SYMBOL, trades: 3 }] },
      },
    ])
  })
}

const trade = (tradeId: number) =>
  ({
    type: 'trade',
    symbol: SYMBOL,
    tradeId,
    price: ticks(100),
    quantity: lots(tradeId),
    makerOrderId: 1,
    takerOrderId: 2,
    makerAccount: 16,
    takerAccount: 17,
    takerSide: 'sell',
  }) as const

/** Which checkpoints were summed depends on where a stream began. */
const withoutSummed = (rows: LedgerRows): LedgerRows => ({
  ...rows,
  checkpoints: rows.checkpoints.map((row) => ({ ...row, summed: false })),
})

const pick = (row: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)))
