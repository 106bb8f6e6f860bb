/**
 * Owns what was opened and closes it last-in, first-out: what was opened later may use what was opened before.
 *
 * (`AsyncDisposableStack`, which Node 20 does not have.)
 */
export class Resources {
  #closers: (() => unknown)[] = []

  /** Takes `thing` over, and hands it back: `const sql = resources.own(connect(), (each) => each.end())`. */
  own<Thing>(thing: Thing, close: (thing: Thing) => unknown): Thing {
    this.#closers.push(() => close(thing))
    return thing
  }

  /** Closes everything once, also when some of it fails. @throws the error, or an AggregateError of them. */
  async closeAll(): Promise<void> {
    const errors: unknown[] = []
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several resources failed to close')
  }
}
