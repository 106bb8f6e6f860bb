import { MalformedError } from '@bourse/protocol/bytes'
import { WrongLogError } from '@bourse/protocol/replica'
import { DivergenceError } from '@bourse/protocol/streams'

/**
 * Why a shard stopped, as its metric says: one sequence number came with two contents; a record that is no frame;
 * another log; a command that throws.
 */
export type StopReason = 'difference' | 'malformed' | 'wrong_log' | 'poison'

export function stopReason(error: Error): StopReason {
  if (error instanceof DivergenceError) return 'difference'
  if (error instanceof MalformedError) return 'malformed'
  if (error instanceof WrongLogError) return 'wrong_log'
  return 'poison'
}
