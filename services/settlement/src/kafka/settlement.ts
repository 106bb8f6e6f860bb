import type { Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection, TopicPartition, TopicPartitionOffset } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import { joinConsumerGroup, type ConsumerGroup } from '@bourse/platform/kafka/group'
import { untilDone } from '@bourse/platform/until-done'
import { WrongLogError } from '@bourse/protocol/replica'
import { inputKey, type Input } from '../core/position.ts'
import type { Events } from '../events.ts'
import type { PostgresLedger } from '../postgres/ledger.ts'
import { PartitionWriter, type PartitionWriterOptions } from './partition-writer.ts'

/** Nobody waits for a row within milliseconds; larger fetches and transactions cost less. */
const GATHERING = { fetchBytesMin: 65_536, fetchWaitMs: 20 }

export type SettlementOptions = {
  readonly connection: KafkaConnection
  readonly groupId: string
  /** The names of the two logs in Kafka. */
  readonly topics: Readonly<Record<Input['topic'], string>>
  readonly admin: Admin
  readonly ledger: PostgresLedger
  readonly events: Events
  readonly sessionTimeoutMs: number
  readonly commitIntervalMs: number
  readonly shutdown: AbortController
}

const READ_RECORDS_MAX = 500
const READ_WAIT_MS = 500

/** Records read and not settled yet, over all partitions, at most. Then reading waits. */
const UNSETTLED_BYTES_MAX = 8 * 2 ** 20

/** PostgreSQL may be away for so long before the group gives this member's partitions to another. */
const POLL_INTERVAL_MS_MAX = 600_000
const DAY_MS = 86_400_000

/** Joins the group `settlement` and writes the partitions it is given into the ledger, until it is closed. */
export async function startSettlement(options: SettlementOptions): Promise<Settlement> {
  const settlement = new Settlement(options)
  await settlement.start()
  return settlement
}

export class Settlement {
  readonly #options: SettlementOptions
  readonly #writers = new Map<string, PartitionWriter>()
  readonly #committed = new Map<string, number>()
  #group: ConsumerGroup | undefined
  #reading: Promise<void> = Promise.resolve()
  #months: NodeJS.Timeout | undefined
  #commitAt = 0

  constructor(options: SettlementOptions) {
    this.#options = options
  }

  get writers(): readonly PartitionWriter[] {
    return [...this.#writers.values()]
  }

  /** Partitions that stand still until a person acts: the others go on. */
  get stopped(): readonly string[] {
    return this.writers.filter(({ stopped }) => stopped !== undefined).map(({ input }) => inputKey(input))
  }

  async start(): Promise<void> {
    const { connection, groupId, topics, sessionTimeoutMs, shutdown } = this.#options
    const fail = (error: Error) => shutdown.abort(error)
    shutdown.signal.addEventListener('abort', () => void this.#stopWriters(this.writers), { once: true })
    await this.#prepareMonths()
    this.#months = setInterval(() => void this.#prepareMonths().catch(fail), DAY_MS)
    this.#group = await joinConsumerGroup({
      ...connection,
      ...GATHERING,
      groupId,
      topics: Object.values(topics),
      onAssign: (partitions) => Promise.all(partitions.map((partition) => this.#assign(partition))),
      onRevoke: (partitions, { lost }) => this.#revoke(partitions, lost),
      onFatal: fail,
      sessionTimeoutMs,
      maxPollIntervalMs: POLL_INTERVAL_MS_MAX,
    })
    this.#reading = this.#read(this.#group).catch(fail)
  }

  /** Finishes the transactions in work and leaves the group. Reading has to be stopped before: see `shutdown`. */
  async close(): Promise<void> {
    clearInterval(this.#months)
    await this.#reading
    await this.#group?.close()
  }

  /** Records that are in the log and not in the ledger yet. */
  async lags(): Promise<{ readonly input: Input; readonly records: number }[]> {
    return Promise.all(
      this.writers.map(async ({ input, position }) => {
        const { high } = await this.#options.admin.watermarks(
          this.#options.topics[input.topic],
          input.partition,
        )
        return { input, records: Math.max(0, high - position.nextOffset) }
      }),
    )
  }

  async #read(group: ConsumerGroup): Promise<void> {
    const { signal } = this.#options.shutdown
    while (!signal.aborted) {
      const messages = await group.read({ max: READ_RECORDS_MAX, waitMs: READ_WAIT_MS, signal })
      this.#distribute(messages)
      await this.#room(signal)
      await this.#commit(group)
    }
  }

  #distribute(messages: readonly Message[]): void {
    const byPartition = new Map<PartitionWriter, Message[]>()
    for (const message of messages) {
      const writer = this.#writers.get(inputKey(this.#inputOf(message)))
      if (writer === undefined) continue
      const records = byPartition.get(writer)
      if (records === undefined) byPartition.set(writer, [message])
      else records.push(message)
    }
    for (const [writer, records] of byPartition) writer.push(records)
  }

