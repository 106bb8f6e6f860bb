import { CUSTOMER_FIRST, accountId, isCustomer, orderId, systemAccount } from '@bourse/domain/ids'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf, Leg, Side } from '@bourse/protocol/entries'
import { LogWriter } from './log-writer.ts'

export const BASE = 1
export const QUOTE = 2
export const SYMBOL = 7
const FEE_PPM = 1_000n

type OpenOrder = EntryOf<'orderAccepted'> & {
  left: number
  filled: number
  filledQuote: bigint
  hold: bigint
}

/**
 * A risk shard that does what a test tells it: it writes the entries that a real one would, and keeps sums of its own
 * for the checkpoints. One tick × lot is one unit of the quote asset, one lot one unit of the base asset.
 */
export class ScriptedShard {
  readonly shard: number
  readonly log: LogWriter
  readonly open = new Map<number, OpenOrder>()
  readonly accounts: number[] = []
  time: number
  readonly #sums = new Map<number, { available: bigint; held: bigint }>()
  #tradeId = 0

  constructor(shard = 0, time = Date.UTC(2026, 10, 21)) {
    this.shard = shard
    this.time = time
    this.log = new LogWriter({ kind: 'risk', shard })
  }

  openAccount(owner = `owner-${this.shard}-${this.accounts.length}`): number {
    const account = accountId(this.shard, CUSTOMER_FIRST + this.accounts.length)
    this.accounts.push(account)
    this.#write({ type: 'accountOpened', account, owner })
    return account
  }

  deposit(account: number, asset: number, amount: bigint): void {
    const legs = [
      { account: systemAccount(this.shard, 'external'), asset, amount: -amount },
      { account, asset, amount },
    ]
    this.#write({
      type: 'posting',
      kind: 'deposit',
      account,
      reference: `deposit "${this.log.sequence}", {x}`,
      legs,
    })
  }

  place({
    account,
    side,
    price,
    quantity,
  }: {
    account: number
    side: Side
    price: number
    quantity: number
  }): number {
    const id = orderId(this.shard, this.log.sequence + 1)
    const hold = side === 'buy' ? BigInt(price) * BigInt(quantity) : BigInt(quantity)
    const entry: EntryOf<'orderAccepted'> = {
      type: 'orderAccepted',
      orderId: id,
      account,
      symbol: SYMBOL,
      createdAt: this.time,
      commandId: `command-${id}`,
      side,
      kind: 'limit',
      timeInForce: 'gtc',
      postOnly: false,
      price: ticks(price),
      quantity: lots(quantity),
      funds: 0n,
      holdAsset: side === 'buy' ? QUOTE : BASE,
      hold,
    }
    this.#move(entry.holdAsset, -hold, hold)
    this.open.set(id, { ...entry, left: quantity, filled: 0, filledQuote: 0n, hold })
    this.#write(entry)
    return id
  }

  /** Fills lots of an open order at a price no worse than its own. */
  fill(id: number, quantity: number, price = this.#order(id).price as number): void {
    const order = this.#order(id)
    const notional = BigInt(price) * BigInt(quantity)
    order.left -= quantity
    order.filled += quantity
    order.filledQuote += notional
    const released = order.side === 'buy' ? BigInt(order.price) * BigInt(quantity) : BigInt(quantity)
    order.hold -= released
    const received = order.side === 'buy' ? BigInt(quantity) : notional
    const fee = (received * FEE_PPM) / 1_000_000n
    this.#move(order.holdAsset, released, -released)
    this.#write({
      type: 'orderFilled',
      ...this.#key(order),
      side: order.side,
      tradeId: ++this.#tradeId,
      price: ticks(price),
      quantity: lots(quantity),
      role: 'maker',
      remaining: lots(order.left),
      filledQuantity: lots(order.filled),
      filledQuote: order.filledQuote,
      status: order.left === 0 ? 'filled' : 'open',
      holdAsset: order.holdAsset,
      released,
      feeAsset: order.side === 'buy' ? BASE : QUOTE,
      fee,
      legs: this.#legs(order, { quantity: BigInt(quantity), notional, fee }),
    })
    if (order.left === 0) this.open.delete(id)
  }

  close(id: number, reason = 22): void {
    const order = this.#order(id)
    this.#move(order.holdAsset, order.hold, -order.hold)
    const { holdAsset, hold: released } = order
    this.#write({
      type: 'orderClosed',
      ...this.#key(order),
      remaining: lots(order.left),
      reason,
      holdAsset,
      released,
    })
    this.open.delete(id)
  }

  checkpoint(change: Partial<EntryOf<'checkpoint'>> = {}): void {
    const totals = [...this.#sums].map(([asset, { available, held }]) => ({ asset, available, held }))
    this.#write({ type: 'checkpoint', totals, openOrders: this.open.size, ...change })
  }

  marker(marker: number): void {
    this.#write({ type: 'marker', marker })
  }

  #order(id: number): OpenOrder {
    const order = this.open.get(id)
    if (order === undefined) throw new Error(`order ${id} is not open`)
    return order
  }

  #key({ orderId, account, symbol, createdAt }: OpenOrder) {
    return { orderId, account, symbol, createdAt }
  }

  #legs(
    { side, account }: OpenOrder,
    { quantity, notional, fee }: Record<'quantity' | 'notional' | 'fee', bigint>,
  ): Leg[] {
    const clearing = systemAccount(this.shard, 'clearing')
    const [paid, received] = side === 'buy' ? ([QUOTE, BASE] as const) : ([BASE, QUOTE] as const)
    const [pays, receives] = side === 'buy' ? [notional, quantity] : [quantity, notional]
    return [
      { account, asset: paid, amount: -pays },
      { account: clearing, asset: paid, amount: pays },
      { account: clearing, asset: received, amount: -receives },
      { account, asset: received, amount: receives - fee },
      { account: systemAccount(this.shard, 'fees'), asset: received, amount: fee },
    ].filter(({ amount }) => amount !== 0n)
  }

  #move(asset: number, available: bigint, held: bigint): void {
    const sum = this.#sums.get(asset) ?? { available: 0n, held: 0n }
    this.#sums.set(asset, { available: sum.available + available, held: sum.held + held })
  }

  #write(entry: Entry): void {
    if ('legs' in entry) {
      for (const { account, asset, amount } of entry.legs)
        if (isCustomer(account)) this.#move(asset, amount, 0n)
    }
    this.time += 1
    this.log.append(entry, this.time)
  }
}
