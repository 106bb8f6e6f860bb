import type { Amount } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { Entry, EntryOf } from '@bourse/protocol/entries'
import type { Context, Machine, Segment, Topology } from '@bourse/protocol/shard'
import { moveFunds, openAccount } from './funds-commands.ts'
import { applyListingCommand, learn } from './listing-commands.ts'
import { cancelAll, cancelOrder, continueMassCancels, placeOrder } from './order-commands.ts'
import { applyClosed, applyFill, applyRested } from './order-reports.ts'
import { answer, RISK_LIMITS, RiskState, type RiskLimits } from './risk-state.ts'

/** A risk shard's rows at a reconciliation's marker. */
export type RiskCut = {
  readonly balances: readonly { account: number; asset: number; available: Amount; held: Amount }[]
  readonly orders: readonly {
    orderId: number
    account: number
    symbol: number
    side: 'buy' | 'sell'
    price: number
    remaining: number
    hold: Amount
  }[]
}

/** Balances, holds and command ids of one shard of accounts: the authority for spendable funds. */
export class RiskMachine implements Machine {
  readonly kind = 'risk'
  readonly #state: RiskState

  constructor(state: RiskState) {
    this.#state = state
  }

  static create(shard: number, topology: Topology, limits: RiskLimits = RISK_LIMITS): RiskMachine {
    return new RiskMachine(new RiskState(shard, topology, limits))
  }

  static decode(
    reader: ByteReader,
    shard: number,
    topology: Topology,
    segments: readonly Segment[],
    limits: RiskLimits = RISK_LIMITS,
  ): RiskMachine {
    return new RiskMachine(RiskState.decode(reader, { shard, topology, segments, limits }))
  }

  /** Open orders and command ids in memory, for the metrics. */
  get sizes(): { readonly accounts: number; readonly openOrders: number; readonly commandIds: number } {
    const { accounts, orders, ids } = this.#state
    return { accounts: accounts.size, openOrders: orders.size, commandIds: ids.count }
  }

  /** Ticks applied so far: the next tick to be written is one more. */
  get ticks(): number {
    return this.#state.ticks
  }

  apply(entry: Entry, context: Context): void {
    if (context.source.kind === 'gateway') this.#command(entry, context)
    else this.#fact(entry, context)
    continueMassCancels(this.#state, context)
  }

  encode(writer: ByteWriter): void {
    this.#state.encode(writer)
  }

  segments(): readonly Segment[] {
    return this.#state.ids.segments()
  }

  cut(): RiskCut {
    const orders = [...this.#state.orders.values()]
    return {
      balances: [...this.#state.balances.rows()],
      orders: orders.map(({ orderId, account, symbol, side, price, remaining, hold }) => {
        return { orderId, account, symbol, side, price, remaining, hold }
      }),
    }
  }

  /** What gateways write. Anything else from a gateway does nothing: only shards state facts. */
  #command(entry: Entry, context: Context): void {
    switch (entry.type) {
      case 'placeOrder':
        return placeOrder(this.#state, entry, context)
      case 'cancelOrder':
        return cancelOrder(this.#state, entry, context)
      case 'cancelAll':
        return cancelAll(this.#state, entry, context)
      case 'openAccount':
        return openAccount(this.#state, entry, context)
      case 'deposit':
      case 'withdraw':
        return moveFunds(this.#state, entry, context)
      case 'listAsset':
      case 'listSymbol':
      case 'setSymbolState':
      case 'setFees':
        return applyListingCommand(this.#state, entry, context)
      case 'ping':
        return answer(context, entry, {})
      case 'tick':
        return this.#tick(entry, context)
      default:
        return undefined
    }
  }

  /** What shards write. An unknown fact is a newer version's, and a shard that skipped it would be wrong: it stops. */
  #fact(entry: Entry, context: Context): void {
    switch (entry.type) {
      case 'fill':
        return applyFill(this.#state, entry, context)
      case 'rested':
        return applyRested(this.#state, entry, context)
      case 'closed':
        return applyClosed(this.#state, entry, context)
      case 'assetListed':
      case 'symbolListed':
      case 'feesChanged':
        return learn(this.#state, entry, context)
      case 'symbolStateChanged':
        return this.#state.registry.setState(entry.symbol, entry.state)
      default:
        throw new Error(
          `a risk shard cannot apply ${entry.type} from ${context.source.kind}/${context.source.shard}`,
        )
    }
  }

  #tick({ number }: EntryOf<'tick'>, context: Context): void {
    const state = this.#state
    if (number !== state.ticks + 1) return
    state.ticks = number
    const forgotten = state.ids.tick()
    if (forgotten !== undefined) this.#keepIdsOfOpenOrders(forgotten)
    if (number % state.limits.ticksPerCheckpoint !== 0) return
    const totals = state.balances.totals()
    context.send(state.facts, { type: 'checkpoint', totals, openOrders: state.orders.size })
  }

  #keepIdsOfOpenOrders(forgotten: number): void {
    const { ids, orders } = this.#state
    for (const order of orders.values()) {
      if (order.idSegment > forgotten) continue
      ids.add(order.account, order.idKey, { content: order.idContent, number: order.orderId, refusal: 0 })
      order.idSegment = ids.segment
    }
  }
}
