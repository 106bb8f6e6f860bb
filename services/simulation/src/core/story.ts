/** What happened in a run, for people. Nothing is put into words unless somebody listens. */
export class Story {
  readonly #listener: ((line: string) => void) | undefined

  constructor(listener?: (line: string) => void) {
    this.#listener = listener
  }

  tell(now: number, words: () => string): void {
    this.#listener?.(`${now.toString().padStart(7)} ms  ${words()}`)
  }
}
