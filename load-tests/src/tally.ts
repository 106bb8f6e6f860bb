import { build, type Histogram } from 'hdr-histogram-js'

const HIGHEST_US = 600_000_000

/** Counts answers by code and keeps latencies in microseconds, three digits exact. */
export class Tally {
  readonly codes = new Map<string, number>()
  readonly latency: Histogram = build({
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  })
  sent = 0

  /** @param fromMs when the command was due: waiting for its turn counts, so that a stall is not omitted */
  add(code: string, fromMs: number): void {
    this.sent++
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    this.latency.recordValue(
      Math.min(HIGHEST_US, Math.max(1, Math.round((performance.now() - fromMs) * 1_000))),
    )
  }

  get accepted(): number {
    return this.codes.get('accepted') ?? 0
  }

  /** `p50 4.1 ms, p99 …`. */
  latencies(): string {
    const at = (percentile: number): string =>
      (this.latency.getValueAtPercentile(percentile) / 1_000).toFixed(1)
    return `p50 ${at(50)} ms, p90 ${at(90)} ms, p99 ${at(99)} ms, p99.9 ${at(99.9)} ms, max ${(this.latency.maxValue / 1_000).toFixed(1)} ms`
  }

  refusals(): string {
    const refused = [...this.codes].filter(([code]) => code !== 'accepted').sort(([, a], [, b]) => b - a)
    return refused.length === 0 ? 'none' : refused.map(([code, count]) => `${code} ${count}`).join(', ')
  }
}
