import { offsets } from '@bourse/ledger/schema'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { and, eq } from 'drizzle-orm'
import type { Reader } from './books.ts'

/** Up to which sequence of a risk shard's output the tables are written. */
export async function settledSequence(db: Reader, shard: number): Promise<number> {
  const [row] = await db
    .select({ sequence: offsets.lastSequence })
    .from(offsets)
    .where(and(eq(offsets.topic, TOPICS.riskOut), eq(offsets.partition, shard)))
  return row?.sequence ?? 0
}
