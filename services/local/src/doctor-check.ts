/** What a check found. `missing` fails; `note` is something that a person should know and that cannot be judged from here. */
export type Verdict =
  | { readonly state: 'ok' | 'note'; readonly says: string }
  | { readonly state: 'missing'; readonly says: string; readonly mend: string }

/** Something that must be there. What it asks of the world comes in as functions. */
export type Check<Io> = { readonly title: string; readonly run: (io: Io) => Promise<Verdict> }

export const ok = (says: string): Verdict => ({ state: 'ok', says })
export const note = (says: string): Verdict => ({ state: 'note', says })
export const missing = (says: string, mend: string): Verdict => ({ state: 'missing', says, mend })

const SIGNS = { ok: '✓', note: '·', missing: '✗' } as const

/** Runs every check, tells each verdict and how to mend what is missing. Returns whether nothing is missing. */
export async function examine<Io>(
  checks: readonly Check<Io>[],
  io: Io,
  print: (line: string) => void,
): Promise<boolean> {
  const verdicts: Verdict[] = []
  for (const { title, run } of checks) {
    const verdict = await run(io).catch((error: unknown) =>
      missing(messageLine(error), 'Mend that and run it again.'),
    )
    print(`  ${SIGNS[verdict.state]} ${title.padEnd(22)} ${verdict.says}`)
    if (verdict.state === 'missing') print(`    → ${verdict.mend}`)
    verdicts.push(verdict)
  }
  const lacking = verdicts.filter(({ state }) => state === 'missing').length
  print(
    lacking === 0
      ? '\nNothing is missing.'
      : `\n${lacking} of ${verdicts.length} checks found something missing.`,
  )
  return lacking === 0
}

const messageLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
