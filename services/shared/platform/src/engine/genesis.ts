import { randomUUID } from 'node:crypto'
import { decodeFrame, encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { WrongLogError } from '@bourse/protocol/replica'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { topics } from '@bourse/protocol/streams'
import type { Admin } from '../kafka/admin.ts'
import type { KafkaConnection, TopicPartition } from '../kafka/client.ts'
import type { Producer } from '../kafka/producer.ts'
import { readRecord } from '../kafka/read-record.ts'

const FLUSH_TIMEOUT_MS = 30_000

export type GenesisParts = {
  readonly admin: Pick<Admin, 'partitionsOf' | 'watermarks'>
  readonly producer: Pick<Producer, 'send' | 'flush'>
  /** For reading what another partition begins with. */
  readonly connection: KafkaConnection
}

/**
 * Writes the first record of every partition that is still empty: the log's name, made by chance unless a partition
 * has one already. A state that was built from one log is never continued with another.
 *
 * @throws KafkaError `unknown_topic`: one of the topics is not there
 */
export async function writeGenesis({ admin, producer, connection }: GenesisParts): Promise<void> {
  const partitions = await partitionsOf(admin)
  const begun = partitions.find(({ high }) => high > 0)
  const log = begun === undefined ? randomUUID() : await logName(connection, begun)
  const entry = encodeEntry({ type: 'genesis', log }, { version: 0, cause: 0, time: 0 })
  const header = { epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }
  const frame = encodeFrame({ ...header, source: { kind: 'genesis', shard: 0 } }, [entry])
  for (const { topic, partition, high } of partitions)
    if (high === 0) producer.send(topic, partition, frame, throwUndelivered)
  await producer.flush(FLUSH_TIMEOUT_MS)
}

async function partitionsOf(
  admin: GenesisParts['admin'],
): Promise<(TopicPartition & { readonly high: number })[]> {
  const found = []
  for (const topic of topics) {
    const partitions = await admin.partitionsOf(topic)
    for (let partition = 0; partition < partitions; partition++)
      found.push({ topic, partition, ...(await admin.watermarks(topic, partition)) })
  }
  return found
}

async function logName(connection: KafkaConnection, { topic, partition }: TopicPartition): Promise<string> {
  const { value } = await readRecord(connection, { topic, partition, offset: 0 })
  const [first] = decodeFrame(value).entries
  if (first?.entry.type === 'genesis') return first.entry.log
  throw new WrongLogError(`${topic}/${partition} does not begin with a genesis record`)
}

function throwUndelivered(error: Error | undefined): void {
  if (error !== undefined) throw error
}
