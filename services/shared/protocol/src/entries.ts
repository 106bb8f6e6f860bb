import { MalformedError, type ByteReader, type ByteWriter } from './bytes.ts'
import {
  amount,
  flag,
  list,
  oneOf,
  optional,
  price,
  quantity,
  record,
  safe,
  text,
  u16,
  u32,
  u8,
  type Field,
  type RecordOf,
  type Shape,
  type ValueOf,
} from './schema.ts'

/**
 * Everything that is ever written to the log. A kind's number and the order of its fields are for ever; new fields
 * come with a new kind. Units: prices in ticks, quantities in lots, `budget` and `minNotional` in ticks × lots,
 * amounts in an asset's smallest unit, times in milliseconds of log time.
 */

export const COMMAND_ID_BYTES_MAX = 128
export const FILLS_PER_REPLY_MAX = 500
const TOTALS_MAX = 4096
const LEGS_MAX = 16

/** Where the answer to a command goes: a partition of `replies`, the gateway's instance, its request. */
const address = record({ partition: u16, instance: u32, request: u32 })
export type ReplyAddress = ValueOf<typeof address>

const side = oneOf('buy', 'sell')
export type Side = ValueOf<typeof side>
const kind = oneOf('limit', 'market')
export type OrderKind = ValueOf<typeof kind>
const timeInForce = oneOf('gtc', 'ioc', 'fok')
export type TimeInForce = ValueOf<typeof timeInForce>
const symbolState = oneOf('opening', 'trading', 'halted', 'cancel_only')
export type SymbolState = ValueOf<typeof symbolState>
const role = oneOf('maker', 'taker')
export type Role = ValueOf<typeof role>
const orderStatus = oneOf('open', 'filled', 'closed')
export type OrderStatus = ValueOf<typeof orderStatus>
const asset = record({ asset: u16, code: text(16), scale: u8 })
const listing = record({
  symbol: u16,
  name: text(32),
  base: asset,
  quote: asset,
  tickDecimals: u8,
  lotDecimals: u8,
  minLots: quantity,
  maxLots: quantity,
  minNotional: safe,
  makerFeePpm: u32,
  takerFeePpm: u32,
  referencePrice: price,
  bandPpm: u32,
  partition: u16,
})
/** One line of a posting: `amount` is added to the account's balance of the asset. A posting's lines sum to zero per asset. */
const leg = record({ account: u32, asset: u16, amount })
export type Leg = ValueOf<typeof leg>
/** An asset's sums over the customers of one shard. (With the exchange's own accounts every posting would sum to zero.) */
const total = record({ asset: u16, available: amount, held: amount })
export type Total = ValueOf<typeof total>
const fillReport = record({ tradeId: safe, price, quantity })

const commandId = text(COMMAND_ID_BYTES_MAX)
/** A command's id is unique for its account; `deadline` 0 means none. Neither deadline nor address is content. */
const command = { account: u32, commandId, deadline: safe, replyTo: address } as const
/** What every entry about an order carries. `createdAt` is the log time of its acceptance: with the id it is the row's key. */
const orderKey = { orderId: safe, account: u32, symbol: u16, createdAt: safe } as const

