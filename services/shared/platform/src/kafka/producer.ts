import rdkafka from 'node-rdkafka'

import {
  CLOSE_TIMEOUT_MS,
  type KafkaConnection,
  LOG_TIME_HEADER,
  type TopicPartition,
  clientSettings,
  connect,
  disconnect,
  within,
} from './client.ts'
import { KafkaError, kafkaError } from './error.ts'
import { watchForStalls } from './stall-watch.ts'

/** A record holds one frame of at most 512 KiB; this leaves room for the protocol around it. */
const MESSAGE_BYTES_MAX = 1_000_000

/**
 * How often delivery reports are fetched while something is in flight. Nobody's answer waits for them: they move
 * watermarks. Native `flush` would hand them over at once, for two to three times the CPU.
 */
const REPORTS_INTERVAL_MS = 3

export type ProducerOptions = KafkaConnection & {
  /** The client is dead (or a delivery callback threw): end the process. */
  readonly onFatal: (error: Error) => void
  /**
   * When an unacknowledged record is given up.
   * @default 120_000: longer than any election, as an engine's process ends on the error. Gateways set it short.
   */
  readonly messageTimeoutMs?: number
  /** @default 100_000 records; more are refused with `queue_full`. */
  readonly queueMessagesMax?: number
}

/** `error` is undefined when all in-sync replicas have the record; then `offset` is where it is. */
export type OnDelivered = (error: KafkaError | undefined, offset: number) => void

export type SendOptions = {
  /** The time that another region's broker gave the record: it keeps that, whenever it is written here. */
  readonly logTime?: number
}

/** Idempotent, `acks=all`, in order: a record is sent as soon as it is given. */
export async function connectProducer(options: ProducerOptions): Promise<Producer> {
  const { messageTimeoutMs = 120_000, queueMessagesMax = 100_000 } = options
  const client = new rdkafka.Producer(
    {
      ...clientSettings(options),
      dr_cb: true,
      'enable.idempotence': true,
      'max.in.flight.requests.per.connection': 5,
      'linger.ms': 0,
      'message.max.bytes': MESSAGE_BYTES_MAX,
      'queue.buffering.max.messages': queueMessagesMax,
    },
    { acks: -1, 'message.timeout.ms': messageTimeoutMs },
  )
  await connect(client, options, options.onFatal)
  return new Producer(client, options)
}

/**
 * Seconds without any delivery while records wait and the broker answers. Longer than a reader's: too few in-sync
 * replicas look the same for a while.
 */
const STALLED_SECONDS_MAX = 15

export class Producer {
  readonly #client: rdkafka.Producer
  readonly #onFatal: (error: Error) => void
  readonly #callbacks = new Map<number, OnDelivered>()
  #nextId = 1
  #polling: NodeJS.Timeout | undefined
  #closing = false
  #onIdle: (() => void)[] = []
  #deliveries = 0
  #lastTo: TopicPartition | undefined
  readonly #endWatch: () => Promise<void>

  constructor(client: rdkafka.Producer, options: ProducerOptions) {
    this.#client = client
    this.#onFatal = options.onFatal
    client.on('delivery-report', (error, report) => this.#delivered(error, report))
    this.#endWatch = watchForStalls(options, {
      checksMax: STALLED_SECONDS_MAX,
      standings: () =>
        this.inFlight === 0 || this.#lastTo === undefined
          ? []
          : [{ ...this.#lastTo, position: this.#deliveries, isBehind: () => this.inFlight > 0 }],
      onStalled: ({ topic, partition }) =>
        this.#onFatal(
          new KafkaError('stalled', `nothing was delivered for seconds, to ${topic}[${partition}] last`),
        ),
    })
  }

  /** Records given and neither acknowledged nor given up. */
  get inFlight(): number {
    return this.#callbacks.size
  }

  /**
   * Gives a record to the client; `onDelivered` is called once, later, in order per partition unless it failed.
   *
   * @throws KafkaError `queue_full`: not taken, try again when reports have come; `fatal`: this client is dead.
   */
  send(
    topic: string,
    partition: number,
    value: Buffer,
    onDelivered: OnDelivered,
    { logTime }: SendOptions = {},
  ): void {
    const headers = logTime === undefined ? undefined : [{ [LOG_TIME_HEADER]: String(logTime) }]
    const id = this.#nextId++
    try {
      this.#client.produce(topic, partition, value, undefined, undefined, id, headers)
    } catch (cause) {
      throw kafkaError(cause as Error, `produce to ${topic}[${partition}]`)
    }
    this.#callbacks.set(id, onDelivered)
    this.#lastTo = { topic, partition }
    this.#awaitReports()
  }

  /** Resolves when nothing is in flight. @throws KafkaError `timed_out`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.inFlight === 0) return
    const idle = new Promise<true>((resolve) => this.#onIdle.push(() => resolve(true)))
    if (await within(timeoutMs, idle)) return
    throw new KafkaError('timed_out', `${this.inFlight} records unacknowledged after ${timeoutMs} ms`)
  }

  /** Waits for what is in flight, but no longer than `timeoutMs`, and disconnects. */
  async close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    if (this.#closing) return
    await this.flush(timeoutMs).catch(() => {})
    this.#closing = true
    clearInterval(this.#polling)
    await Promise.all([this.#endWatch(), disconnect(this.#client)])
  }

  #awaitReports(): void {
    this.#polling ??= setInterval(() => {
      this.#client.poll()
      if (this.inFlight > 0) return
      clearInterval(this.#polling)
      this.#polling = undefined
    }, REPORTS_INTERVAL_MS)
  }

  #delivered(cause: rdkafka.LibrdKafkaError | null, report: rdkafka.DeliveryReport): void {
    const id: unknown = report.opaque
    const onDelivered = typeof id === 'number' ? this.#callbacks.get(id) : undefined
    if (typeof id !== 'number' || onDelivered === undefined) {
      this.#onFatal(
        new Error(`a delivery report for ${report.topic}[${report.partition}] that nobody awaits`),
      )
      return
    }
    this.#callbacks.delete(id)
    if (!cause) this.#deliveries++
    try {
      if (cause)
        onDelivered(kafkaError(cause, `deliver to ${report.topic}[${report.partition}]`), report.offset)
      else onDelivered(undefined, report.offset)
    } catch (error) {
      this.#onFatal(error as Error)
    }
    if (this.inFlight === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}
