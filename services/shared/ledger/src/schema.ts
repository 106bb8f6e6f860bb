import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'

/**
 * What PostgreSQL holds: the book of record, written by settlement from the log, and the engines' snapshots.
 *
 * Times are log time in milliseconds. Prices are ticks, quantities lots, amounts an asset's smallest unit. `sequence` is
 * an entry's number in the stream of its partition: with the partition it names the entry for ever. No foreign key
 * crosses two streams, for one may be ahead of the other.
 *
 * `orders`, `trades`, `fills`, `journal` and `checkpoints` grow for ever: they are partitioned by the month of the time
 * in their key, which a migration adds, as drizzle cannot say it (see partitions.ts).
 */

export const side = pgEnum('side', ['buy', 'sell'])
export const orderKind = pgEnum('order_kind', ['limit', 'market'])
export const timeInForce = pgEnum('time_in_force', ['gtc', 'ioc', 'fok'])
export const orderStatus = pgEnum('order_status', ['open', 'filled', 'closed'])
export const role = pgEnum('role', ['maker', 'taker'])
export const symbolState = pgEnum('symbol_state', ['opening', 'trading', 'halted', 'cancel_only'])
export const postingKind = pgEnum('posting_kind', ['deposit', 'withdrawal', 'fill'])

/** A safe integer: ids, ticks, lots, sequences, offsets, milliseconds. */
const safe = (name: string) => bigint(name, { mode: 'number' })
/** Up to 2^126 in magnitude. */
const amount = (name: string) => numeric(name, { precision: 40, scale: 0, mode: 'bigint' })
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const assets = pgTable('assets', {
  asset: integer('asset').primaryKey(),
  code: text('code').notNull().unique(),
  scale: smallint('scale').notNull(),
})

/** Listings, as risk's shard 0 wrote them. Their states come from matching: see `symbolStates`. */
export const symbols = pgTable('symbols', {
  symbol: integer('symbol').primaryKey(),
  name: text('name').notNull().unique(),
  base: integer('base').notNull(),
  quote: integer('quote').notNull(),
  tickDecimals: smallint('tick_decimals').notNull(),
  lotDecimals: smallint('lot_decimals').notNull(),
  minLots: safe('min_lots').notNull(),
  maxLots: safe('max_lots').notNull(),
  /** Ticks × lots. */
  minNotional: safe('min_notional').notNull(),
  makerFeePpm: integer('maker_fee_ppm').notNull(),
  takerFeePpm: integer('taker_fee_ppm').notNull(),
  referencePrice: safe('reference_price').notNull(),
  bandPpm: safe('band_ppm').notNull(),
  /** Of `orders.in` and `orders.out`. */
  partition: integer('partition').notNull(),
})

export const symbolStates = pgTable('symbol_states', {
  symbol: integer('symbol').primaryKey(),
  partition: integer('partition').notNull(),
  state: symbolState('state').notNull(),
  changedAt: safe('changed_at').notNull(),
})

export const accounts = pgTable('accounts', {
  account: safe('account').primaryKey(),
  owner: text('owner').notNull().unique(),
  openedAt: safe('opened_at').notNull(),
})

/** Available + held is the sum of the account's journal; held is the sum of what its open orders hold. */
export const balances = pgTable(
  'balances',
  {
    account: safe('account').notNull(),
    asset: integer('asset').notNull(),
    available: amount('available').notNull(),
    held: amount('held').notNull(),
  },
  ({ account, asset }) => [primaryKey({ columns: [account, asset] })],
)

/** One row per accepted order; nothing that changes while it is open is indexed, so that most updates stay in their page. */
export const orders = pgTable(
  'orders',
  {
    orderId: safe('order_id').notNull(),
    createdAt: safe('created_at').notNull(),
    account: safe('account').notNull(),
    symbol: integer('symbol').notNull(),
    commandId: text('command_id').notNull(),
    side: side('side').notNull(),
    kind: orderKind('kind').notNull(),
    timeInForce: timeInForce('time_in_force').notNull(),
    postOnly: boolean('post_only').notNull(),
    /** 0 for a market order. */
    price: safe('price').notNull(),
    /** 0 for a market order by funds. */
    quantity: safe('quantity').notNull(),
    /** Of the quote asset, for a market order by funds; else 0. */
    funds: amount('funds').notNull(),
    remaining: safe('remaining').notNull(),
    filledQuantity: safe('filled_quantity').notNull(),
    filledQuote: amount('filled_quote').notNull(),
    /** In the asset that the order receives. */
    fee: amount('fee').notNull(),
    holdAsset: integer('hold_asset').notNull(),
    /** What is held for the order now. */
    hold: amount('hold').notNull(),
    status: orderStatus('status').notNull(),
    /** Why it was closed: a refusal's number. */
    reason: smallint('reason'),
    updatedAt: safe('updated_at').notNull(),
    /** In risk.out, of the last entry about this order. The id names the partition. */
    sequence: safe('sequence').notNull(),
  },
  ({ orderId, createdAt, account, commandId, status }) => [
    primaryKey({ columns: [orderId, createdAt] }),
    index('orders_account').on(account, orderId),
    index('orders_command').on(account, commandId),
    index('orders_open')
      .on(account, orderId)
      .where(sql`${status} = 'open'`),
  ],
)

