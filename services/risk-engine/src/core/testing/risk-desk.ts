import type { Listing } from '@bourse/domain/listing'
import { refusalOf } from '@bourse/domain/refusals'
import { lots, ticks } from '@bourse/domain/units'
import { ByteReader } from '@bourse/protocol/bytes'
import { readEntry, type Entry, type EntryOf, type EntryType } from '@bourse/protocol/entries'
import { decodeFrame, encodeCommands, encodeEntry, encodeFrame, hashAfter } from '@bourse/protocol/frame'
import { Shard } from '@bourse/protocol/shard'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'
import { RiskMachine, type RiskCut } from '../risk-machine.ts'
import { RISK_LIMITS, type RiskLimits } from '../risk-state.ts'

const topology = { riskShards: 1, matchingShards: 1 }
export const USD = 1
export const BTC = 2
const replyTo = { partition: 0, instance: 1, request: 1 }

/** One tick × lot is 100 smallest units of USD, one lot 10,000 of BTC. The band goes from 51 to 150 ticks. */
export const listing: Listing = {
  ...{ symbol: 1, name: 'BTC-USD', base: { asset: BTC, code: 'BTC', scale: 8 } },
  ...{ quote: { asset: USD, code: 'USD', scale: 8 }, tickDecimals: 2, lotDecimals: 4 },
  ...{ minLots: lots(2), maxLots: lots(1_000), minNotional: 100, makerFeePpm: 1_000, takerFeePpm: 2_000 },
  ...{ referencePrice: ticks(100), bandPpm: 500_000, partition: 0 },
}

type Place = EntryOf<'placeOrder'>
type Fill = EntryOf<'fill'>
export type Reply = EntryOf<'reply'>

/** A risk shard with one open symbol and two customers, ann (16) and bob (17), and what it wrote last. */
export class RiskDesk {
  readonly ann = 16
  readonly bob = 17
  readonly limits: RiskLimits
  shard: Shard<RiskMachine>
  /** Log time of the next command. */
  now = 1_000
  /** What the last input made the shard write, in order. */
  written: readonly Entry[] = []
  replies: readonly Reply[] = []
  #sequence = 0
  #hash: StreamHash = emptyHash
  #ticks = 0

  constructor(limits: Partial<RiskLimits> = {}) {
    this.limits = { ...RISK_LIMITS, ...limits }
    this.shard = new Shard(RiskMachine.create(0, topology, this.limits), 0, topology)
    this.send({ type: 'listAsset', commandId: 'usd', code: 'USD', scale: 8, replyTo })
    this.send({ type: 'listAsset', commandId: 'btc', code: 'BTC', scale: 8, replyTo })
    this.send({ type: 'listSymbol', commandId: 'btc-usd', listing, replyTo })
    this.setState('trading')
    for (const owner of ['ann', 'bob']) this.send({ type: 'openAccount', owner, replyTo })
  }

  /** Sends a gateway's command; gives its answer, if it was answered at once. */
  send(command: Entry): Reply | undefined {
    this.#apply(encodeCommands([command]))
    return this.replies[0]
  }

  /** The refusal's code, or `accepted`, or `nothing` where there was no answer. */
  outcomeOf(command: Entry): string {
    const reply = this.send(command)
    if (reply === undefined) return 'nothing'
    return `${reply.refusal === 0 ? 'accepted' : refusalOf(reply.refusal)}${reply.repeated ? ' again' : ''}`
  }

  deposit(account: number, asset: number, amount: bigint, commandId = `d${this.now}`): Reply | undefined {
    return this.send({ type: 'deposit', account, commandId, deadline: 0, replyTo, asset, amount })
  }

  /** A limit buy of 10 lots at 100 by ann, but for what is said. */
  order(changes: Partial<Place> = {}): Place {
    return {
      ...{
        type: 'placeOrder',
        account: this.ann,
        commandId: `o${this.now}`,
        deadline: 0,
        replyTo,
        symbol: 1,
      },
      ...{ side: 'buy', kind: 'limit', timeInForce: 'gtc', postOnly: false, price: ticks(100) },
      ...{ quantity: lots(10), funds: 0n, wantResult: false },
      ...changes,
    }
  }

