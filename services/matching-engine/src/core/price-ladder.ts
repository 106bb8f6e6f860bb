import { invariant } from '@bourse/domain/result'
import { NONE } from './order-slots.ts'

/** The sides of a book as numbers, for typed arrays. */
export const BUY = 0
export const SELL = 1

const LEVELS_MIN = 256
/** How many levels at the good end are looked at one by one before the search halves. Most orders come near the best. */
const PROBES_MAX = 8

/**
 * The price levels of one side of a book. Prices are kept in a sorted array with the best at the end, where most
 * changes happen; a level's own numbers stay in their slot while the array moves.
 *
 * A rank is a price with the side's sign: the higher, the better for whoever takes from this side.
 */
export class PriceLadder {
  readonly side: typeof BUY | typeof SELL
  readonly #sign: 1 | -1
  #count = 0
  /** Sorted; `#sorted` holds the level of each rank. */
  #ranks = new Float64Array(LEVELS_MIN)
  #sorted = new Int32Array(LEVELS_MIN)
  /** Per level: its price, the sum of its orders, its oldest and its newest order. */
  #prices = new Float64Array(LEVELS_MIN)
  #quantities = new Float64Array(LEVELS_MIN)
  #heads = new Int32Array(LEVELS_MIN)
  #tails = new Int32Array(LEVELS_MIN)
  /** Free levels, linked through `#heads`. */
  #free = NONE
  #used = 0

  constructor(side: typeof BUY | typeof SELL) {
    this.side = side
    this.#sign = side === BUY ? 1 : -1
  }

  get count(): number {
    return this.#count
  }

  /** The level at a distance from the best (0), or NONE. */
  level(distance: number): number {
    return distance < this.#count ? (this.#sorted[this.#count - 1 - distance] ?? NONE) : NONE
  }

  price(level: number): number {
    return this.#prices[level] ?? 0
  }

  quantity(level: number): number {
    return this.#quantities[level] ?? 0
  }

  head(level: number): number {
    return this.#heads[level] ?? NONE
  }

  tail(level: number): number {
    return this.#tails[level] ?? NONE
  }

  setQuantity(level: number, quantity: number): void {
    this.#quantities[level] = quantity
  }

  setHead(level: number, slot: number): void {
    this.#heads[level] = slot
  }

  setTail(level: number, slot: number): void {
    this.#tails[level] = slot
  }

  /** Whether a taker with this limit may trade at the level. */
  meets(level: number, limit: number): boolean {
    return this.price(level) * this.#sign >= limit * this.#sign
  }

  /** The level of a price, or NONE. */
  find(price: number): number {
    const rank = price * this.#sign
    const at = this.#position(rank)
    return at < this.#count && this.#ranks[at] === rank ? (this.#sorted[at] ?? NONE) : NONE
  }

  /** Opens an empty level at a price that has none. */
  open(price: number): number {
    if (this.#free === NONE && this.#used === this.#ranks.length) this.#grow()
    const level = this.#free === NONE ? this.#used++ : this.#free
    if (level === this.#free) this.#free = this.head(level)
    const rank = price * this.#sign
    const at = this.#position(rank)
    this.#ranks.copyWithin(at + 1, at, this.#count)
    this.#sorted.copyWithin(at + 1, at, this.#count)
    this.#ranks[at] = rank
    this.#sorted[at] = level
    this.#count++
    this.#prices[level] = price
    this.#quantities[level] = 0
    this.#heads[level] = NONE
    this.#tails[level] = NONE
    return level
  }

  /** Takes an empty level out. */
  close(level: number): void {
    const at = this.#position(this.price(level) * this.#sign)
    this.#count--
    this.#ranks.copyWithin(at, at + 1, this.#count + 1)
    this.#sorted.copyWithin(at, at + 1, this.#count + 1)
    this.#heads[level] = this.#free
    this.#free = level
  }

  /** Throws where the prices are not sorted or a level does not stand at its price. */
  check(): void {
    for (let at = 0; at < this.#count; at++) {
      const rank = this.#ranks[at] ?? 0
      const level = this.#sorted[at] ?? NONE
      invariant(at === 0 || rank > (this.#ranks[at - 1] ?? rank), `level ${rank} is out of order`)
      invariant(this.price(level) * this.#sign === rank, `level ${level} does not stand at its price`)
    }
    let free = 0
    for (let level = this.#free; level !== NONE; level = this.head(level)) free++
    invariant(
      this.#used - free === this.#count,
      `${free} of ${this.#used} levels are free, ${this.#count} in use`,
    )
  }

  /** The first place whose rank is not below `rank`. */
  #position(rank: number): number {
    let high = this.#count
    const probed = Math.max(0, high - PROBES_MAX)
    while (high > probed && (this.#ranks[high - 1] ?? rank) >= rank) high--
    if (high > probed) return high
    let low = 0
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranks[middle] ?? rank) < rank) low = middle + 1
      else high = middle
    }
    return low
  }

  #grow(): void {
    const length = this.#ranks.length * 2
    this.#ranks = longer(this.#ranks, new Float64Array(length))
    this.#sorted = longer(this.#sorted, new Int32Array(length))
    this.#prices = longer(this.#prices, new Float64Array(length))
    this.#quantities = longer(this.#quantities, new Float64Array(length))
    this.#heads = longer(this.#heads, new Int32Array(length))
    this.#tails = longer(this.#tails, new Int32Array(length))
  }
}

function longer<Cells extends Float64Array | Int32Array>(cells: Cells, target: Cells): Cells {
  target.set(cells)
  return target
}
