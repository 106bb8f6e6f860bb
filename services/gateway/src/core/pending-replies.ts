import type { EntryOf } from '@bourse/protocol/entries'
import { ReplyLag } from './reply-lag.ts'

export type Reply = EntryOf<'reply'>

export type Waiting = {
  readonly sentAt: number
  /** The shard answers as soon as it has read the command, and does not wait for matching. */
  readonly prompt: boolean
  readonly settle: (outcome: Reply | Failure) => void
}

/** `overloaded`: the command was not taken. `outcome_unknown`: no answer came in time, or never will. */
export type Failure = 'overloaded' | 'outcome_unknown'

/** The commands of one shard that wait for an answer, oldest first. */
export class PendingReplies {
  readonly #waiting = new Map<number, Waiting>()
  readonly #lag = new ReplyLag()

  get size(): number {
    return this.#waiting.size
  }

  get heardAt(): number {
    return this.#lag.heardAt
  }

  add(request: number, waiting: Waiting): void {
    this.#waiting.set(request, waiting)
  }

  /** Undefined when nobody waits for it: it came too late, or twice. */
  answered(reply: Reply, now: number): Waiting | undefined {
    const waiting = this.#take(reply.request)
    if (waiting === undefined) return undefined
    if (waiting.prompt) this.#lag.answered({ sentAt: waiting.sentAt, now })
    waiting.settle(reply)
    return waiting
  }

  /** Gives up what will not be answered. */
  abandon(requests: readonly number[], failure: Failure): void {
    for (const request of requests) this.#take(request)?.settle(failure)
  }

  /** Gives up what was sent at `sentBy` or before. Tells how many. */
  expire(sentBy: number): number {
    let count = 0
    for (const [request, { sentAt }] of this.#waiting) {
      if (sentAt > sentBy) break
      this.abandon([request], 'outcome_unknown')
      count++
    }
    return count
  }

  lagAt(now: number): number {
    return this.#lag.at(now, this.#oldestPrompt())
  }

  #oldestPrompt(): number | undefined {
    for (const { prompt, sentAt } of this.#waiting.values()) if (prompt) return sentAt
    return undefined
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request)
    if (waiting !== undefined) this.#waiting.delete(request)
    return waiting
  }
}
