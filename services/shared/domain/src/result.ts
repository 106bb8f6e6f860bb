/** The outcome of an operation that may be refused for a reason the caller must handle. */
export type Result<Value, Failure> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: Failure }

export const ok = <Value>(value: Value) => ({ ok: true, value }) as const
export const err = <const Failure>(error: Failure) => ({ ok: false, error }) as const

/** Makes a forgotten case a compile error, and a corrupt value a crash. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`)
}

/** Crashes on a broken promise of our own code. Bad input never gets this far. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`)
}
