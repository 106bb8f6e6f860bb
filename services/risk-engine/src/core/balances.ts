import { isCustomer, type AccountId } from '@bourse/domain/ids'
import { invariant } from '@bourse/domain/result'
import type { Amount } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { Leg, Total } from '@bourse/protocol/entries'

export type Balance = { available: Amount; held: Amount }

/**
 * What each account owns of each asset: available for new orders, or held for open ones. The exchange's own accounts
 * (clearing, external …) may be negative; a customer's never.
 */
export class Balances {
  readonly #accounts = new Map<AccountId, Map<number, Balance>>()
  readonly #totals = new Map<number, Balance>()

  of(account: AccountId, asset: number): Readonly<Balance> {
    return this.#accounts.get(account)?.get(asset) ?? { available: 0n, held: 0n }
  }

  /** Moves an available amount to held; false, and nothing happens, where there is not enough. */
  hold(account: AccountId, asset: number, amount: Amount): boolean {
    if (this.of(account, asset).available < amount) return false
    this.#move(account, asset, -amount, amount)
    return true
  }

  /** Moves a held amount back to available. */
  release(account: AccountId, asset: number, amount: Amount): void {
    this.#move(account, asset, amount, -amount)
  }

  /** Posts legs that sum to zero per asset. */
  post(legs: readonly Leg[]): void {
    for (const { asset } of legs) {
      const sum = legs.reduce((all, leg) => (leg.asset === asset ? all + leg.amount : all), 0n)
      invariant(sum === 0n, `a posting of asset ${asset} is off by ${sum}`)
    }
    for (const { account, asset, amount } of legs) this.#move(account, asset, amount, 0n)
  }

  /** Sums over customers, per asset, in the order in which assets were first seen. */
  totals(): readonly Total[] {
    return [...this.#totals].map(([asset, { available, held }]) => ({ asset, available, held }))
  }

  *rows(): Generator<Total & { readonly account: AccountId }> {
    for (const [account, assets] of this.#accounts) {
      for (const [asset, { available, held }] of assets) yield { account, asset, available, held }
    }
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#accounts.size)
    for (const [account, assets] of this.#accounts) {
      writer.u32(account)
      writer.u16(assets.size)
      for (const [asset, balance] of assets) writeBalance(writer, asset, balance)
    }
    writer.u16(this.#totals.size)
    for (const [asset, balance] of this.#totals) writeBalance(writer, asset, balance)
  }

  static decode(reader: ByteReader): Balances {
    const balances = new Balances()
    for (let accounts = reader.u32(); accounts > 0; accounts--) {
      const account = reader.u32()
      const assets = new Map<number, Balance>()
      for (let count = reader.u16(); count > 0; count--) assets.set(reader.u16(), readBalance(reader))
      balances.#accounts.set(account, assets)
    }
    for (let count = reader.u16(); count > 0; count--) balances.#totals.set(reader.u16(), readBalance(reader))
    return balances
  }

  #move(account: AccountId, asset: number, available: Amount, held: Amount): void {
    const balance = this.#balance(account, asset)
    balance.available += available
    balance.held += held
    if (!isCustomer(account)) return
    invariant(balance.available >= 0n, `account ${account} owns less than nothing of asset ${asset}`)
    invariant(balance.held >= 0n, `account ${account} holds less than nothing of asset ${asset}`)
    const total = entry(this.#totals, asset, nothing)
    total.available += available
    total.held += held
  }

  #balance(account: AccountId, asset: number): Balance {
    return entry(
      entry(this.#accounts, account, () => new Map<number, Balance>()),
      asset,
      nothing,
    )
  }
}

const nothing = (): Balance => ({ available: 0n, held: 0n })

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function writeBalance(writer: ByteWriter, asset: number, { available, held }: Balance): void {
  writer.u16(asset)
  writer.amount(available)
  writer.amount(held)
}

const readBalance = (reader: ByteReader): Balance => ({ available: reader.amount(), held: reader.amount() })
