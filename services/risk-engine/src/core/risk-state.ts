import { CUSTOMER_FIRST, type AccountId, type OrderId } from '@bourse/domain/ids'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { EntryOf } from '@bourse/protocol/entries'
import type { Answer, Context, Segment, Topology } from '@bourse/protocol/shard'
import type { Destination } from '@bourse/protocol/streams'
import { Balances } from './balances.ts'
import { CommandIds, ID_LIMITS, type FirstAnswer, type IdLimits } from './command-ids.ts'
import { decodeOrder, encodeOrder, type OpenOrder } from './open-order.ts'
import { Registry } from './registry.ts'

/** Named limits of one risk shard. */
export type RiskLimits = {
  readonly ids: IdLimits
  readonly openOrdersPerAccountMax: number
  readonly openOrdersMax: number
  readonly accountsMax: number
  /** Ids of deposits, withdrawals and operators' commands, kept for ever. */
  readonly fundsIdsMax: number
  /** Cancels sent per applied entry while a cancel-all is carried out. */
  readonly cancelSlice: number
  readonly ticksPerCheckpoint: number
}

export const RISK_LIMITS: RiskLimits = {
  ids: ID_LIMITS,
  openOrdersPerAccountMax: 20_000,
  openOrdersMax: 2_000_000,
  accountsMax: 4_000_000,
  fundsIdsMax: 4_000_000,
  cancelSlice: 256,
  ticksPerCheckpoint: 5,
}

export type Account = { readonly owner: string; readonly orders: Set<OrderId> }

/** Orders that a cancel-all still has to cancel, oldest first. */
export type MassCancel = {
  readonly account: AccountId
  readonly symbol: number
  readonly orderIds: OrderId[]
}

/** All that a risk shard remembers. */
export class RiskState {
  readonly shard: number
  readonly topology: Topology
  readonly limits: RiskLimits
  balances = new Balances()
  registry = new Registry()
  ids: CommandIds
  readonly accounts = new Map<AccountId, Account>()
  readonly owners = new Map<string, AccountId>()
  readonly orders = new Map<OrderId, OpenOrder>()
  /** First answers to funds and operators' commands, by account and id. */
  readonly fundsIds = new Map<string, FirstAnswer>()
  readonly massCancels: MassCancel[] = []
  accountCounter = CUSTOMER_FIRST
  ticks = 0

  constructor(shard: number, topology: Topology, limits: RiskLimits = RISK_LIMITS) {
    this.shard = shard
    this.topology = topology
    this.limits = limits
    this.ids = new CommandIds(limits.ids)
  }

  /** The stream of this shard's facts. */
  get facts(): Destination {
    return { topic: 'risk.out', partition: this.shard }
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.accountCounter)
    writer.safe(this.ticks)
    this.registry.encode(writer)
    writer.u32(this.accounts.size)
    for (const [account, { owner }] of this.accounts) {
      writer.u32(account)
      writer.text(owner, 128)
    }
    this.balances.encode(writer)
    writer.u32(this.orders.size)
    for (const order of this.orders.values()) encodeOrder(writer, order)
    this.ids.encode(writer)
    writer.u32(this.fundsIds.size)
    for (const [id, { content, number, refusal }] of this.fundsIds) {
      writer.text(id, 160)
      writer.u32(content)
      writer.safe(number)
      writer.u8(refusal)
    }
    writer.u32(this.massCancels.length)
    for (const { account, symbol, orderIds } of this.massCancels) {
      writer.u32(account)
      writer.u16(symbol)
      writer.u32(orderIds.length)
      for (const orderId of orderIds) writer.safe(orderId)
    }
  }

  static decode(
    reader: ByteReader,
    {
      shard,
      topology,
      segments,
      limits,
    }: { shard: number; topology: Topology; segments: readonly Segment[]; limits: RiskLimits },
  ): RiskState {
    const state = new RiskState(shard, topology, limits)
    state.accountCounter = reader.u32()
    state.ticks = reader.safe()
    state.registry = Registry.decode(reader)
    for (let count = reader.u32(); count > 0; count--) {
      const account = reader.u32()
      const owner = reader.text(128)
      state.accounts.set(account, { owner, orders: new Set() })
      state.owners.set(owner, account)
    }
    state.balances = Balances.decode(reader)
    for (let count = reader.u32(); count > 0; count--) {
      const order = decodeOrder(reader)
      state.orders.set(order.orderId, order)
      state.accounts.get(order.account)?.orders.add(order.orderId)
    }
    state.ids = CommandIds.decode(reader, segments, limits.ids)
    for (let count = reader.u32(); count > 0; count--) {
      const id = reader.text(160)
      state.fundsIds.set(id, { content: reader.u32(), number: reader.safe(), refusal: reader.u8() })
    }
    for (let count = reader.u32(); count > 0; count--) {
      const job = { account: reader.u32(), symbol: reader.u16(), orderIds: [] as OrderId[] }
      for (let orders = reader.u32(); orders > 0; orders--) job.orderIds.push(reader.safe())
      state.massCancels.push(job)
    }
    return state
  }
}

type Outcome = Partial<Answer>

/** Answers a command: what is not said is nothing. */
export function answer(
  context: Context,
  { replyTo }: Pick<EntryOf<'ping'>, 'replyTo'>,
  outcome: Outcome,
): void {
  const blank = { refusal: 0, repeated: false, account: 0, orderId: 0, result: undefined }
  context.reply(replyTo, { ...blank, ...outcome })
}
