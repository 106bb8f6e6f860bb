import { hashOf } from '@bourse/protocol/stream-hash'

/** A record of a copied log: where the copy has it, the time that the first broker gave it, and its bytes. */
export type CopiedRecord = { readonly offset: number; readonly timestamp: number; readonly value: Buffer }

/**
 * How many of a partition's last records are remembered. Copiers promise each record at least once: one that starts
 * again goes back to where it last noted its position, a minute or so.
 */
export const RECORDS_REMEMBERED = 262_144

/** Tells a record that a copier has written once more. No two records of a log have the same time and bytes. */
export class RecentRecords {
  readonly #times = new Map<number, number>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** Whether it came before; else it is remembered from now on. */
  has({ timestamp, value }: Omit<CopiedRecord, 'offset'>): boolean {
    const { high, low } = hashOf(value)
    // The same bytes may come at several times, from two owners of a shard.
    const key = ((high ^ Math.imul(timestamp, 0x9e3779b1)) >>> 11) * 2 ** 32 + low
    if (this.#times.get(key) === timestamp) return true
    this.#times.delete(key)
    this.#times.set(key, timestamp)
    if (this.#times.size > this.#max) this.#forgetOldest()
    return false
  }

  #forgetOldest(): void {
    const [oldest] = this.#times.keys()
    if (oldest !== undefined) this.#times.delete(oldest)
  }
}