/** One side of a trade, with what it cost its order. */
export const fills = pgTable(
  'fills',
  {
    orderId: safe('order_id').notNull(),
    tradeId: safe('trade_id').notNull(),
    filledAt: safe('filled_at').notNull(),
    account: safe('account').notNull(),
    symbol: integer('symbol').notNull(),
    side: side('side').notNull(),
    role: role('role').notNull(),
    price: safe('price').notNull(),
    quantity: safe('quantity').notNull(),
    feeAsset: integer('fee_asset').notNull(),
    fee: amount('fee').notNull(),
    /** In risk.out: the journal's legs with this sequence belong to this fill. */
    sequence: safe('sequence').notNull(),
  },
  ({ orderId, tradeId, filledAt, account }) => [
    primaryKey({ columns: [orderId, tradeId, filledAt] }),
    index('fills_account').on(account, filledAt),
  ],
)

/** As matching saw them; `tradeId` counts a symbol's trades from 1 without a gap. */
export const trades = pgTable(
  'trades',
  {
    symbol: integer('symbol').notNull(),
    tradeId: safe('trade_id').notNull(),
    tradedAt: safe('traded_at').notNull(),
    price: safe('price').notNull(),
    quantity: safe('quantity').notNull(),
    makerOrderId: safe('maker_order_id').notNull(),
    takerOrderId: safe('taker_order_id').notNull(),
    makerAccount: safe('maker_account').notNull(),
    takerAccount: safe('taker_account').notNull(),
    takerSide: side('taker_side').notNull(),
  },
  ({ symbol, tradeId, tradedAt }) => [primaryKey({ columns: [symbol, tradeId, tradedAt] })],
)

/** Double entry: one row per leg, never changed. The legs of one sequence sum to zero per asset. */
export const journal = pgTable(
  'journal',
  {
    /** Partition of risk.out. */
    shard: smallint('shard').notNull(),
    sequence: safe('sequence').notNull(),
    leg: smallint('leg').notNull(),
    postedAt: safe('posted_at').notNull(),
    kind: postingKind('kind').notNull(),
    account: safe('account').notNull(),
    asset: integer('asset').notNull(),
    amount: amount('amount').notNull(),
    /** The command's id, for a deposit or a withdrawal. */
    reference: text('reference'),
  },
  ({ shard, sequence, leg, postedAt }) => [primaryKey({ columns: [shard, sequence, leg, postedAt] })],
)

/** What risk said a shard's sums were, and settlement found to be true. */
export const checkpoints = pgTable(
  'checkpoints',
  {
    shard: smallint('shard').notNull(),
    sequence: safe('sequence').notNull(),
    checkedAt: safe('checked_at').notNull(),
    openOrders: safe('open_orders').notNull(),
    /** `{"asset": ["available", "held"]}`. */
    totals: jsonb('totals').$type<StoredTotals>().notNull(),
    /** Compared with the sum of all rows too, not only with the running totals. */
    summed: boolean('summed').notNull(),
  },
  ({ shard, sequence, checkedAt }) => [primaryKey({ columns: [shard, sequence, checkedAt] })],
)

/** Per asset: available and held, as decimal strings. */
export type StoredTotals = Readonly<Record<string, readonly [available: string, held: string]>>

