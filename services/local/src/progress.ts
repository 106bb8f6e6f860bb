import { messageOf, StepFailure } from './failure.ts'

/** What a step tells while it runs. `ms` is how long it took. */
export type ProgressEvent =
  | { readonly type: 'began'; readonly title: string }
  | { readonly type: 'done'; readonly title: string; readonly detail: string; readonly ms: number }
  | {
      readonly type: 'failed'
      readonly title: string
      readonly message: string
      readonly logFile?: string | undefined
      readonly logTail: readonly string[]
      readonly advice?: string | undefined
    }

export type Report = (event: ProgressEvent) => void

/** Runs one step and reports its begin and its end. `detail` says in a few words what came of it. */
export async function step<T>(
  report: Report,
  title: string,
  run: () => Promise<T>,
  detail: (result: T) => string = () => '',
): Promise<T> {
  const startedAt = performance.now()
  report({ type: 'began', title })
  try {
    const result = await run()
    report({ type: 'done', title, detail: detail(result), ms: performance.now() - startedAt })
    return result
  } catch (error) {
    const { logFile, logTail, advice } = error instanceof StepFailure ? error : new StepFailure('')
    report({ type: 'failed', title, message: messageOf(error), logFile, logTail, advice })
    throw error
  }
}

/** Prints a line for every finished step; on a terminal the last line names the steps that still run. */
export function progressPrinter(out: { isTTY?: boolean; write(text: string): unknown }): Report {
  const running = new Set<string>()
  const clear = out.isTTY ? '\r\x1b[K' : ''
  return (event) => {
    if (event.type === 'began') running.add(event.title)
    else running.delete(event.title)
    out.write(clear + finishedLines(event))
    if (out.isTTY && running.size > 0) out.write(`  … ${[...running].join(', ')}`)
  }
}

function finishedLines(event: ProgressEvent): string {
  switch (event.type) {
    case 'began':
      return ''
    case 'done':
      return `  ✓ ${event.title.padEnd(22)} ${seconds(event.ms)}  ${event.detail}`.trimEnd() + '\n'
    case 'failed':
      return failureText(event)
  }
}

function failureText(event: Extract<ProgressEvent, { type: 'failed' }>): string {
  const lines = [`  ✗ ${event.title}: ${event.message}`]
  if (event.logTail.length > 0) {
    lines.push(
      event.logFile === undefined ? '    Its last lines:' : `    The last lines of ${event.logFile}:`,
    )
    lines.push(...event.logTail.map((line) => `    | ${line}`))
  }
  if (event.advice !== undefined) lines.push(`    → ${event.advice}`)
  return lines.join('\n') + '\n'
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7)
}
