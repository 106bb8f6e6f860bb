import { randomUUID } from 'node:crypto'
import { encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { topics } from '@bourse/protocol/streams'
import type { Admin } from '../kafka/admin.ts'
import type { Producer } from '../kafka/producer.ts'

const FLUSH_TIMEOUT_MS = 30_000

/**
 * Writes the first record of every partition that is still empty: a name for the log, made by chance. A state that was
 * built from one log is never continued with another.
 */
export async function writeGenesis(admin: Admin, producer: Producer): Promise<void> {
  const log = randomUUID()
  const entry = encodeEntry({ type: 'genesis', log }, { version: 0, cause: 0, time: 0 })
  const header = { epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }
  const frame = encodeFrame({ ...header, source: { kind: 'genesis', shard: 0 } }, [entry])
  for (const topic of topics) {
    const partitions = (await admin.partitionCount(topic)) ?? 0
    for (let partition = 0; partition < partitions; partition++) {
      const { high } = await admin.watermarks(topic, partition)
      if (high === 0) producer.send(topic, partition, frame, throwUndelivered)
    }
  }
  await producer.flush(FLUSH_TIMEOUT_MS)
}

function throwUndelivered(error: Error | undefined): void {
  if (error !== undefined) throw error
}
