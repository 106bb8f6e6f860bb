import { shardOfAccount } from '@bourse/domain/ids'
import { refusalCodes, type RefusalCode } from '@bourse/domain/refusals'
import { invariant, unreachable } from '@bourse/domain/result'
import { lots, type Lots, type Ticks } from '@bourse/domain/units'
import { MalformedError, type ByteReader, type ByteWriter } from '@bourse/protocol/bytes'
import type { Entry, EntryOf, Side, SymbolState } from '@bourse/protocol/entries'
import type { Context, Machine, Segment, Topology } from '@bourse/protocol/shard'
import type { Destination } from '@bourse/protocol/streams'
import type { Execution } from './execution.ts'
import { MatchedSymbol } from './symbol.ts'

const MATCHING_FORMAT = 1
/** A closed order's reason where it was done: its budget is used up. */
const DONE = 0

type Order = EntryOf<'order'>
/** What every entry about an order repeats of it. */
type OrderKey = Pick<Order, 'orderId' | 'account' | 'symbol' | 'createdAt'>

/** What a reconciliation compares: every resting order, in the order of its book, and every symbol. Plain data. */
export type MatchingCut = {
  readonly orders: readonly {
    readonly orderId: number
    readonly account: number
    readonly symbol: number
    readonly side: Side
    /** In ticks. */
    readonly price: number
    /** In lots. */
    readonly remaining: number
  }[]
  readonly symbols: readonly {
    readonly symbol: number
    readonly state: SymbolState
    /** Trades so far. */
    readonly trades: number
    /** Lots traded so far, in decimal: the sum outgrows 2^53. */
    readonly volumeLots: string
  }[]
}

/**
 * One shard of matching: the books of the symbols listed in its partition. It is told of symbols, orders and cancels by
 * risk shards only, and tells them what it decided about their accounts' orders; trades and levels go to `orders.out`.
 */
export class MatchingMachine implements Machine {
  readonly kind = 'matching'
  readonly #shard: number
  readonly #riskShards: readonly Destination[]
  readonly #out: Destination
  readonly #symbols = new Map<number, MatchedSymbol>()

  private constructor(shard: number, { riskShards }: Topology) {
    this.#shard = shard
    this.#riskShards = Array.from({ length: riskShards }, (_, partition) => ({ topic: 'risk.in', partition }))
    this.#out = { topic: 'orders.out', partition: shard }
  }

  static create(shard: number, topology: Topology): MatchingMachine {
    return new MatchingMachine(shard, topology)
  }

  /** Throws on whatever must never reach it: then the sender or the log is wrong, and going on would make it worse. */
  apply(entry: Entry, context: Context): void {
    invariant(context.source.kind === 'risk', 'only risk shards write to matching')
    switch (entry.type) {
      case 'order':
        return this.#order(entry, context)
      case 'cancel':
        return this.#cancel(entry, context)
      case 'symbolListed':
        return this.#list(entry, context)
      case 'symbolStateChanged':
        return this.#changeState(entry, context)
      default:
        throw new Error(`invariant broken: ${entry.type} is no entry for matching`)
    }
  }

