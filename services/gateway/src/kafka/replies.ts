import { hashOf } from '@bourse/protocol/stream-hash'
import { decodeFrame } from '@bourse/protocol/frame'
import type { TopicPartition } from '@bourse/platform/kafka/client'
import type { Follower } from '@bourse/platform/kafka/consumer'
import type { Reply } from '../core/pending-replies.ts'

const RECORDS_PER_READ_MAX = 1_000
const READ_WAIT_MS = 1_000

/** The partition of `replies` in which a gateway of that name is answered. */
export const partitionOf = (instanceName: string, partitions: number): number =>
  hashOf(Buffer.from(instanceName)).high % partitions

/** Begins at the tail: what was answered before this process began is for nobody. */
export async function beginAtTail(follower: Follower, { topic, partition }: TopicPartition): Promise<void> {
  const { high } = await follower.watermarks(topic, partition)
  follower.assign([{ topic, partition, offset: high }])
}

/** Hands over every answer to this process, with its log time, until `signal` is aborted. @throws KafkaError */
export async function followReplies(
  follower: Follower,
  instance: number,
  receive: (reply: Reply, time: number) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const records = await follower.read({ max: RECORDS_PER_READ_MAX, waitMs: READ_WAIT_MS, signal })
    for (const { value } of records) readReplies(value, instance, receive)
  }
}

/** Answers to other gateways share the partition: they are passed over. */
export function readReplies(
  frame: Buffer,
  instance: number,
  receive: (reply: Reply, time: number) => void,
): void {
  for (const { entry, time } of decodeFrame(frame).entries) {
    if (entry.type === 'reply' && entry.instance === instance) receive(entry, time)
  }
}
