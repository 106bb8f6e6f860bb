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
  /** Where each is in the ring. */
  readonly #slots = new Map<number, number>()
  readonly #keys: Float64Array
  readonly #times: Float64Array
  #next = 0

  constructor(max: number) {
    this.#keys = new Float64Array(max)
    this.#times = new Float64Array(max)
  }

  /** Whether it came before; else it is remembered from now on. */
  has({ timestamp, value }: Omit<CopiedRecord, 'offset'>): boolean {
    const { high, low } = hashOf(value)
    // The same bytes may come at several times, from two owners of a shard.
    const key = ((high ^ Math.imul(timestamp, 0x9e3779b1)) >>> 11) * 2 ** 32 + low
    const slot = this.#slots.get(key)
    if (slot !== undefined && this.#times[slot] === timestamp) return true
    this.#remember(key, timestamp)
    return false
  }

  /** In the place of the oldest. A Map's own order would do, but its first key is found behind all that were deleted. */
  #remember(key: number, timestamp: number): void {
    const slot = this.#next
    const oldest = this.#keys[slot] ?? 0
    if (this.#slots.get(oldest) === slot) this.#slots.delete(oldest)
    this.#keys[slot] = key
    this.#times[slot] = timestamp
    this.#slots.set(key, slot)
    this.#next = (slot + 1) % this.#keys.length
  }
}
