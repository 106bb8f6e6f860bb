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
    if (this.#inFlight < this.#inFlightMax) this.#inFlight++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Gives the place to who waits longest. */
  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inFlight--
    else next()
  }

  /** Waits until everybody has left. */
  async empty(): Promise<void> {
    while (this.#inFlight > 0) await sleep(5)
  }
}
