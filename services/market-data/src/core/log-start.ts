import { WrongLogError } from '@bourse/protocol/replica'

/** The log begins after what a reader needs: no state can be built from it. */
export class LogTooShortError extends Error {
  override readonly name = 'LogTooShortError'
}

/**
 * Where a reader that stands at `next` begins: one record before it, to see that this is the log it has read; or at
 * `next` where that record was deleted, which the stream's running hash then tells.
 *
 * @param low the oldest offset that the log still has
 * @param high the offset of the next record to be written
 */
export function logStart(next: number, { low, high }: { low: number; high: number }): number {
  if (next > high)
    throw new WrongLogError(`the log ends at offset ${high}, but it was read up to ${next} before`)
  if (next < low) {
    const has = next === 0 ? 'there is no checkpoint' : `the checkpoint is at offset ${next}`
    throw new LogTooShortError(
      `the log begins at offset ${low}, and ${has}: its beginning has to be restored`,
    )
  }
  return Math.max(low, next - 1)
}
