import { isCustomer, type AccountId } from '@bourse/domain/ids'
import { emptyHash, hashText } from '@bourse/protocol/stream-hash'
import type { Total } from '@bourse/protocol/entries'
import { FIRST_EPOCH } from '@bourse/protocol/streams'
import type { OffsetRow } from './rows.ts'

/** A partition that settlement reads. */
export type Input = { readonly topic: 'risk.out' | 'orders.out'; readonly partition: number }

export const inputKey = ({ topic, partition }: Input): string => `${topic}/${partition}`

/** How far settlement has come in one partition: its row of `offsets`. */
export type Position = Readonly<Omit<OffsetRow, 'topic' | 'partition'>>

export const startPosition: Position = {
  log: '',
  epoch: FIRST_EPOCH,
  nextOffset: 0,
  lastRecord: hashText(emptyHash),
  lastSequence: 0,
  lastHash: hashText(emptyHash),
  lastTime: 0,
  totals: {},
  openOrders: 0,
}

export const samePlace = (a: Position, b: Position): boolean =>
  a.epoch === b.epoch && a.lastSequence === b.lastSequence && a.nextOffset === b.nextOffset

/** A shard's sums over its customers' accounts, carried along from entry to entry. With the exchange's own they would be zero. */
export class RunningTotals {
  readonly #totals = new Map<number, { available: bigint; held: bigint }>()
  openOrders: number

  constructor({ totals, openOrders }: Pick<Position, 'totals' | 'openOrders'>) {
    for (const [asset, [available, held]] of Object.entries(totals)) {
      this.#totals.set(Number(asset), { available: BigInt(available), held: BigInt(held) })
    }
    this.openOrders = openOrders
  }

  add(account: AccountId, asset: number, { available, held }: { available: bigint; held: bigint }): void {
    if (!isCustomer(account)) return
    const total = this.#totals.get(asset)
    if (total === undefined) this.#totals.set(asset, { available, held })
    else {
      total.available += available
      total.held += held
    }
  }

  /** What differs from a checkpoint's sums, in words; undefined where all is the same. An asset that is absent is 0. */
  differenceFrom({
    totals,
    openOrders,
  }: {
    totals: readonly Total[]
    openOrders: number
  }): string | undefined {
    const theirs = new Map(totals.map((total) => [total.asset, total]))
    for (const asset of new Set([...theirs.keys(), ...this.#totals.keys()])) {
      const { available = 0n, held = 0n } = this.#totals.get(asset) ?? {}
      const { available: theirAvailable = 0n, held: theirHeld = 0n } = theirs.get(asset) ?? {}
      if (available !== theirAvailable || held !== theirHeld) {
        return `asset ${asset}: available ${available}, held ${held}; risk says ${theirAvailable}, ${theirHeld}`
      }
    }
    return openOrders === this.openOrders
      ? undefined
      : `open orders ${this.openOrders}; risk says ${openOrders}`
  }

  stored(): Pick<Position, 'totals' | 'openOrders'> {
    const totals = Object.fromEntries(
      [...this.#totals].map(([asset, { available, held }]) => [
        asset,
        [available.toString(), held.toString()] as const,
      ]),
    )
    return { totals, openOrders: this.openOrders }
  }
}
