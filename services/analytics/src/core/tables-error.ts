import { MalformedError } from '@bourse/protocol/bytes'
import { WrongLogError } from '@bourse/protocol/replica'
import { DivergenceError } from '@bourse/protocol/streams'

/**
 * - `file_damaged`: a file is not what its name and its metadata say
 * - `file_differs`: a file that another writer made has other rows than follow from the log
 * - `log_incomplete`: records are missing where the log is read
 */
export type TablesFault = 'file_damaged' | 'file_differs' | 'log_incomplete'

/** The tables cannot be written on. The message begins with the code; nothing that is there was changed. */
export class TablesError extends Error {
  override readonly name = 'TablesError'
  readonly code: TablesFault

  constructor(code: TablesFault, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options)
    this.code = code
  }
}

/** Why a partition stands still, as its metric says. Starting again would find the same. */
export type StopReason = TablesFault | 'malformed' | 'difference' | 'wrong_log'

/** Undefined for what a fresh start may mend. */
export function stopReason(error: unknown): StopReason | undefined {
  if (error instanceof TablesError) return error.code
  if (error instanceof MalformedError) return 'malformed'
  if (error instanceof DivergenceError) return 'difference'
  if (error instanceof WrongLogError) return 'wrong_log'
  return undefined
}
