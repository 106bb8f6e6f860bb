type Event = { readonly at: number; readonly number: number; readonly run: () => void }

/** What happens when: one queue of events in simulated milliseconds. Events of the same moment keep their order. */
export class Timeline {
  readonly #heap: Event[] = []
  #now = 0
  #count = 0
  #added = 0

  get now(): number {
    return this.#now
  }

  /** Events carried out so far. */
  get count(): number {
    return this.#count
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.#now + delayMs, number: this.#added++, run })
  }

  /** Moves to the next event and carries it out. False where nothing is left. */
  step(): boolean {
    const event = this.#pop()
    if (event === undefined) return false
    this.#now = event.at
    this.#count++
    event.run()
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent]
      if (other === undefined || !isBefore(event, other)) break
      heap[at] = other
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      const right = heap[child + 1]
      let least = heap[child]
      if (least !== undefined && right !== undefined && isBefore(right, least)) {
        child++
        least = right
      }
      if (least === undefined || !isBefore(least, last)) break
      heap[at] = least
      at = child
    }
    heap[at] = last
    return top
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.number < b.number)
