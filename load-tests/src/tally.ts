import { build, type Histogram } from 'hdr-histogram-js'
import { isIndefinite, type Asked } from './ask-again.ts'

const HIGHEST_US = 600_000_000

/** Counts outcomes by code and keeps latencies in microseconds, three digits exact. */
export class Tally {
  readonly #outcomes = new Map<string, number>()
  readonly #askedAgain = new Map<string, number>()
  readonly #latency: Histogram = build({
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  })
  sent = 0
  /** Commands that were given up before their outcome was known. */
  unknown = 0

  count({ answer, indefinite }: Asked): void {
    this.sent++
    if (isIndefinite(answer)) this.unknown++
    else increase(this.#outcomes, answer.code)
    for (const code of indefinite) increase(this.#askedAgain, code)
  }

  time(latencyMs: number): void {
    this.#latency.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(latencyMs * 1_000))))
  }

  get accepted(): number {
    return this.#outcomes.get('accepted') ?? 0
  }

  /** How many latencies were counted. */
  get timed(): number {
    return this.#latency.totalCount
  }

  latencyMs(percentile: number): number {
    return this.#latency.getValueAtPercentile(percentile) / 1_000
  }

  /** `p50 4.1 ms, p99 …`. */
  latencies(): string {
    if (this.timed === 0) return 'none counted'
    const at = (percentile: number): string => this.latencyMs(percentile).toFixed(1)
    return `p50 ${at(50)} ms, p90 ${at(90)} ms, p99 ${at(99)} ms, p99.9 ${at(99.9)} ms, max ${(this.#latency.maxValue / 1_000).toFixed(1)} ms`
  }

  refusals(): string {
    return inWords([...this.#outcomes].filter(([code]) => code !== 'accepted'))
  }

  /** Answers without an outcome, after each of which the command was asked again. */
  askedAgain(): string {
    return inWords([...this.#askedAgain])
  }
}

const increase = (counts: Map<string, number>, code: string): void =>
  void counts.set(code, (counts.get(code) ?? 0) + 1)

const inWords = (counts: (readonly [code: string, count: number])[]): string =>
  counts.length === 0
    ? 'none'
    : counts
        .sort(([, a], [, b]) => b - a)
        .map(([code, count]) => `${code} ${count}`)
        .join(', ')
