import { setTimeout as sleep } from 'node:timers/promises'
import { isTransient } from './postgres-trouble.ts'

export const RETRY_MS_MIN = 100
export const RETRY_MS_MAX = 5_000

export type RetryOptions = {
  /** Ends the waiting: what is returned is rejected with the signal's reason. */
  readonly signal: AbortSignal
  readonly onWait: (error: unknown, delayMs: number) => void
}

/** Does something until it succeeds or fails for good; while PostgreSQL is away it waits, longer from time to time. */
export async function untilDone<Value>(
  work: () => Promise<Value>,
  { signal, onWait }: RetryOptions,
): Promise<Value> {
  for (let delayMs = RETRY_MS_MIN; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isTransient(error)) throw error
      onWait(error, delayMs)
      await sleep(delayMs, undefined, { signal })
    }
  }
}
