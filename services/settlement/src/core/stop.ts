import { MalformedError } from '@bourse/protocol/bytes'
import { WrongLogError } from '@bourse/protocol/replica'
import { DivergenceError } from '@bourse/protocol/streams'
import { LedgerError } from './ledger.ts'

export const STOP_REASONS = ['difference', 'malformed', 'wrong_log'] as const

/** Why a partition stands still, as its metric says. Starting again would find the same. */
export type StopReason = (typeof STOP_REASONS)[number]

/** Undefined for what a fresh start may mend. */
export function stopReason(error: unknown): StopReason | undefined {
  if (error instanceof DivergenceError || error instanceof LedgerError) return 'difference'
  if (error instanceof MalformedError) return 'malformed'
  if (error instanceof WrongLogError) return 'wrong_log'
  return error instanceof Error && error.cause !== undefined ? stopReason(error.cause) : undefined
}
