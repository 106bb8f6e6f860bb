import type { FaultCounts, FaultKind, Weather } from './faults.ts'
import { fairWeather } from './faults.ts'
import type { Random } from './random.ts'
import type { Story } from './story.ts'
import type { Timeline } from './timeline.ts'

/** A promise of the exchange that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** What everything in one run shares: the time, chance, the weather, and what is told of it. */
export class World {
  readonly random: Random
  readonly timeline: Timeline
  readonly faults: FaultCounts
  readonly story: Story
  weather: Weather
  /** What went wrong first; the run ends with it. */
  failure: Error | undefined

  constructor(parts: {
    readonly random: Random
    readonly timeline: Timeline
    readonly faults: FaultCounts
    readonly story: Story
    readonly weather: Weather
  }) {
    this.random = parts.random
    this.timeline = parts.timeline
    this.faults = parts.faults
    this.story = parts.story
    this.weather = parts.weather
  }

  get now(): number {
    return this.timeline.now
  }

  /** From now on nothing fails any more. */
  clearUp(): void {
    this.weather = fairWeather
  }

  /** Draws whether a fault happens now. */
  draws(kind: FaultKind, perMille: number): boolean {
    if (perMille === 0 || !this.random.perMille(perMille)) return false
    this.faults[kind].drawn++
    return true
  }

  bit(kind: FaultKind, times = 1): void {
    this.faults[kind].bit += times
  }

  /** Runs again and again with a pause of about `meanMs`, for as long as it answers true. */
  every(meanMs: number, run: () => boolean): void {
    const next = (): void => {
      if (run()) this.timeline.after(this.#around(meanMs), next)
    }
    this.timeline.after(this.random.between(0, meanMs), next)
  }

  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error))
  }

  #around(meanMs: number): number {
    return this.random.between(Math.ceil(meanMs / 2), Math.ceil((meanMs * 3) / 2))
  }
}
