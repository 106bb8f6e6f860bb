import { invariant } from './result.ts'

/**
 * Account and order ids name their shard, so that routing needs no look-up.
 *
 * An account id has 32 bits: 8 of shard, 24 of a counter. An order id has 53 bits (JSON numbers stay exact):
 * 8 of shard, 45 of the sequence number of its acceptance in the shard's output stream.
 */

export type AccountId = number
export type OrderId = number

export const SHARDS_MAX = 256
export const ACCOUNT_COUNTER_SPAN = 2 ** 24
const ORDER_SEQUENCE_SPAN = 2 ** 45

/** The counters of the exchange's own accounts in every shard; customers' begin at `CUSTOMER_FIRST`. */
export const system = {
  /** The world outside: deposits come from it, withdrawals go to it; its balance is minus what customers own. */
  external: 1,
  /** Where the two sides of a trade meet; zero whenever nothing is in flight. */
  clearing: 2,
  /** Trading fees earned. */
  fees: 3,
  /** Credits that found their account closed. */
  suspense: 4,
} as const
export type SystemAccount = keyof typeof system
export const CUSTOMER_FIRST = 16

export function accountId(shard: number, counter: number): AccountId {
  invariant(shard >= 0 && shard < SHARDS_MAX, `shard ${shard} is out of range`)
  invariant(counter > 0 && counter < ACCOUNT_COUNTER_SPAN, `account counter ${counter} is out of range`)
  return shard * ACCOUNT_COUNTER_SPAN + counter
}

export const shardOfAccount = (account: AccountId): number => Math.floor(account / ACCOUNT_COUNTER_SPAN)

export const counterOfAccount = (account: AccountId): number => account % ACCOUNT_COUNTER_SPAN

export const isCustomer = (account: AccountId): boolean => counterOfAccount(account) >= CUSTOMER_FIRST

/** The id of one of the exchange's own accounts in a shard, such as `clearing`. */
export const systemAccount = (shard: number, name: SystemAccount): AccountId => accountId(shard, system[name])

export function orderId(shard: number, sequence: number): OrderId {
  invariant(shard >= 0 && shard < SHARDS_MAX, `shard ${shard} is out of range`)
  invariant(sequence > 0 && sequence < ORDER_SEQUENCE_SPAN, `order sequence ${sequence} is out of range`)
  return shard * ORDER_SEQUENCE_SPAN + sequence
}

export const shardOfOrder = (order: OrderId): number => Math.floor(order / ORDER_SEQUENCE_SPAN)

/** The sequence, in the shard's output stream, of the entry that accepted the order. */
export const sequenceOfOrder = (order: OrderId): number => order % ORDER_SEQUENCE_SPAN

/** Reads an id from text: a whole number without signs or leading zeros; undefined where it is none. */
export function parseId(text: string): number | undefined {
  if (!/^[1-9]\d{0,15}$/.test(text)) return undefined
  const id = Number(text)
  return Number.isSafeInteger(id) ? id : undefined
}
