type Second = { commands: number; worstMs: number; lateMs: number }

/** What happened to the commands that were due in each second of a run. */
export class Timeline {
  readonly #began: number
  readonly #wallClock: number
  readonly #seconds: Second[] = []

  /** @param began of the run, as `performance.now()` tells */
  constructor(began: number) {
    this.#began = began
    this.#wallClock = Date.now() + began - performance.now()
  }

  /** A command was sent so long after it was due: the loader's own delay, or all places were taken. */
  sent(dueMs: number, lateMs: number): void {
    const second = this.#second(dueMs)
    second.lateMs = Math.max(second.lateMs, lateMs)
  }

  answered(dueMs: number, latencyMs: number): void {
    const second = this.#second(dueMs)
    second.commands++
    second.worstMs = Math.max(second.worstMs, latencyMs)
  }

  /** A line for each second, with the time of day in UTC as logs have it. */
  lines(): string[] {
    return this.#seconds.map(({ commands, worstMs, lateMs }, index) => {
      const time = new Date(this.#wallClock + index * 1_000).toISOString().slice(11, 19)
      const columns = [index, time, commands, worstMs.toFixed(1), lateMs.toFixed(1)]
      return columns.map((column) => String(column).padStart(9)).join(' ')
    })
  }

  #second(dueMs: number): Second {
    const index = Math.max(0, Math.floor((dueMs - this.#began) / 1_000))
    while (this.#seconds.length <= index) this.#seconds.push(quiet())
    return (this.#seconds[index] ??= quiet())
  }
}

const quiet = (): Second => ({ commands: 0, worstMs: 0, lateMs: 0 })

export const TIMELINE_HEAD = ['second', 'UTC', 'commands', 'worst ms', 'late ms']
  .map((title) => title.padStart(9))
  .join(' ')
