import { randomInt } from 'node:crypto'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectFollower } from '@bourse/platform/kafka/consumer'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { TOPICS } from '@bourse/platform/kafka/topics'
import type { Resources } from '@bourse/platform/resources'
import { OrderEntry, type OrderEntryOptions } from './order-entry.ts'
import { beginAtTail, followReplies, partitionOf } from './replies.ts'

type Limits = Pick<
  OrderEntryOptions,
  'inFlightMax' | 'shedReplyLagMs' | 'requestTimeoutMs' | 'orderDeadlineMs'
>

export type ConnectOptions = Limits & {
  readonly connection: KafkaConnection
  readonly instanceName: string
  readonly riskShards: number
  readonly events: OrderEntryOptions['events']
  readonly resources: Resources
  readonly shutdown: AbortController
  /** @default the exchange's own */
  readonly topics?: { readonly riskIn: string; readonly replies: string }
}

/** Order entry over Kafka. It is `ready` a moment later, when every risk shard has answered. */
export async function connectOrderEntry(options: ConnectOptions): Promise<OrderEntry> {
  const { connection, riskShards, resources, shutdown, topics = TOPICS, ...rest } = options
  const onFatal = (error: Error): void => shutdown.abort(error)
  const partitions = await countPartitions(connection, topics, riskShards)
  const partition = partitionOf(options.instanceName, partitions)
  const instance = randomInt(1, 2 ** 32)

  const follower = resources.own(await connectFollower(connection), (each) => each.close())
  await beginAtTail(follower, { topic: topics.replies, partition })
  const producer = resources.own(
    await connectProducer({ ...connection, onFatal, messageTimeoutMs: options.requestTimeoutMs }),
    (each) => each.close(),
  )
  const send: OrderEntryOptions['send'] = (shard, frame, onDelivered) =>
    producer.send(topics.riskIn, shard, frame, onDelivered)
  const now = (): number => performance.timeOrigin + performance.now()
  const entry = new OrderEntry({ ...rest, shards: riskShards, partition, instance, send, now })

  const stop = new AbortController()
  entry.sweepUntil(stop.signal)
  const following = followReplies(
    follower,
    instance,
    (reply, time) => entry.receive(reply, time),
    stop.signal,
  )
  following.catch(onFatal)
  resources.own(stop, async () => {
    stop.abort()
    await following.catch(() => {})
  })
  return entry
}

/** Refuses to run with another number of shards than the exchange was created with: ids would lead astray. */
async function countPartitions(
  connection: KafkaConnection,
  topics: { readonly riskIn: string; readonly replies: string },
  riskShards: number,
): Promise<number> {
  const admin = await connectAdmin(connection)
  try {
    const [risk, replies] = [
      await admin.partitionCount(topics.riskIn),
      await admin.partitionCount(topics.replies),
    ]
    if (risk !== riskShards)
      throw new Error(`${topics.riskIn} has ${risk} partitions, RISK_PARTITIONS is ${riskShards}`)
    if (replies === undefined) throw new Error(`there is no topic ${topics.replies}`)
    return replies
  } finally {
    await admin.close()
  }
}