const kinds = {
  // Written by gateways into risk.in.
  openAccount: [1, { owner: text(COMMAND_ID_BYTES_MAX), replyTo: address }],
  deposit: [2, { ...command, asset: u16, amount }],
  withdraw: [3, { ...command, asset: u16, amount }],
  /** A market order names `quantity` or, spending or earning at most that much of the quote asset, `funds`. */
  placeOrder: [
    4,
    {
      ...command,
      symbol: u16,
      side,
      kind,
      timeInForce,
      postOnly: flag,
      price,
      quantity,
      funds: amount,
      /** Answer with the fills, once matching has spoken, and not at acceptance. */
      wantResult: flag,
    },
  ],
  cancelOrder: [5, { ...command, orderId: safe, wantResult: flag }],
  /** Symbol 0 means every symbol. */
  cancelAll: [6, { ...command, symbol: u16 }],
  /** Asks for the shard's log time and version. */
  ping: [7, { replyTo: address }],
  /** Written into every risk.in at a steady interval; a number that is not the next one does nothing. */
  tick: [8, { number: safe }],
  /** A reconciliation's cut (Chandy and Lamport, 1985): first into every risk.in, then by every shard on every stream. */
  marker: [9, { marker: safe }],

  // Operators' commands, into risk.in of shard 0.
  listAsset: [10, { commandId, code: text(16), scale: u8, replyTo: address }],
  listSymbol: [11, { commandId, listing, replyTo: address }],
  setSymbolState: [12, { commandId, symbol: u16, state: symbolState, replyTo: address }],
  setFees: [13, { commandId, symbol: u16, makerFeePpm: u32, takerFeePpm: u32, replyTo: address }],
  /** Recovery in another region: every shard that hears of it first passes it on, on every stream, as the first entry of the epoch. */
  epoch: [14, { epoch: u32 }],

  // Facts that shard 0 forwards to the other risk shards, risk to matching, and both to readers.
  assetListed: [20, { asset }],
  /** In orders.in: the sending risk shard knows the symbol; its book opens when all of `riskShards` have said so. */
  symbolListed: [21, { listing, riskShards: u16 }],
  feesChanged: [22, { symbol: u16, makerFeePpm: u32, takerFeePpm: u32 }],
  symbolStateChanged: [23, { symbol: u16, state: symbolState }],

  // Risk to matching.
  /** `budget` bounds price × quantity of a market order; a market order by funds has quantity 0 when it buys. */
  order: [
    30,
    {
      ...orderKey,
      side,
      kind,
      timeInForce,
      postOnly: flag,
      price,
      quantity,
      budget: safe,
      deadline: safe,
    },
  ],
  cancel: [31, { orderId: safe, account: u32, symbol: u16 }],

  // Matching to risk: what it decided about one account's order. An order's entries end with `last`.
  fill: [
    40,
    {
      ...orderKey,
      tradeId: safe,
      price,
      quantity,
      role,
      /** Lots still to be filled; 0 for a market buy by funds. */
      remaining: quantity,
      /** What is left of a market order's budget. */
      budget: safe,
      /** The order is done: nothing of it remains. */
      filled: flag,
      last: flag,
    },
  ],
  rested: [41, { ...orderKey, remaining: quantity }],
  closed: [42, { ...orderKey, remaining: quantity, reason: u8 }],

  // Risk's facts, in risk.out.
  accountOpened: [50, { account: u32, owner: text(COMMAND_ID_BYTES_MAX) }],
  /** Money that came or went: `legs` balance; `kind` says why, `reference` is the command's id. */
  posting: [
    51,
    { kind: oneOf('deposit', 'withdrawal'), account: u32, reference: commandId, legs: list(leg, LEGS_MAX) },
  ],
  orderAccepted: [
    52,
    {
      ...orderKey,
      commandId,
      side,
      kind,
      timeInForce,
      postOnly: flag,
      price,
      quantity,
      funds: amount,
      holdAsset: u16,
      /** Moved from available to held. */
      hold: amount,
    },
  ],
  /** One fill of one order: `released` moved from held to available, then `legs` were posted. Sums are the order's so far. */
  orderFilled: [
    53,
    {
      ...orderKey,
      side,
      tradeId: safe,
      price,
      quantity,
      role,
      remaining: quantity,
      filledQuantity: quantity,
      filledQuote: amount,
      status: orderStatus,
      holdAsset: u16,
      released: amount,
      feeAsset: u16,
      fee: amount,
      legs: list(leg, LEGS_MAX),
    },
  ],
  orderClosed: [54, { ...orderKey, remaining: quantity, reason: u8, holdAsset: u16, released: amount }],
  /** The shard's sums when this entry was written: settlement's must be the same here. */
  checkpoint: [55, { totals: list(total, TOTALS_MAX), openOrders: safe }],

  // Matching's facts, in orders.out.
  trade: [
    60,
    {
      symbol: u16,
      tradeId: safe,
      price,
      quantity,
      makerOrderId: safe,
      takerOrderId: safe,
      makerAccount: u32,
      takerAccount: u32,
      takerSide: side,
    },
  ],
  /** The quantity now resting at a price (0: none). `update` counts the symbol's level changes without a gap. */
  level: [61, { symbol: u16, update: safe, side, price, quantity }],

  // Risk's answers, in replies. Best effort: a lost answer is an unknown outcome, and asking again is safe.
  reply: [
    70,
    {
      instance: u32,
      request: u32,
      shard: u16,
      /** Sequence in risk.out up to which the answer's effects reach. */
      position: safe,
      /** 0: accepted; else a refusal's number. */
      refusal: u8,
      /** The command had been answered before; this is the first answer again. */
      repeated: flag,
      account: u32,
      orderId: safe,
      result: optional(
        record({
          status: orderStatus,
          reason: u8,
          filledQuantity: quantity,
          filledQuote: amount,
          fee: amount,
          remaining: quantity,
          fills: list(fillReport, FILLS_PER_REPLY_MAX),
        }),
      ),
    },
  ],

  /** The first entry of every partition: names the log, so that another one is never taken for it. */
  genesis: [80, { log: text(36) }],
} as const satisfies Readonly<Record<string, readonly [number, Shape]>>

type Kinds = typeof kinds
export type EntryType = keyof Kinds
export type EntryOf<Type extends EntryType> = { readonly type: Type } & RecordOf<Kinds[Type][1]>
export type Entry = { [Type in EntryType]: EntryOf<Type> }[EntryType]
export type OrderResult = NonNullable<EntryOf<'reply'>['result']>
export type WireListing = ValueOf<typeof listing>

const byType = new Map<string, { number: number; body: Field<unknown> }>()
const byNumber = new Map<number, { type: EntryType; body: Field<unknown> }>()
for (const [type, [number, shape]] of Object.entries(kinds) as [EntryType, readonly [number, Shape]][]) {
  const body = record(shape)
  byType.set(type, { number, body })
  byNumber.set(number, { type, body })
}

/** Writes an entry's kind and body. Throws a RangeError for a value outside its field's range: a bug of the caller. */
export function writeEntry(writer: ByteWriter, entry: Entry): void {
  const kind = byType.get(entry.type)
  if (kind === undefined) throw new RangeError(`no entry is of type ${entry.type}`)
  writer.u8(kind.number)
  kind.body.write(writer, entry)
}

/** Reads an entry's kind and body. Throws a MalformedError with the position of what does not fit. */
export function readEntry(reader: ByteReader): Entry {
  const number = reader.u8()
  const kind = byNumber.get(number)
  if (kind === undefined) throw new MalformedError(`unknown kind of entry ${number}`, reader.position - 1)
  return Object.assign({ type: kind.type }, kind.body.read(reader)) as Entry
}

/** Storage form of the parts that snapshots share with the log. */
export const stored = { listing, asset, address, side, kind, timeInForce, symbolState, fillReport }
