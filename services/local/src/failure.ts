import { readFileSync } from 'node:fs'

/** Lines of a log that a failure shows. */
const LOG_LINES_MAX = 15

/** A step that failed: what, the end of the log that tells why, and what a person can do about it. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
  readonly advice: string | undefined
  readonly logFile: string | undefined
  readonly logTail: readonly string[]

  constructor(
    message: string,
    options: { cause?: unknown; advice?: string; logFile?: string; logTail?: readonly string[] } = {},
  ) {
    super(message, { cause: options.cause })
    this.advice = options.advice
    this.logFile = options.logFile
    this.logTail = options.logTail ?? []
  }
}

/** The last lines that a log has from byte `from` on; none when there is no log. */
export function logTail(file: string, from = 0): string[] {
  let text: string
  try {
    text = readFileSync(file).subarray(from).toString('utf8')
  } catch {
    return []
  }
  return lastLines(text)
}

export function lastLines(text: string): string[] {
  return text.trimEnd().split('\n').slice(-LOG_LINES_MAX)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
