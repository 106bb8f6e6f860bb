import { faultKinds, noFaults, type FaultCounts, type FaultKind } from './core/faults.ts'

/** Adds up what was drawn and what bit over many runs, and prints it. */
export class FaultTable {
  readonly #sums = noFaults()

  add(counts: FaultCounts): void {
    for (const kind of this.#kinds()) {
      this.#sums[kind].drawn += counts[kind].drawn
      this.#sums[kind].bit += counts[kind].bit
    }
  }

  /** Kinds of faults that never had an effect: tests that hold because of them prove nothing. */
  harmless(): readonly FaultKind[] {
    return this.#kinds().filter((kind) => this.#sums[kind].bit === 0)
  }

  toString(): string {
    const rows = this.#kinds().map((kind) => {
      const { drawn, bit } = this.#sums[kind]
      return `${kind.padEnd(22)}${drawn.toString().padStart(9)}${bit.toString().padStart(10)}  ${faultKinds[kind]}`
    })
    return [`${'fault'.padEnd(22)}${'drawn'.padStart(9)}${'bit'.padStart(10)}`, ...rows].join('\n')
  }

  #kinds(): FaultKind[] {
    return Object.keys(faultKinds) as FaultKind[]
  }
}
