/** How far a shard's answers lag behind the commands. Milliseconds. */
export class ReplyLag {
  #latency = 0
  #heardAt = -Infinity

  get heardAt(): number {
    return this.#heardAt
  }

  /** An answer that a shard gives as soon as it has read the command; others say nothing about its lag. */
  answered({ sentAt, now }: { sentAt: number; now: number }): void {
    this.#latency = now - sentAt
    this.#heardAt = now
  }

  /**
   * The last answer's latency or, if that is longer, for how long commands have been waiting without any answer. A lost
   * answer alone is no lag: those after it came. With nothing waiting the lag is 0, so that trading begins again.
   *
   * @param oldestSentAt when the oldest unanswered command was sent
   */
  at(now: number, oldestSentAt: number | undefined): number {
    if (oldestSentAt === undefined) return 0
    return Math.max(this.#latency, now - Math.max(oldestSentAt, this.#heardAt))
  }
}
