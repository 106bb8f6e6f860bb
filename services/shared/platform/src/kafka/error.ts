import rdkafka from 'node-rdkafka'

/**
 * Something that Kafka or its client refused or could not do.
 *
 * `code` is librdkafka's name for it in snake_case, so it is stable and can be searched for:
 * `queue_full`, `msg_timed_out`, `timed_out`, `illegal_generation`, `unknown_member_id`, `fatal` …
 * This package adds `offset_out_of_range` and `log_gap` (the log is not the one that was read before) and
 * `partition_count_mismatch`.
 */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What the client throws or passes: some paths carry a number, delivery reports and events only a text. */
type ClientError = { readonly message: string; readonly code?: number }

/** Gives a client error its name. `doing` says what failed, and with what. */
export function kafkaError(cause: ClientError, doing: string): KafkaError {
  const code = NAMES.get(cause.code ?? UNKNOWN) ?? TEXTS.get(textOf(cause.message)) ?? 'unknown'
  return new KafkaError(code, `${doing}: ${cause.message}`, { cause })
}

const UNKNOWN = -1

/** From librdkafka's numbers, -1 apart: that is what the client says when it has lost the number. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(rdkafka.CODES.ERRORS)
    .filter(([, number]) => number !== UNKNOWN)
    .map(([name, number]) => [number, name.replace(/^ERR_+/, '').toLowerCase()]),
)

/** The texts (rd_kafka_err2str) of the errors that arrive without a number and are worth a name. */
const TEXTS: ReadonlyMap<string, string> = new Map([
  ['fatal error', 'fatal'],
  ['message timed out', 'msg_timed_out'],
  ['message size too large', 'msg_size_too_large'],
  ['not enough in-sync replicas', 'not_enough_replicas'],
  ['unknown topic or partition', 'unknown_topic_or_part'],
  ['unknown topic', 'unknown_topic'],
  ['unknown partition', 'unknown_partition'],
  ['purged in queue', 'purge_queue'],
  ['purged in flight', 'purge_inflight'],
  ['all broker connections are down', 'all_brokers_down'],
  ['broker transport failure', 'transport'],
])

/** `Broker: Not enough in-sync replicas` and `not enough in-sync replicas` are one text. */
const textOf = (message: string): string => message.toLowerCase().replace(/^(local|broker): /, '')