  place(changes: Partial<Place> = {}): number {
    return this.send(this.order(changes))?.orderId ?? 0
  }

  cancel(orderId: number, changes: Partial<EntryOf<'cancelOrder'>> = {}): EntryOf<'cancelOrder'> {
    const base = { account: this.ann, commandId: `c${this.now}`, deadline: 0, replyTo, wantResult: false }
    return { type: 'cancelOrder', ...base, orderId, ...changes }
  }

  cancelAll(changes: Partial<EntryOf<'cancelAll'>> = {}): EntryOf<'cancelAll'> {
    const base = { account: this.ann, commandId: `a${this.now}`, deadline: 0, replyTo }
    return { type: 'cancelAll', ...base, symbol: 0, ...changes }
  }

  tick(times = 1): void {
    for (let i = 0; i < times; i++) this.send({ type: 'tick', number: ++this.#ticks })
  }

  setState(state: EntryOf<'symbolStateChanged'>['state']): void {
    this.hear({ type: 'symbolStateChanged', symbol: 1, state })
  }

  fill(orderId: number, changes: Partial<Fill>): void {
    const { account, createdAt } = this.#keyOf(orderId)
    this.hear({
      ...{
        type: 'fill',
        orderId,
        account,
        symbol: 1,
        createdAt,
        tradeId: 1,
        price: ticks(100),
        quantity: lots(1),
      },
      ...{ role: 'taker', remaining: lots(0), budget: 0, filled: false, last: false },
      ...changes,
    })
  }

  close(orderId: number, reason: number, remaining = 0): void {
    const { account, createdAt } = this.#keyOf(orderId)
    this.hear({ type: 'closed', orderId, account, symbol: 1, createdAt, remaining: lots(remaining), reason })
  }

  /** Hears an entry from matching. */
  hear(entry: Entry): void {
    const bytes = encodeEntry(entry, { version: 1, cause: 1, time: this.now })
    const header = { source: { kind: 'matching', shard: 0 }, epoch: 1, endsCommand: true } as const
    const frame = encodeFrame({ ...header, sequence: ++this.#sequence, hashBefore: this.#hash }, [bytes])
    this.#hash = hashAfter(this.#hash, bytes)
    this.#apply(frame)
  }

  /** Entries of one type that the last input made the shard write. */
  wrote<Type extends EntryType>(type: Type): EntryOf<Type>[] {
    return this.written.filter((entry): entry is Entry & EntryOf<Type> => entry.type === type)
  }

  /** `available + held` of an account. */
  owns(account: number, asset: number): string {
    const row = this.cut.balances.find((balance) => balance.account === account && balance.asset === asset)
    return `${row?.available ?? 0n} + ${row?.held ?? 0n}`
  }

  get cut(): RiskCut {
    return this.shard.machine.cut()
  }

  /** Goes on from a snapshot of the present state. */
  restart(): void {
    const decode = (reader: ByteReader): RiskMachine =>
      RiskMachine.decode(reader, 0, topology, this.shard.machine.segments(), this.limits)
    this.shard = Shard.decode(this.shard.encode(), this.shard.machine.segments(), decode)
  }

  #keyOf(orderId: number): { account: number; createdAt: number } {
    const order = this.cut.orders.find((open) => open.orderId === orderId)
    return { account: order?.account ?? 0, createdAt: 1 }
  }

  #apply(frame: Buffer): void {
    const effects = this.shard.apply(decodeFrame(frame), this.now++)
    this.written = effects.outputs.map(({ bytes }) => entryOf(bytes))
    this.replies = effects.replies.map(({ value }) => entryOf(value) as Reply)
  }
}

const STAMP_BYTES = 21

const entryOf = (bytes: Buffer): Entry => readEntry(new ByteReader(bytes, STAMP_BYTES))