  encode(writer: ByteWriter): void {
    writer.u8(MATCHING_FORMAT)
    writer.u16(this.#symbols.size)
    for (const symbol of this.#symbols.values()) symbol.encode(writer)
  }

  static decode(reader: ByteReader, shard: number, topology: Topology): MatchingMachine {
    const at = reader.position
    const format = reader.u8()
    if (format !== MATCHING_FORMAT) throw new MalformedError(`matching state of format ${format}`, at)
    const machine = new MatchingMachine(shard, topology)
    for (let symbols = reader.u16(); symbols > 0; symbols--) {
      const symbol = MatchedSymbol.decode(reader)
      machine.#symbols.set(symbol.listing.symbol, symbol)
    }
    return machine
  }

  cut(): MatchingCut {
    const orders: MatchingCut['orders'][number][] = []
    const symbols: MatchingCut['symbols'][number][] = []
    for (const [symbol, { state, trades, volume, book }] of this.#symbols) {
      symbols.push({ symbol, state, trades, volumeLots: volume.toString() })
      for (const side of ['buy', 'sell'] as const) {
        for (const { orderId, account, price, remaining } of book.orders(side)) {
          orders.push({ orderId, account, symbol, side, price, remaining })
        }
      }
    }
    return { orders, symbols }
  }

  /** Every part of a book may change with the next command. */
  segments(): readonly Segment[] {
    return []
  }

  #list({ listing, riskShards }: EntryOf<'symbolListed'>, context: Context): void {
    invariant(riskShards === this.#riskShards.length, `a symbol for ${riskShards} risk shards`)
    invariant(
      listing.partition === this.#shard,
      `symbol ${listing.symbol} belongs to partition ${listing.partition}`,
    )
    let symbol = this.#symbols.get(listing.symbol)
    if (symbol === undefined) {
      symbol = new MatchedSymbol(
        listing,
        this.#riskShards.map(({ partition }) => partition),
      )
      this.#symbols.set(listing.symbol, symbol)
      context.send(this.#out, { type: 'symbolListed', listing, riskShards })
    }
    if (symbol.confirm(context.source.shard, listing)) this.#enter(symbol, symbol.stateAfterOpening, context)
  }

  #changeState({ symbol: number, state }: EntryOf<'symbolStateChanged'>, context: Context): void {
    invariant(context.source.shard === 0, `risk shard ${context.source.shard} changes a symbol's state`)
    invariant(state !== 'opening', 'a symbol opens once')
    const symbol = this.#symbol(number)
    symbol.stateAfterOpening = state
    if (symbol.state !== 'opening') this.#enter(symbol, state, context)
  }

  #enter(symbol: MatchedSymbol, state: SymbolState, context: Context): void {
    symbol.state = state
    const entry = { type: 'symbolStateChanged', symbol: symbol.listing.symbol, state } as const
    for (const risk of this.#riskShards) context.send(risk, entry)
    context.send(this.#out, entry)
  }

  #order(order: Order, context: Context): void {
    const symbol = this.#symbol(order.symbol)
    invariant(shardOfAccount(order.account) === context.source.shard, "an order of another shard's account")
    const refusal = refusalOf(order, symbol, context.appendedAt)
    if (refusal !== undefined) return this.#close(order, order.quantity, refusalCodes[refusal], context)
    const execution = symbol.book.place(order, limitOf(order, symbol))
    if (execution.fills > 0) this.#reportFills(order, symbol, execution, context)
    this.#reportEnd(order, execution, context)
    this.#reportLevels(symbol, execution, context)
  }

  #cancel({ orderId, account, symbol: number }: EntryOf<'cancel'>, context: Context): void {
    const symbol = this.#symbol(number)
    const execution = symbol.book.cancel(orderId, account)
    // Closed before: risk learns so from the entry that closed it.
    if (execution === undefined) return
    this.#reportEnd({ orderId, account, symbol: number, createdAt: execution.createdAt }, execution, context)
    this.#reportLevels(symbol, execution, context)
  }

  /** Per fill: the trade for everybody, then the maker's part and the taker's part for their shards. */
  #reportFills(taker: Order, symbol: MatchedSymbol, execution: Execution, context: Context): void {
    const { orderId: takerOrderId, account: takerAccount, side: takerSide, createdAt } = taker
    let volume = 0n
    for (let i = 0; i < execution.fills; i++) {
      const makerOrderId = execution.makerOrderId(i)
      const makerAccount = execution.makerAccount(i)
      const makerRemaining = execution.makerRemaining(i)
      const quantity = execution.quantity(i)
      const shared = { symbol: taker.symbol, tradeId: ++symbol.trades, price: execution.price(i), quantity }
      volume += BigInt(quantity)
      context.send(this.#out, {
        type: 'trade',
        ...shared,
        makerOrderId,
        takerOrderId,
        makerAccount,
        takerAccount,
        takerSide,
      })
      context.send(this.#shardOf(makerAccount), {
        type: 'fill',
        orderId: makerOrderId,
        account: makerAccount,
        createdAt: execution.makerCreatedAt(i),
        ...shared,
        role: 'maker',
        remaining: makerRemaining,
        budget: 0,
        filled: makerRemaining === 0,
        last: true,
      })
      const remaining = execution.takerRemaining(i)
      const filled = taker.quantity > 0 && remaining === 0
      const budget = execution.takerBudget(i)
      context.send(this.#shardOf(takerAccount), {
        type: 'fill',
        orderId: takerOrderId,
        account: takerAccount,
        createdAt,
        ...shared,
        role: 'taker',
        remaining,
        budget,
        filled,
        last: filled,
      })
    }
    symbol.volume += volume
  }

  /** What ends the report on an order, unless its last fill has said so. */
  #reportEnd(order: OrderKey, execution: Execution, context: Context): void {
    const { outcome } = execution
    const remaining = lots(execution.remaining)
    switch (outcome) {
      case 'filled':
        return
      case 'rested':
        context.send(this.#shardOf(order.account), { type: 'rested', ...keyOf(order), remaining })
        return
      case 'spent':
        return this.#close(order, remaining, DONE, context)
      case 'no_liquidity':
      case 'would_trade':
      case 'not_filled_whole':
      case 'limit_reached':
      case 'cancelled':
        return this.#close(order, remaining, refusalCodes[outcome], context)
      default:
        return unreachable(outcome)
    }
  }

  #reportLevels(symbol: MatchedSymbol, execution: Execution, context: Context): void {
    for (let i = 0; i < execution.levels; i++) {
      context.send(this.#out, {
        type: 'level',
        symbol: symbol.listing.symbol,
        update: ++symbol.levelUpdates,
        side: execution.levelSide(i),
        price: execution.levelPrice(i),
        quantity: execution.levelQuantity(i),
      })
    }
  }

  #close(order: OrderKey, remaining: Lots, reason: number, context: Context): void {
    context.send(this.#shardOf(order.account), { type: 'closed', ...keyOf(order), remaining, reason })
  }

  #symbol(number: number): MatchedSymbol {
    const symbol = this.#symbols.get(number)
    invariant(symbol !== undefined, 'a symbol that is not listed here')
    return symbol
  }

  #shardOf(account: number): Destination {
    const destination = this.#riskShards[shardOfAccount(account)]
    invariant(destination !== undefined, 'an account of no risk shard')
    return destination
  }
}

/** Why an order does not reach the book, in order of precedence. */
function refusalOf(order: Order, symbol: MatchedSymbol, appendedAt: number): RefusalCode | undefined {
  if (order.deadline > 0 && appendedAt > order.deadline) return 'expired'
  if (symbol.state === 'opening' || symbol.state === 'halted') return 'halted'
  if (symbol.state === 'cancel_only') return 'cancel_only'
  const outsideBand = order.price < symbol.bandLow || order.price > symbol.bandHigh
  return order.kind === 'limit' && outsideBand ? 'price_band' : undefined
}

/** The worst price at which an order may trade: its own, or the band's edge for a market order. */
function limitOf(order: Order, symbol: MatchedSymbol): Ticks {
  if (order.kind === 'limit') return order.price
  return order.side === 'buy' ? symbol.bandHigh : symbol.bandLow
}

const keyOf = ({ orderId, account, symbol, createdAt }: OrderKey): OrderKey => ({
  orderId,
  account,
  symbol,
  createdAt,
})
