import type { Client } from 'node-rdkafka'

import type { Logger } from '../log.ts'
import { keepAuthorized } from './access-token.ts'
import { KafkaError, kafkaError } from './error.ts'
import type { AccessToken } from './security.ts'

export type KafkaConnection = {
  /** `host:port`, separated by commas. */
  readonly brokers: string
  /** Shown in the broker's logs and quotas. */
  readonly clientId: string
  readonly log?: Logger
  /** How long the first connection may take. @default 30_000 */
  readonly connectTimeoutMs?: number
  /** More librdkafka settings, for TLS and SASL. They win over ours. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** For SASL with OAUTHBEARER: called for each client, and again before a token ends. */
  readonly accessToken?: () => Promise<AccessToken>
}

export type TopicPartition = { readonly topic: string; readonly partition: number }

/** `offset` is the next one to read. */
export type TopicPartitionOffset = TopicPartition & { readonly offset: number }

/**
 * A header that a record has which was copied from another region's log: the time that it had there, in milliseconds
 * since 1970. It is the record's time; the broker's own would be the copy's.
 */
export const LOG_TIME_HEADER = 'log-time'

/** Start at the oldest record that the broker still has. */
export const OFFSET_BEGINNING = -2

/** Start after the newest record. */
export const OFFSET_END = -1

const SYSLOG_WARNING = 4
const TROUBLE_INTERVAL_MS = 10_000

export const QUERY_TIMEOUT_MS = 10_000
export const CLOSE_TIMEOUT_MS = 5_000

/** What every client sets. */
export function clientSettings({ brokers, clientId, settings }: KafkaConnection): Record<string, unknown> {
  return {
    'metadata.broker.list': brokers,
    'client.id': clientId,
    'socket.timeout.ms': 10_000,
    'socket.keepalive.enable': true,
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1_000,
    ...settings,
  }
}

/**
 * Connects, or fails once no broker has answered for `connectTimeoutMs`.
 *
 * Trouble with a broker is logged: the client mends it by itself. An error that the client calls fatal goes to
 * `onFatal`: this client will never work again.
 */
export async function connect(
  client: Client<'event.error' | 'event.log' | 'disconnected'>,
  connection: KafkaConnection,
  onFatal?: (error: KafkaError) => void,
): Promise<void> {
  const { brokers, clientId, log, connectTimeoutMs = 30_000 } = connection
  const warn = rarely((kind, detail) => log?.warn({ kind, detail, brokers, clientId }, 'kafka trouble'))
  client.on('event.error', (cause) => {
    const error = kafkaError(cause, `Kafka client ${clientId}`)
    if (error.code === 'fatal') onFatal?.(error)
    else warn(error.code, error.message)
  })
  client.on('event.log', ({ severity, fac, message }: { severity: number; fac: string; message: string }) => {
    if (severity <= SYSLOG_WARNING) warn(fac, message)
  })
  const end = await keepAuthorized(client, connection)
  await new Promise<void>((resolve, reject) => {
    client.connect({ allTopics: false, timeout: connectTimeoutMs }, (cause) => {
      if (!cause) return resolve()
      end()
      reject(kafkaError(cause, `cannot reach Kafka at ${brokers}`))
    })
  })
}

/** Passes a kind of trouble on once per `TROUBLE_INTERVAL_MS`: without a broker the client has it many times a second. */
function rarely(warn: (kind: string, detail: string) => void): (kind: string, detail: string) => void {
  const last = new Map<string, number>()
  return (kind, detail) => {
    const now = performance.now()
    if (now - (last.get(kind) ?? -Infinity) < TROUBLE_INTERVAL_MS) return
    last.set(kind, now)
    warn(kind, detail)
  }
}

/**
 * Disconnects.
 *
 * @throws KafkaError `timed_out` after `CLOSE_TIMEOUT_MS`: a native close can hang, and its thread with it
 */
export async function disconnect(client: Client<never>): Promise<void> {
  const closed = new Promise<true>((resolve) => client.disconnect(() => resolve(true)))
  if ((await within(CLOSE_TIMEOUT_MS, closed)) === undefined) {
    throw new KafkaError('timed_out', 'a Kafka client does not close')
  }
}

/** The promise's value, or undefined when it took longer. The timer does not keep the process alive. */
export async function within<Value>(timeoutMs: number, promise: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** The oldest offset that a partition has, and the one that its next record will get. */
export type Watermarks = { readonly low: number; readonly high: number }

/** Asks the partition's leader, also when one is just being elected. */
export async function queryWatermarks(
  client: Client<never>,
  topic: string,
  partition: number,
): Promise<Watermarks> {
  const deadline = performance.now() + QUERY_TIMEOUT_MS
  for (;;) {
    try {
      return await queryWatermarksOnce(client, topic, partition)
    } catch (error) {
      if (!(error instanceof KafkaError && ELECTION.has(error.code)) || performance.now() > deadline)
        throw error
    }
    await new Promise((resolve) => setTimeout(resolve, ELECTION_RETRY_MS))
  }
}

const ELECTION = new Set(['not_leader_for_partition', 'leader_not_available'])
const ELECTION_RETRY_MS = 50

function queryWatermarksOnce(client: Client<never>, topic: string, partition: number): Promise<Watermarks> {
  return new Promise((resolve, reject) => {
    client.queryWatermarkOffsets(topic, partition, QUERY_TIMEOUT_MS, (cause, offsets) => {
      if (cause) reject(kafkaError(cause, `watermarks of ${topic}[${partition}]`))
      else resolve({ low: offsets.lowOffset, high: offsets.highOffset })
    })
  })
}
