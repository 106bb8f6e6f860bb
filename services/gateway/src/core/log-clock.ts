/**
 * Estimates the log's time from answers. A command is appended after it was sent and before its answer came, so the
 * offset between the log's clock and ours lies between `time - receivedAt` and `time - sentAt`. The estimate moves only
 * when an answer proves it wrong. Milliseconds.
 */
export class LogClock {
  #offset: number | undefined

  observe({ time, sentAt, receivedAt }: { time: number; sentAt: number; receivedAt: number }): void {
    this.#offset = Math.min(Math.max(this.#offset ?? Infinity, time - receivedAt), time - sentAt)
  }

  /** The log's time at our time `now`; ours, as long as no answer has come. */
  at(now: number): number {
    return now + (this.#offset ?? 0)
  }
}
