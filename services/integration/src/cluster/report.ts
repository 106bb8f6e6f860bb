/** Adds what was measured to the test's own line in the report. */
export function tell({ test }: Mocha.Context, figures: string): void {
  if (test !== undefined) test.title += `: ${figures}`
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`

/** `0 failed`, or how many by code: `3 failed (2 no_answer, 1 overloaded)`. */
export function failures(codes: readonly string[]): string {
  const kinds = [...new Set(codes)].map((code) => `${codes.filter((each) => each === code).length} ${code}`)
  return `${codes.length} failed${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`
}
