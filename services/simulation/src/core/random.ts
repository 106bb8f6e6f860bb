/**
 * Numbers that look random and follow from the seed alone: xoshiro128** (Blackman and Vigna, public domain), seeded by
 * splitmix32. Integers only, so every machine draws the same.
 */
export class Random {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    let mixed = seed >>> 0
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0
      let word = mixed
      word = Math.imul(word ^ (word >>> 16), 0x21f0aaad)
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
      this.#state[i] = word ^ (word >>> 15)
    }
  }

  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number {
    return Math.floor((this.#next() * bound) / 2 ** 32)
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True in so many of a thousand cases. */
  perMille(cases: number): boolean {
    return this.below(1_000) < cases
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  #next(): number {
    const a = this.#state[0] ?? 0
    const b = this.#state[1] ?? 0
    const c = this.#state[2] ?? 0
    const d = this.#state[3] ?? 0
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const third = c ^ a
    const fourth = d ^ b
    this.#state[1] = b ^ third
    this.#state[0] = a ^ fourth
    this.#state[2] = third ^ (b << 9)
    this.#state[3] = rotate(fourth, 11)
    return scrambled
  }
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))