/** How far settlement has come in each partition that it reads. Written first in every transaction: it is the fence. */
export const offsets = pgTable(
  'offsets',
  {
    topic: text('topic').notNull(),
    partition: integer('partition').notNull(),
    /** Name of the log, from its genesis entry; empty before it was read. */
    log: text('log').notNull().default(''),
    epoch: integer('epoch').notNull().default(1),
    nextOffset: safe('next_offset').notNull().default(0),
    /** Hash of the record before `nextOffset`. */
    lastRecord: text('last_record').notNull().default('0000000000000000'),
    /** Every entry up to this one is in the tables: what a reader waits for. */
    lastSequence: safe('last_sequence').notNull().default(0),
    lastHash: text('last_hash').notNull().default('0000000000000000'),
    /** Log time of that entry. */
    lastTime: safe('last_time').notNull().default(0),
    /** Running sums of the shard's balances (risk.out only). */
    totals: jsonb('totals').$type<StoredTotals>().notNull().default({}),
    openOrders: safe('open_orders').notNull().default(0),
  },
  ({ topic, partition }) => [primaryKey({ columns: [topic, partition] })],
)

/** Reconciliation: one source's state at a marker. `settlement:risk.out/0`, `risk/0`, `matching/0`; see cuts.ts. */
export const cuts = pgTable(
  'cuts',
  {
    marker: safe('marker').notNull(),
    source: text('source').notNull(),
    state: jsonb('state').notNull(),
    takenAt: timestamp('taken_at', { withTimezone: true }).notNull().defaultNow(),
  },
  ({ marker, source }) => [primaryKey({ columns: [marker, source] })],
)

export const machine = pgEnum('machine', ['risk', 'matching'])

/** An engine's state as of `logOffset`, the next offset to read. */
export const snapshots = pgTable(
  'snapshots',
  {
    machine: machine('machine').notNull(),
    shard: smallint('shard').notNull(),
    logOffset: safe('log_offset').notNull(),
    /** Hash of the record before `logOffset`. */
    lastRecord: text('last_record').notNull(),
    log: text('log').notNull(),
    state: bytes('state').notNull(),
    hash: text('hash').notNull(),
    /** Parts of the state that are stored once, in `snapshot_segments`. */
    segments: jsonb('segments').$type<readonly { id: number; hash: string }[]>().notNull().default([]),
    /** Last sequence per stream. */
    read: jsonb('read').$type<Readonly<Record<string, number>>>().notNull(),
    written: jsonb('written').$type<Readonly<Record<string, number>>>().notNull(),
    takenAt: timestamp('taken_at', { withTimezone: true }).notNull().defaultNow(),
  },
  ({ machine, shard, logOffset }) => [primaryKey({ columns: [machine, shard, logOffset] })],
)

/** Parts of a state that never change any more: stored once, then only referenced. */
export const snapshotSegments = pgTable(
  'snapshot_segments',
  {
    machine: machine('machine').notNull(),
    shard: smallint('shard').notNull(),
    id: safe('id').notNull(),
    hash: text('hash').notNull(),
    body: bytes('body').notNull(),
  },
  ({ machine, shard, id }) => [primaryKey({ columns: [machine, shard, id] })],
)

/** How far `bourse cut` has come with copied inputs: where it goes on. The newest are kept; see the operator. */
export const cutPositions = pgTable('cut_positions', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  state: bytes('state').notNull(),
  hash: text('hash').notNull(),
  /** The next epoch was begun at this one. */
  opened: boolean('opened').notNull().default(false),
  takenAt: timestamp('taken_at', { withTimezone: true }).notNull().defaultNow(),
})

/** Where market-data begins again: books and last trades of one partition of `orders.out`. */
export const marketDataCheckpoints = pgTable(
  'market_data_checkpoints',
  {
    topic: text('topic').notNull(),
    partition: integer('partition').notNull(),
    /** Name of the log, from its genesis entry. */
    log: text('log').notNull(),
    epoch: integer('epoch').notNull(),
    nextOffset: safe('next_offset').notNull(),
    /** Hash of the record before `nextOffset`. */
    lastRecord: text('last_record').notNull(),
    lastSequence: safe('last_sequence').notNull(),
    lastHash: text('last_hash').notNull(),
    state: bytes('state').notNull(),
    stateHash: text('state_hash').notNull(),
    takenAt: timestamp('taken_at', { withTimezone: true }).notNull().defaultNow(),
  },
  ({ topic, partition }) => [primaryKey({ columns: [topic, partition] })],
)

/** Reconciliations that compared everything, by the marker of their cut. */
export const reconciliations = pgTable('reconciliations', {
  marker: safe('marker').primaryKey(),
  finishedAt: timestamp('finished_at', { withTimezone: true }).notNull().defaultNow(),
  differences: integer('differences').notNull(),
  /** What was compared, each with its rows and its first differences. */
  comparisons: jsonb('comparisons').notNull(),
})
