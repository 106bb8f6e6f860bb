/** How many different log times of a shard's last inputs are kept. */
export const TIMES_KEPT = 65_536

/** A shard's log time at each of its last inputs. Inputs are numbered from 1; several may share a time. */
export class InputTimes {
  /** For each time, the number of the last input that had it. */
  #lasts: number[] = []
  #times: number[] = []

  constructor(known: readonly (readonly [input: number, time: number])[] = []) {
    for (const [input, time] of known) this.add(input, time)
  }

  /** The newest, oldest first. */
  newest(countMax: number): readonly (readonly [input: number, time: number])[] {
    const first = Math.max(0, this.#lasts.length - countMax)
    return this.#lasts.slice(first).map((input, i) => [input, this.#times[first + i] ?? 0] as const)
  }

  /** Inputs up to number `last` were applied, those that are new at `time`. Neither ever goes back. */
  add(last: number, time: number): void {
    if (this.#times.at(-1) === time) {
      this.#lasts[this.#lasts.length - 1] = last
      return
    }
    this.#lasts.push(last)
    this.#times.push(time)
    if (this.#times.length <= 2 * TIMES_KEPT) return
    this.#lasts = this.#lasts.slice(-TIMES_KEPT)
    this.#times = this.#times.slice(-TIMES_KEPT)
  }

  /** Undefined for an input that is no longer, or not yet, known. */
  at(input: number): number | undefined {
    let from = 0
    let to = this.#lasts.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#lasts[middle] ?? 0) < input) from = middle + 1
      else to = middle
    }
    // The oldest time that is kept may have begun before what is kept.
    return from === 0 && (this.#lasts[0] ?? 0) > input ? undefined : this.#times[from]
  }
}
