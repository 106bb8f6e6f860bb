import rdkafka from 'node-rdkafka'

import {
  CLOSE_TIMEOUT_MS,
  OFFSET_END,
  type TopicPartition,
  type TopicPartitionOffset,
  connect,
  disconnect,
  within,
} from './client.ts'
import { committedOffsets, type CommittedOffset } from './committed.ts'
import {
  CONSUMER_TOPIC_SETTINGS,
  type FollowerOptions,
  consumerSettings,
  watchOffsets,
  watchReader,
} from './consumer.ts'
import { KafkaError, kafkaError } from './error.ts'
import { Inbox, type Message, type ReadOptions } from './inbox.ts'

export type OnRevoke = (
  partitions: readonly TopicPartition[],
  /** `lost`: the group has surely given them to someone else already, so a commit would be refused. */
  { lost }: { lost: boolean },
) => Promise<void>

type MembershipOptions = FollowerOptions & {
  readonly groupId: string
  readonly topics: readonly string[]
  /**
   * Called before the partitions go to another member: finish, flush, commit. They are given up when the promise
   * resolves. Not every loss is known as one: a commit that fails with `assignment_lost`, `illegal_generation` or
   * `unknown_member_id` tells it too.
   */
  readonly onRevoke: OnRevoke
  /** The client is dead, or a callback threw: end the process. */
  readonly onFatal: (error: Error) => void
  /** How long a member may be silent before it is taken for dead. @default 6_000 */
  readonly sessionTimeoutMs?: number
  /** How soon a member hears of a rebalance: half of what a planned handover takes. @default 100 */
  readonly heartbeatMs?: number
  /** How long the event loop may hang before the member is taken for dead. @default 15_000 */
  readonly maxPollIntervalMs?: number
}

export type GroupOptions = MembershipOptions & {
  /** Called with the partitions won; they are ours until `onRevoke`. */
  readonly onAssign: (partitions: readonly TopicPartition[]) => Promise<void>
}

export type ConsumerGroupOptions = MembershipOptions & {
  /** Called with the partitions won; answers where to start reading each of them. */
  readonly onAssign: (partitions: readonly TopicPartition[]) => Promise<readonly TopicPartitionOffset[]>
}

/** How long one wait in native code lasts. Callbacks end it early, so this only bounds how fast closing is. */
const POLL_WAIT_MS = 100

/** While a callback works, the client hears from us this often, so that it does not take us for hung. */
const KEEP_ALIVE_MS = 1_000

/**
 * The client joins a group at most once a second. What a new member is to get is freed by a second rebalance, which
 * it could join only then: so the owner keeps it for that second, and not nobody.
 */
const JOIN_INTERVAL_MS = 1_000

const COMMIT_TIMEOUT_MS = 10_000
const COMMIT_RETRY_MS = 50

/** What a commit meets while the group is rebalancing; it is soon over. */
const RETRIABLE = new Set(['rebalance_in_progress', 'coordinator_load_in_progress'])

/** What tells a member that it no longer is one. */
const LOST = new Set(['illegal_generation', 'unknown_member_id', 'fenced_instance_id', 'assignment_lost'])

/** The client's log lines when it has noticed by itself: the session, or the time between polls, ran out. */
const LOST_LOGS = new Set(['SESSTMOUT', 'MAXPOLL'])

/** Joins a group for ownership alone: partitions come and go, nothing is fetched. */
export async function joinGroup(options: GroupOptions): Promise<Group> {
  const membership = await Membership.join({
    ...options,
    onAssign: async (partitions) => {
      await options.onAssign(partitions)
      // From the end, which has to be asked for first, and is paused before the answer comes.
      return partitions.map((partition) => ({ ...partition, offset: OFFSET_END }))
    },
    paused: true,
  })
  return new Group(membership, options.onFatal)
}

/** Joins a group to read what it is assigned. */
export async function joinConsumerGroup(options: ConsumerGroupOptions): Promise<ConsumerGroup> {
  return new ConsumerGroup(await Membership.join({ ...options, paused: false }))
}

/** A member that owns partitions. It keeps itself alive, and hears of a rebalance at once. */
export class Group {
  readonly #membership: Membership
  readonly #polling: Promise<void>

  constructor(membership: Membership, onFatal: (error: Error) => void) {
    this.#membership = membership
    this.#polling = this.#poll().catch(onFatal)
  }

  /** See `ConsumerGroup.commit`. */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    return this.#membership.commit(offsets)
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.#membership.committed(partitions)
  }

  /** Gives up everything (`onRevoke`) and leaves, so that others take over at once. Never takes long. */
  async close(): Promise<void> {
    await this.#membership.leave()
    await this.#polling
    await this.#membership.disconnect()
  }

  async #poll(): Promise<void> {
    while (!this.#membership.left) await this.#membership.read({ max: 1, waitMs: POLL_WAIT_MS })
  }
}

/** A member that reads. `onAssign` and `onRevoke` run inside `read` alone: never while a batch is in work. */
export class ConsumerGroup {
  readonly #membership: Membership

