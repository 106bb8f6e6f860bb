import { invariant } from '@bourse/domain/result'

/** Stands for "no slot" in every link. */
export const NONE = -1

const NUMBERS = 4
const LINKS = 4
const SLOTS_MIN = 1024
/** Fibonacci hashing: the golden ratio's share of 2^32, odd (Knuth, The Art of Computer Programming 3, 6.4). */
const GOLDEN = 0x9e3779b1 | 0
const WORD = 2 ** 32

/**
 * Resting orders of one book, found by id. An order lives in a slot of typed arrays, so that placing and ending orders
 * makes no garbage; slots are used again. The index is an open-addressing table of slots, at most half full, and
 * probes the next cell on a collision.
 */
export class OrderSlots {
  /** Per slot: id, remaining, account, createdAt. */
  #numbers = new Float64Array(SLOTS_MIN * NUMBERS)
  /** Per slot: next and previous order of the level, level, side. A free slot's `next` is the next free one. */
  #links = new Int32Array(SLOTS_MIN * LINKS)
  #capacity = SLOTS_MIN
  #used = 0
  #free = NONE
  #size = 0
  #index = new Int32Array(SLOTS_MIN * 2).fill(NONE)
  #mask = SLOTS_MIN * 2 - 1

  get size(): number {
    return this.#size
  }

  id(slot: number): number {
    return this.#numbers[slot * NUMBERS] ?? 0
  }

  remaining(slot: number): number {
    return this.#numbers[slot * NUMBERS + 1] ?? 0
  }

  account(slot: number): number {
    return this.#numbers[slot * NUMBERS + 2] ?? 0
  }

  createdAt(slot: number): number {
    return this.#numbers[slot * NUMBERS + 3] ?? 0
  }

  next(slot: number): number {
    return this.#links[slot * LINKS] ?? NONE
  }

  previous(slot: number): number {
    return this.#links[slot * LINKS + 1] ?? NONE
  }

  level(slot: number): number {
    return this.#links[slot * LINKS + 2] ?? NONE
  }

  side(slot: number): number {
    return this.#links[slot * LINKS + 3] ?? 0
  }

  setRemaining(slot: number, remaining: number): void {
    this.#numbers[slot * NUMBERS + 1] = remaining
  }

  setNext(slot: number, next: number): void {
    this.#links[slot * LINKS] = next
  }

  setPrevious(slot: number, previous: number): void {
    this.#links[slot * LINKS + 1] = previous
  }

  place(slot: number, level: number, side: number): void {
    this.#links[slot * LINKS + 2] = level
    this.#links[slot * LINKS + 3] = side
  }

  /** The slot of a live order, or NONE. */
  find(id: number): number {
    let cell = this.#home(id)
    for (;;) {
      const slot = this.#index[cell] ?? NONE
      if (slot === NONE || this.#numbers[slot * NUMBERS] === id) return slot
      cell = (cell + 1) & this.#mask
    }
  }

  /** Takes a slot for an order whose id is not live; it belongs to no level yet. */
  add(id: number, remaining: number, account: number, createdAt: number): number {
    if (this.#free === NONE && this.#used === this.#capacity) this.#grow()
    const slot = this.#free === NONE ? this.#used++ : this.#free
    if (slot === this.#free) this.#free = this.next(slot)
    const at = slot * NUMBERS
    this.#numbers[at] = id
    this.#numbers[at + 1] = remaining
    this.#numbers[at + 2] = account
    this.#numbers[at + 3] = createdAt
    this.#links.fill(NONE, slot * LINKS, slot * LINKS + 3)
    this.#enter(slot)
    this.#size++
    return slot
  }

  /** Ends an order and frees its slot. Its links must have been taken out before. */
  remove(slot: number): void {
    this.#leave(slot)
    this.#numbers[slot * NUMBERS] = 0
    this.setNext(slot, this.#free)
    this.#free = slot
    this.#size--
  }

  /** Throws where the index does not name exactly the live orders. */
  check(): void {
    let entered = 0
    for (const slot of this.#index) {
      if (slot === NONE) continue
      entered++
      invariant(this.find(this.id(slot)) === slot, `order ${this.id(slot)} cannot be found`)
    }
    let free = 0
    for (let slot = this.#free; slot !== NONE; slot = this.next(slot)) free++
    invariant(entered === this.#size, `${entered} orders are indexed, ${this.#size} are live`)
    invariant(this.#used - free === this.#size, `${free} of ${this.#used} slots are free, ${this.#size} live`)
  }

  #home(id: number): number {
    const low = id | 0
    const high = (id / WORD) | 0
    const mixed = Math.imul(low ^ Math.imul(high, GOLDEN), GOLDEN)
    return (mixed ^ (mixed >>> 15)) & this.#mask
  }

  #enter(slot: number): void {
    let cell = this.#home(this.id(slot))
    while (this.#index[cell] !== NONE) cell = (cell + 1) & this.#mask
    this.#index[cell] = slot
  }

  /** Closes the gap by moving back every later entry of the run that may stand there: no tombstones. */
  #leave(slot: number): void {
    let gap = this.#home(this.id(slot))
    while (this.#index[gap] !== slot) gap = (gap + 1) & this.#mask
    let cell = gap
    for (;;) {
      cell = (cell + 1) & this.#mask
      const other = this.#index[cell] ?? NONE
      if (other === NONE) break
      const home = this.#home(this.id(other))
      if (((cell - home) & this.#mask) < ((cell - gap) & this.#mask)) continue
      this.#index[gap] = other
      gap = cell
    }
    this.#index[gap] = NONE
  }

  #grow(): void {
    this.#capacity *= 2
    const numbers = new Float64Array(this.#capacity * NUMBERS)
    numbers.set(this.#numbers)
    this.#numbers = numbers
    const links = new Int32Array(this.#capacity * LINKS)
    links.set(this.#links)
    this.#links = links
    this.#index = new Int32Array(this.#capacity * 2).fill(NONE)
    this.#mask = this.#capacity * 2 - 1
    // Only ever called while every slot is live.
    for (let slot = 0; slot < this.#used; slot++) this.#enter(slot)
  }
}
