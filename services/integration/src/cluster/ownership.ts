/** One reading of a pod's claim to a partition. It was made between the two times. */
export type Reading = {
  readonly pod: string
  readonly partition: string
  readonly owned: boolean
  readonly askedAt: number
  readonly answeredAt: number
}

/** For all of this time the pod held the partition: it said so at the beginning, at the end and whenever asked between. */
export type Hold = {
  readonly pod: string
  readonly partition: string
  readonly from: number
  readonly to: number
}

export type Overlap = { readonly partition: string; readonly pods: readonly string[]; readonly ms: number }

/**
 * Who held which partition when. A hold begins when the first of several readings was answered and ends when the last was
 * asked, so it is never longer than the truth: two holds that overlap were two owners at one time.
 */
export class Ownership {
  readings = 0
  readonly #holds: { pod: string; partition: string; from: number; to: number }[] = []
  readonly #open = new Map<string, { pod: string; partition: string; from: number; to: number }>()

  note({ pod, partition, owned, askedAt, answeredAt }: Reading): void {
    this.readings++
    const key = `${pod} ${partition}`
    const hold = this.#open.get(key)
    if (!owned) this.#open.delete(key)
    else if (hold !== undefined) hold.to = Math.max(hold.to, askedAt)
    else {
      const begun = { pod, partition, from: answeredAt, to: answeredAt }
      this.#open.set(key, begun)
      this.#holds.push(begun)
    }
  }

  /** Nothing could be learned from the pod: what it held until then is over. */
  lost(pod: string): void {
    for (const [key, hold] of this.#open) if (hold.pod === pod) this.#open.delete(key)
  }

  /** Who holds the partition, as far as is known. */
  owner(partition: string): string | undefined {
    return [...this.#open.values()]
      .filter((hold) => hold.partition === partition)
      .sort((a, b) => b.from - a.from)[0]?.pod
  }

  /** All that hold something, as far as is known: one name for each partition held. */
  owners(): readonly string[] {
    const partitions = new Set([...this.#open.values()].map(({ partition }) => partition))
    return [...partitions].map((partition) => this.owner(partition) ?? '')
  }

  get holds(): readonly Hold[] {
    return this.#holds
  }

  /** Every time at which two pods held one partition. */
  overlaps(): readonly Overlap[] {
    return this.#holds.flatMap((a, index) =>
      this.#holds.slice(index + 1).flatMap((b) => {
        const ms = Math.min(a.to, b.to) - Math.max(a.from, b.from)
        if (a.partition !== b.partition || a.pod === b.pod || ms <= 0) return []
        return [{ partition: a.partition, pods: [a.pod, b.pod], ms }]
      }),
    )
  }
}