  constructor(membership: Membership) {
    this.#membership = membership
  }

  /** As `Follower.read`. Has to be called again before `maxPollIntervalMs` is over, or the partitions are lost. */
  read(options: ReadOptions): Promise<readonly Message[]> {
    return this.#membership.read(options)
  }

  /**
   * Commits the next offset to read of each partition. Resolves when the group has stored them.
   *
   * @throws KafkaError `assignment_lost`, `illegal_generation`, `unknown_member_id`: the partitions are not ours, or
   *   no longer; `timed_out`.
   */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    return this.#membership.commit(offsets)
  }

  /** What the group has committed, in the order asked for. */
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.#membership.committed(partitions)
  }

  /** See `Group.close`. Call it when no `read` is being awaited any more. */
  async close(): Promise<void> {
    await this.#membership.leave()
    await this.#membership.disconnect()
  }
}

type Rebalance = { readonly assigned: boolean; readonly partitions: readonly TopicPartition[] }

type PendingCommit = {
  readonly key: string
  readonly settle: (error: KafkaError | undefined) => void
}

/** Cooperative-sticky, dynamic. Rebalances wait until somebody reads; then the owner is asked first. */
class Membership {
  readonly #consumer: rdkafka.KafkaConsumer
  readonly #inbox: Inbox
  readonly #options: ConsumerGroupOptions & { readonly paused: boolean }
  readonly #rebalances: Rebalance[] = []
  readonly #owned = new Set<string>()
  #handling: Promise<void> | undefined
  #lost = false
  #leaving = false
  #onLeaving = () => {}
  readonly #whenLeaving = new Promise<void>((resolve) => (this.#onLeaving = resolve))
  #committing: Promise<void> = Promise.resolve()
  #pending: PendingCommit | undefined
  #endWatch = async () => {}
  left = false

