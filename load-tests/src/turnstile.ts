import { setTimeout as sleep } from 'node:timers/promises'

/** Lets commands through at planned times, at most so many at once. */
export class Turnstile {
  readonly #inFlightMax: number
  readonly #waiting: (() => void)[] = []
  #inFlight = 0

  constructor(inFlightMax: number) {
    this.#inFlightMax = inFlightMax
  }

  /** Waits for the planned time (`performance.now()`), then for a free place. */
  async enter(dueMs: number): Promise<void> {
    const early = dueMs - performance.now()
    if (early > 1) await sleep(early)
    if (this.#inFlight >= this.#inFlightMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
    this.#waiting.shift()?.()
  }

  /** Waits until everybody has left. */
  async empty(): Promise<void> {
    while (this.#inFlight > 0) await sleep(5)
  }
}