  async #room(signal: AbortSignal): Promise<void> {
    const bytes = () => this.writers.reduce((sum, writer) => sum + writer.bytes, 0)
    while (bytes() > UNSETTLED_BYTES_MAX && !signal.aborted) {
      await Promise.race(this.writers.filter(({ bytes }) => bytes > 0).map((writer) => writer.progress()))
    }
  }

  /** Kafka's offsets are never read: they tell operators and the autoscaler the lag. */
  async #commit(group: ConsumerGroup, now = performance.now()): Promise<void> {
    if (now < this.#commitAt) return
    this.#commitAt = now + this.#options.commitIntervalMs
    await this.#commitPositions(group, this.writers)
  }

  async #commitPositions(group: ConsumerGroup, writers: readonly PartitionWriter[]): Promise<void> {
    const moved = writers.filter(
      ({ input, position }) => this.#committed.get(inputKey(input)) !== position.nextOffset,
    )
    if (moved.length === 0) return
    const offsets = moved.map(({ input, position }) => ({
      topic: this.#options.topics[input.topic],
      partition: input.partition,
      offset: position.nextOffset,
    }))
    try {
      await group.commit(offsets)
      moved.forEach(({ input }, index) => this.#committed.set(inputKey(input), offsets[index]?.offset ?? 0))
    } catch (error) {
      this.#options.events.commitFailed(error)
    }
  }

  async #assign(assigned: TopicPartition): Promise<TopicPartitionOffset> {
    const { ledger, events, admin, shutdown } = this.#options
    const input = this.#inputOf(assigned)
    const position = await untilDone(() => ledger.position(input), this.#retry(`position ${inputKey(input)}`))
    const { low, high } = await admin.watermarks(assigned.topic, assigned.partition)
    const offset = startOffset(input, position.nextOffset, { low, high })
    const onFatal = (error: Error) => shutdown.abort(error)
    const onStopped: PartitionWriterOptions['onStopped'] = (error, reason) =>
      events.stopped(input, error, reason)
    const writer = new PartitionWriter({ input, position, ledger, events, onStopped, onFatal })
    this.#writers.set(inputKey(input), writer)
    events.assigned(input, position, offset)
    return { ...assigned, offset }
  }

  async #revoke(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    const inputs = partitions.map((partition) => this.#inputOf(partition))
    const writers = inputs.flatMap((input) => this.#writers.get(inputKey(input)) ?? [])
    await this.#stopWriters(writers)
    if (!lost && this.#group !== undefined) await this.#commitPositions(this.#group, writers)
    for (const input of inputs) {
      this.#writers.delete(inputKey(input))
      this.#committed.delete(inputKey(input))
    }
    this.#options.events.revoked(inputs, lost)
  }

  async #stopWriters(writers: readonly PartitionWriter[]): Promise<void> {
    await Promise.all(writers.map((writer) => writer.stop()))
  }

  #prepareMonths(): Promise<void> {
    return untilDone(() => this.#options.ledger.prepareMonths(Date.now()), this.#retry('prepare months'))
  }

  #retry(doing: string) {
    const { events, shutdown } = this.#options
    const onWait = (error: unknown, delayMs: number) => events.waiting(error, doing, delayMs)
    return { signal: shutdown.signal, onWait }
  }

  #inputOf({ topic, partition }: TopicPartition): Input {
    return { topic: topic === this.#options.topics['risk.out'] ? 'risk.out' : 'orders.out', partition }
  }
}

/**
 * Where to begin reading: one record early, so that the last one the ledger was built from can be compared, unless it
 * was deleted as covered. Throws a WrongLogError where the log does not reach the ledger's position.
 */
export function startOffset(
  input: Input,
  nextOffset: number,
  { low, high }: { low: number; high: number },
): number {
  if (nextOffset < low) {
    throw new WrongLogError(`${inputKey(input)} begins at ${low}, the ledger needs it from ${nextOffset} on`)
  }
  if (nextOffset > high) {
    throw new WrongLogError(`${inputKey(input)} ends at ${high}, the ledger has read up to ${nextOffset}`)
  }
  return Math.max(low, nextOffset - 1)
}
