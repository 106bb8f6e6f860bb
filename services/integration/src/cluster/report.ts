/** Adds what was measured to the test's own line in the report. */
export function tell({ test }: Mocha.Context, figures: string): void {
  if (test !== undefined) test.title += `: ${figures}`
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`
