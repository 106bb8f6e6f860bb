import type { Batch } from './batch.ts'
import type { Input, Position } from './position.ts'

/**
 * Where batches are kept. One batch is one transaction: all of it or nothing.
 *
 * `apply` first moves the position from `batch.before` to `batch.after`. Where the position is another, somebody else
 * writes this partition too and is ahead: then nothing is written and the answer is `fenced`. So no entry counts twice,
 * however many writers there are. Throws a LedgerError where rows contradict the log.
 */
export interface Ledger {
  /** How far the partition has come; its beginning where nothing was applied yet. */
  position(input: Input): Position | Promise<Position>
  apply(batch: Batch): Applied | Promise<Applied>
}

export type Applied = 'applied' | 'fenced'

/** Rows and log contradict each other: a row was changed by hand, or lost, or our code is wrong. Nothing mends it by itself. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
}
