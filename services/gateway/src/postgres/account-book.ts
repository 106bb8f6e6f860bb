import { shardOfAccount } from '@bourse/domain/ids'
import { LRUCache } from 'lru-cache'
import type { Position } from './books.ts'

const ACCOUNTS_MAX = 100_000

export type AccountBookOptions = {
  readonly read: (owner: string, at?: Position) => Promise<number | undefined>
  /** Where the output of the owner's shard ends now. */
  readonly askPosition: (owner: string) => Promise<Position>
}

/** Which account an owner has, and how far its own answers reach, so that it can read what it wrote. Both for ever true. */
export class AccountBook {
  readonly #options: AccountBookOptions
  readonly #accounts = new LRUCache<string, number>({ max: ACCOUNTS_MAX })
  readonly #positions = new LRUCache<number, number>({ max: ACCOUNTS_MAX })

  constructor(options: AccountBookOptions) {
    this.#options = options
  }

  /** Undefined when the owner has none: then none had been opened when this was called. */
  async accountOf(owner: string): Promise<number | undefined> {
    const known = this.#accounts.get(owner)
    if (known !== undefined) return known
    const account =
      (await this.#options.read(owner)) ??
      (await this.#options.read(owner, await this.#options.askPosition(owner)))
    if (account !== undefined) this.opened(owner, account)
    return account
  }

  opened(owner: string, account: number): void {
    this.#accounts.set(owner, account)
  }

  /** An answer to the account told of effects up to `sequence`. */
  answered(account: number, sequence: number): void {
    if (sequence > (this.#positions.get(account) ?? 0)) this.#positions.set(account, sequence)
  }

  /** What a read must have reached to show the account what it was told; undefined when it was told nothing here. */
  positionOf(account: number): Position | undefined {
    const sequence = this.#positions.get(account)
    return sequence === undefined ? undefined : { shard: shardOfAccount(account), sequence }
  }
}
