import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './exchange-client.ts'

/** Between two times of asking. */
export const ASK_AGAIN_MS = 200
/** A minute: longer than an exchange needs to recover from any single failure. */
export const ASKED_MAX = 300

type Patience = { readonly pauseMs?: number; readonly askedMax?: number }

/** A command's last answer. `indefinite`: the codes of all earlier ones, after which it was asked again. */
export type Asked = { readonly answer: Answer; readonly indefinite: readonly string[] }

/**
 * The command may have been done or not: no answer, or 5xx. `expired` is a 503 too, but the exchange remembers it: the
 * command will never be done.
 */
export const isIndefinite = ({ status, code }: Answer): boolean =>
  status === 0 || (status >= 500 && code !== 'expired') || code === 'malformed_answer'

/**
 * Asks, with the same command id each time, until the answer is definite or the limit is reached. A refusal that does
 * not come from the command itself (`rate_limited`) says nothing about an earlier, indefinite asking.
 */
export async function askUntilDefinite(
  ask: () => Promise<Answer>,
  { pauseMs = ASK_AGAIN_MS, askedMax = ASKED_MAX }: Patience = {},
): Promise<Asked> {
  const indefinite: string[] = []
  for (;;) {
    const answer = await ask()
    const open = isIndefinite(answer) || (indefinite.length > 0 && answer.code === 'rate_limited')
    if (!open || indefinite.length + 1 === askedMax) return { answer, indefinite }
    indefinite.push(answer.code)
    await sleep(pauseMs)
  }
}
