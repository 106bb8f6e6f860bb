import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 1_000

/** Asks until there is an answer; returns it and how long that took. An error counts as none, the last one is told. */
export async function until<Value>(
  what: string,
  withinMs: number,
  ask: () => Promise<Value | undefined | false>,
  pollMs = POLL_MS,
): Promise<{ readonly value: Value; readonly tookMs: number }> {
  const began = performance.now()
  let cause: unknown
  for (;;) {
    try {
      const value = await ask()
      if (value !== undefined && value !== false) return { value, tookMs: performance.now() - began }
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() - began > withinMs)
      throw new Error(`not within ${Math.round(withinMs / 1_000)} s: ${what}`, { cause })
    await sleep(pollMs)
  }
}