  private constructor(options: ConsumerGroupOptions & { readonly paused: boolean }) {
    const { groupId, sessionTimeoutMs = 6_000, heartbeatMs = 100, maxPollIntervalMs = 15_000 } = options
    this.#options = options
    this.#consumer = new rdkafka.KafkaConsumer(
      {
        ...consumerSettings(options),
        'group.id': groupId,
        'partition.assignment.strategy': 'cooperative-sticky',
        'session.timeout.ms': sessionTimeoutMs,
        'heartbeat.interval.ms': heartbeatMs,
        'max.poll.interval.ms': Math.max(maxPollIntervalMs, sessionTimeoutMs),
        rebalance_cb: (cause: rdkafka.LibrdKafkaError, partitions: TopicPartition[]) =>
          this.#onRebalance(cause, partitions),
        offset_commit_cb: (cause: rdkafka.LibrdKafkaError | undefined, offsets: TopicPartitionOffset[]) =>
          this.#onCommitted(cause, offsets),
      },
      CONSUMER_TOPIC_SETTINGS,
    )
    this.#inbox = new Inbox(this.#consumer)
    watchOffsets(this.#consumer, this.#inbox)
    this.#consumer.on('event.log', ({ fac }: { fac: string }) => {
      if (LOST_LOGS.has(fac)) this.#lost = true
    })
  }

  static async join(options: ConsumerGroupOptions & { readonly paused: boolean }): Promise<Membership> {
    const membership = new Membership(options)
    await connect(membership.#consumer, options, options.onFatal)
    membership.#consumer.subscribe([...options.topics])
    if (!options.paused) membership.#endWatch = watchReader(membership.#inbox, options)
    return membership
  }

  async read(options: ReadOptions): Promise<readonly Message[]> {
    await this.#handleRebalances()
    if (this.left) return []
    return this.#inbox.read(options)
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const turn = this.#committing.then(() => this.#commitNow(offsets))
    this.#committing = turn.catch(() => {})
    await turn
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return committedOffsets(this.#consumer, this.#options.groupId, partitions)
  }

  /** Unsubscribing, unlike closing, still lets `onRevoke` commit. Bounded: then the process just goes. */
  async leave(): Promise<void> {
    if (this.#leaving) return
    this.#leaving = true
    this.#onLeaving()
    this.#consumer.unsubscribe()
    await within(CLOSE_TIMEOUT_MS, this.#giveUpAll())
    this.left = true
    this.#inbox.interrupt()
  }

  async disconnect(): Promise<void> {
    await Promise.all([this.#endWatch(), disconnect(this.#consumer)])
  }

  async #giveUpAll(): Promise<void> {
    while (this.#owned.size > 0 || this.#rebalances.length > 0 || this.#handling) {
      await this.#handleRebalances()
      if (this.#owned.size > 0) await this.#inbox.poll(POLL_WAIT_MS)
    }
  }

  #onRebalance(cause: rdkafka.LibrdKafkaError, partitions: readonly TopicPartition[]): void {
    const assigned = cause.code === rdkafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS
    this.#rebalances.push({ assigned, partitions })
    // The native close waits for our answer, and asks nobody any more.
    if (this.left) void this.#handleRebalances()
    this.#inbox.interrupt()
  }

  /** One after the other. The client sends no more until the last was answered, but it may have been left waiting. */
  #handleRebalances(): Promise<void> {
    if (this.#rebalances.length === 0 && !this.#handling) return Promise.resolve()
    this.#handling ??= this.#handleAll().finally(() => {
      this.#handling = undefined
    })
    return this.#handling
  }

  async #handleAll(): Promise<void> {
    const keepAlive = setInterval(() => void this.#inbox.poll(0), KEEP_ALIVE_MS)
    try {
      for (let next = this.#rebalances.shift(); next !== undefined; next = this.#rebalances.shift()) {
        await (next.assigned ? this.#assign(next.partitions) : this.#revoke(next.partitions))
      }
    } finally {
      clearInterval(keepAlive)
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    this.#lost = false
    let starts: readonly TopicPartitionOffset[] = []
    try {
      if (partitions.length > 0) starts = startsOf(partitions, await this.#options.onAssign(partitions))
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
    for (const start of starts) {
      this.#owned.add(keyOf(start))
      this.#inbox.expect(start)
    }
    // Also without any: the client waits for the answer.
    this.#consumer.incrementalAssign([...starts])
    if (this.#options.paused && starts.length > 0) this.#consumer.pause([...starts])
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    const owned = partitions.filter((partition) => this.#owned.has(keyOf(partition)))
    if (this.#options.paused && !this.#lost) await within(JOIN_INTERVAL_MS, this.#whenLeaving)
    try {
      if (owned.length > 0 && !this.left) await this.#options.onRevoke(owned, { lost: this.#lost })
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
    for (const partition of owned) {
      this.#owned.delete(keyOf(partition))
      this.#inbox.forget(partition)
    }
    // Also without any, as above.
    this.#consumer.incrementalUnassign(owned)
  }

  async #commitNow(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const deadline = performance.now() + COMMIT_TIMEOUT_MS
    for (;;) {
      this.#requireOwned(offsets)
      const error = await this.#commitOnce(offsets, deadline)
      if (error === undefined) return
      if (LOST.has(error.code)) this.#lost = true
      if (!RETRIABLE.has(error.code) || performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, COMMIT_RETRY_MS))
    }
  }

  /** The group would refuse it anyway, and the client would then join anew, again and again. */
  #requireOwned(offsets: readonly TopicPartitionOffset[]): void {
    const foreign = this.#lost ? offsets[0] : offsets.find((each) => !this.#owned.has(keyOf(each)))
    if (foreign === undefined) return
    throw new KafkaError(
      'assignment_lost',
      `commit for ${this.#options.groupId}: ${keyOf(foreign)} is not ours`,
    )
  }

  /** The client reports a commit while it is polled, so this polls until it has. */
  async #commitOnce(
    offsets: readonly TopicPartitionOffset[],
    deadline: number,
  ): Promise<KafkaError | undefined> {
    let result: { readonly error: KafkaError | undefined } | undefined
    const settled = new Promise<void>((resolve) => {
      const settle = (error: KafkaError | undefined) => {
        result = { error }
        resolve()
      }
      this.#pending = { key: commitKey(offsets), settle }
    })
    try {
      this.#consumer.commit([...offsets])
    } catch (cause) {
      return kafkaError(cause as Error, `commit for ${this.#options.groupId}`)
    }
    while (result === undefined) {
      this.#requireOwned(offsets)
      if (performance.now() > deadline) {
        return new KafkaError(
          'timed_out',
          `commit for ${this.#options.groupId} took over ${COMMIT_TIMEOUT_MS} ms`,
        )
      }
      await Promise.race([settled, this.#inbox.poll(POLL_WAIT_MS)])
    }
    return result.error
  }

  /** A late report, of a commit already given up, has other offsets or nobody waiting. */
  #onCommitted(cause: rdkafka.LibrdKafkaError | undefined, offsets: readonly TopicPartitionOffset[]): void {
    if (this.#pending?.key !== commitKey(offsets)) return
    const { settle } = this.#pending
    this.#pending = undefined
    settle(cause && kafkaError(cause, `commit for ${this.#options.groupId}`))
  }
}

/** The starts given, if there is one for every partition. */
function startsOf(partitions: readonly TopicPartition[], starts: readonly TopicPartitionOffset[]) {
  const missing = partitions.filter((asked) => !starts.some((start) => keyOf(start) === keyOf(asked)))
  if (missing.length === 0 && starts.length === partitions.length) return starts
  throw new Error(`onAssign gave ${starts.length} starts for ${partitions.map(keyOf).join(' ')}`)
}

const keyOf = ({ topic, partition }: Partial<TopicPartition>): string => `${topic}/${partition}`

/** The client reports a commit in an order of its own. */
const commitKey = (offsets: readonly TopicPartitionOffset[]): string =>
  offsets
    .map((each) => `${keyOf(each)}:${each.offset}`)
    .sort()
    .join(' ')
