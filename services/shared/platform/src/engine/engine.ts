import { randomInt } from 'node:crypto'
import { WrongLogError, Replica, type Snapshot } from '@bourse/protocol/replica'
import { Shard, type Machine, type MachineDecoder, type Topology } from '@bourse/protocol/shard'
import { encodeCommands } from '@bourse/protocol/frame'
import type { Entry } from '@bourse/protocol/entries'
import { emptyHash } from '@bourse/protocol/stream-hash'
import type { Logger } from 'pino'
import type { Admin } from '../kafka/admin.ts'
import type { Follower } from '../kafka/consumer.ts'
import type { CommittedOffsets } from '../kafka/committed.ts'
import type { Group } from '../kafka/group.ts'
import type { Message } from '../kafka/inbox.ts'
import type { TopicPartition } from '../kafka/client.ts'
import { PartitionRunner, type Sender } from './partition-runner.ts'
import { stopReason } from './stopped.ts'
import type { ShardName, SnapshotStore } from './snapshot-store.ts'

/** What makes an engine of a kind: its machine and its input. */
export type EngineKind<M extends Machine> = {
  readonly machine: M['kind']
  readonly inputTopic: 'risk.in' | 'orders.in'
  readonly create: (shard: number, topology: Topology) => M
  readonly decode: MachineDecoder<M>
  /** The command that a shard's owner writes into its input at a steady interval. */
  readonly tick?: (machine: M) => Entry
}

export type EngineTimes = {
  readonly commitMs: number
  readonly observeMs: number
  readonly snapshotMs: number
  readonly tickMs: number
}

export type EngineParts = {
  readonly follower: Pick<Follower, 'assign' | 'read' | 'pause' | 'resume'>
  readonly producer: Sender
  readonly admin: Pick<Admin, 'partitionCount' | 'watermarks'>
  /** How far the group has come, asked without being a member. */
  readonly offsets: Pick<CommittedOffsets, 'of'>
  readonly store: SnapshotStore
  readonly log: Logger
  readonly onFatal: (error: Error) => void
  /**
   * Given in a region that stands by: whether the exchange was opened there. Then its own engines take the snapshots, and
   * this one none any more.
   */
  readonly isOpened?: () => Promise<boolean>
}

const NONCES = 2 ** 32
const READ_MAX = 1_000
const READ_WAIT_MS = 100
/** What comes within a millisecond of the first record shares its frames: a third less CPU under load. */
const READ_GATHER_MS = 1

/**
 * The shell around the shards of one process. It follows every partition of its input, owned or not, so that it is warm
 * when it takes one over; the group decides which partitions it owns, and only those it emits for.
 */
export class Engine<M extends Machine> {
  readonly runners = new Map<number, PartitionRunner<M>>()
  readonly counts = { rebalances: 0, snapshots: 0, commits: 0 }
  readonly #kind: EngineKind<M>
  readonly #parts: EngineParts
  readonly #times: EngineTimes
  readonly #restoredWithoutX = new Set<number>()
  readonly #unpublished = new Map<number, Snapshot>()
  readonly #snapshotOffsets = new Map<number, number>()
  /** When this process published the newest snapshot of a partition, in milliseconds since 1970. */
  readonly snapshotTimes = new Map<number, number>()
  readonly #ends = new Map<number, number>()
  readonly #paused = new Set<number>()
  readonly #timers: NodeJS.Timeout[] = []
  #group: Group | undefined

  constructor(kind: EngineKind<M>, parts: EngineParts, times: EngineTimes) {
    this.#kind = kind
    this.#parts = parts
    this.#times = times
  }

  /** Restores every shard and begins to follow. May be repeated when it failed. */
  async restore(): Promise<void> {
    const topology = await this.#topology()
    const partitions = this.#kind.inputTopic === 'risk.in' ? topology.riskShards : topology.matchingShards
    const names = Array.from({ length: partitions }, (_, partition) => this.#topicPartition(partition))
    const committed = await this.#parts.offsets.of(names)
    const positions = []
    for (const { partition } of names) {
      const x = committed.find((offset) => offset.partition === partition)?.offset
      positions.push({
        ...this.#topicPartition(partition),
        offset: await this.#restoreShard(partition, topology, x),
      })
    }
    this.#parts.follower.assign(positions)
  }

  /**
   * Follows the log until aborted. `join` is called once this process has caught up: a member that is not warm would
   * be given partitions that nobody serves meanwhile.
   */
  async run(signal: AbortSignal, join: () => Promise<Group>): Promise<void> {
    this.#every(this.#times.commitMs, () => this.#commit())
    this.#every(this.#times.observeMs, () => this.#observe())
    this.#every(this.#times.snapshotMs, () => this.#takeSnapshots())
    this.#every(this.#times.tickMs, () => this.#tick())
    let joining: Promise<void> | undefined
    try {
      while (!signal.aborted) {
        if (this.caughtUp) joining ??= this.#join(join)
        this.#feed(
          await this.#parts.follower.read({
            max: READ_MAX,
            waitMs: READ_WAIT_MS,
            gatherMs: READ_GATHER_MS,
            signal,
          }),
        )
        this.#applyPauses()
      }
    } finally {
      for (const timer of this.#timers) clearInterval(timer)
    }
  }

  /** The group gave us partitions: emit from the committed X on. */
  async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.counts.rebalances++
    for (const { partition, offset } of await this.#parts.offsets.of(partitions)) {
      const runner = this.#runner(partition)
      const behind = offset === undefined ? !this.#restoredWithoutX.has(partition) : offset < runner.committed
      if (behind)
        throw new Error(
          `the committed offset of ${this.#kind.inputTopic}/${partition} went back: restart from an older snapshot`,
        )
      if (offset !== undefined) runner.committed = offset
      runner.own(offset)
      this.#parts.log.info({ partition, x: offset, next: runner.replica.next }, 'partition taken over')
    }
  }

  /** The group takes partitions away: finish what was handed out and commit it, so that the next owner repeats nothing. */
  async revoked(partitions: readonly TopicPartition[], { lost }: { lost: boolean }): Promise<void> {
    this.counts.rebalances++
    for (const { partition } of partitions) {
      const runner = this.#runner(partition)
      if (lost) runner.replica.disown()
      else await runner.handOver()
      this.#parts.log.info({ partition, x: runner.replica.acknowledged, lost }, 'partition given up')
    }
    if (!lost) await this.#commitFor(partitions.map(({ partition }) => this.#runner(partition)))
  }

  /** Whether every followed partition has been read up to where it ended when we began, or as far as it may be. */
  get caughtUp(): boolean {
    return [...this.runners.values()].every((runner) => runner.isWarm(this.#ends.get(runner.partition) ?? 0))
  }

  /** Partitions that stand still until a person acts: the others go on. */
  get stopped(): readonly number[] {
    return [...this.runners.values()]
      .filter(({ stopped }) => stopped !== undefined)
      .map(({ partition }) => partition)
  }

  /** Records that are in the log and not applied here. */
  async lag(partition: number): Promise<number> {
    const { high } = await this.#parts.admin.watermarks(this.#kind.inputTopic, partition)
    return Math.max(0, high - this.#runner(partition).replica.next)
  }

  /** Whether the process has caught up and is a member that may be given partitions. */
  get ready(): boolean {
    return this.#group !== undefined
  }

  async #join(join: () => Promise<Group>): Promise<void> {
    try {
      this.#group = await join()
    } catch (error) {
      this.#parts.onFatal(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #topology(): Promise<Topology> {
    const riskShards = await this.#parts.admin.partitionCount('risk.in')
    const matchingShards = await this.#parts.admin.partitionCount('orders.in')
    if (riskShards === undefined || matchingShards === undefined)
      throw new Error('the topics risk.in and orders.in do not exist yet')
    return { riskShards, matchingShards }
  }

  /** Returns the offset to follow from: the record before the next one, so that the log proves to be the same. */
  async #restoreShard(partition: number, topology: Topology, x: number | undefined): Promise<number> {
    const name = this.#name(partition)
    const { low, high } = await this.#parts.admin.watermarks(this.#kind.inputTopic, partition)
    this.#ends.set(partition, high)
    if (x !== undefined && x > high) {
      throw new WrongLogError(
        `${this.#kind.inputTopic}/${partition} ends at ${high}, before the committed offset ${x}: it was cut short`,
      )
    }
    const { store } = this.#parts
    const snapshot = x === undefined ? await store.oldest(name) : await store.newest(name, x)
    if (x === undefined) this.#restoredWithoutX.add(partition)
    if (snapshot === undefined && low > 0) {
      throw new WrongLogError(
        `${this.#kind.inputTopic}/${partition} begins at ${low} and there is no snapshot to begin with`,
      )
    }
    const shard =
      snapshot === undefined
        ? new Shard(this.#kind.create(partition, topology), partition, topology)
        : Shard.decode(snapshot.state, snapshot.segments, this.#kind.decode)
    this.#checkTopology(shard, topology)
    const position = snapshot ?? { offset: 0, lastRecord: emptyHash }
    const replica = new Replica(shard, position, x)
    const { producer, onFatal, log, isOpened } = this.#parts
    // X says nothing there of what an input was told. So the beginning stays, until a later snapshot's outputs are known
    // to all: an engine without X must find a snapshot before which nothing is owed to anybody.
    if (snapshot === undefined && isOpened !== undefined) await store.save(name, replica.snapshot())
    const onCut = (cut: Parameters<SnapshotStore['saveCut']>[1]): void =>
      void store.saveCut(name, cut).catch((err: unknown) => log.error({ err, partition }, 'cut not saved'))
    const onStopped = (err: Error): void =>
      log.fatal({ err, reason: stopReason(err), partition, offset: replica.next }, 'shard stopped')
    this.runners.set(
      partition,
      new PartitionRunner({ replica, partition, producer, onCut, onFatal, onStopped }),
    )
    this.#snapshotOffsets.set(partition, position.offset)
    log.info({ partition, snapshot: snapshot?.offset, x, end: high }, 'shard restored')
    return Math.max(low, position.offset - 1)
  }

  #checkTopology({ topology }: Shard<M>, now: Topology): void {
    if (topology.riskShards === now.riskShards && topology.matchingShards === now.matchingShards) return
    const shape = ({ riskShards, matchingShards }: Topology): string =>
      `${riskShards} risk and ${matchingShards} matching`
    throw new Error(
      `the exchange was created with ${shape(topology)} partitions, the topics have ${shape(now)}`,
    )
  }

  #feed(messages: readonly Message[]): void {
    for (const { partition } of new Map(messages.map((message) => [message.partition, message])).values()) {
      this.#runner(partition).offer(messages.filter((message) => message.partition === partition))
    }
  }

  /** Stops fetching for a replica that may not read on, and starts again when it may. */
  #applyPauses(): void {
    for (const { partition, blocked } of this.runners.values()) {
      if (blocked === this.#paused.has(partition)) continue
      const which = [this.#topicPartition(partition)]
      if (blocked) {
        this.#parts.follower.pause(which)
        this.#paused.add(partition)
      } else {
        this.#parts.follower.resume(which)
        this.#paused.delete(partition)
      }
    }
  }

  async #commit(): Promise<void> {
    await this.#commitFor([...this.runners.values()].filter(({ replica }) => replica.owned))
  }

  async #commitFor(runners: readonly PartitionRunner<M>[]): Promise<void> {
    const due = runners.filter((runner) => runner.replica.acknowledged > runner.committed)
    if (due.length === 0 || this.#group === undefined) return
    const offsets = due.map(({ partition, replica }) => ({
      ...this.#topicPartition(partition),
      offset: replica.acknowledged,
    }))
    try {
      await this.#group.commit(offsets)
    } catch (err) {
      // The partition may be another's by now; the next owner emits from the X that was committed.
      this.#parts.log.warn({ err }, 'offsets not committed')
      return
    }
    this.counts.commits++
    for (const { partition, offset } of offsets) this.#runner(partition).committed = offset
    await this.#publish()
  }

  /** A standby learns how far the owners have come, so that it can drop what they have emitted. */
  async #observe(): Promise<void> {
    const followed = [...this.runners.values()].filter(({ replica }) => !replica.owned)
    if (followed.length === 0) return
    const offsets = await this.#parts.offsets.of(
      followed.map(({ partition }) => this.#topicPartition(partition)),
    )
    for (const { partition, offset } of offsets) {
      const runner = this.#runner(partition)
      if (offset === undefined || offset <= runner.committed || runner.replica.owned) continue
      runner.committed = offset
      runner.replica.observe(offset)
      runner.advance()
    }
    await this.#publish()
  }

  /** Standbys take the snapshots; an owner does when nobody else has for two intervals. */
  async #takeSnapshots(): Promise<void> {
    for (const runner of this.runners.values()) {
      const { partition, replica, stopped } = runner
      if (stopped !== undefined) continue
      if (this.#unpublished.has(partition) || replica.next <= (this.#snapshotOffsets.get(partition) ?? 0))
        continue
      if (replica.owned && (await this.#standbyTook(partition))) continue
      this.#unpublished.set(partition, runner.snapshot())
    }
    await this.#publish()
  }

  async #standbyTook(partition: number): Promise<boolean> {
    const newest = (await this.#parts.store.newestOffset(this.#name(partition))) ?? 0
    const known = this.#snapshotOffsets.get(partition) ?? 0
    this.#snapshotOffsets.set(partition, Math.max(newest, known))
    return newest > known
  }

  /** A snapshot is published once X has reached it: recovery must never begin behind what was emitted. */
  async #publish(): Promise<void> {
    if (this.#unpublished.size > 0 && (await this.#parts.isOpened?.())) return this.#unpublished.clear()
    for (const [partition, snapshot] of this.#unpublished) {
      if (this.#runner(partition).committed < snapshot.offset) continue
      this.#unpublished.delete(partition)
      await this.#parts.store.save(this.#name(partition), snapshot)
      await this.#parts.store.prune(this.#name(partition))
      this.#snapshotOffsets.set(partition, snapshot.offset)
      this.snapshotTimes.set(partition, Date.now())
      this.counts.snapshots++
    }
  }

  async #tick(): Promise<void> {
    const { tick, inputTopic } = this.#kind
    if (tick === undefined) return
    for (const { partition, replica, stopped } of this.runners.values()) {
      if (!replica.owned || stopped !== undefined) continue
      const nonce = { high: randomInt(NONCES), low: randomInt(NONCES) }
      const frame = encodeCommands([tick(replica.shard.machine)], nonce)
      this.#parts.producer.send(inputTopic, partition, frame, () => undefined)
    }
  }

  /** Runs a task at an interval, one at a time. A failure is logged; the next turn tries again. */
  #every(intervalMs: number, task: () => Promise<void>): void {
    let running = false
    const turn = async (): Promise<void> => {
      if (running) return
      running = true
      try {
        await task()
      } catch (err) {
        this.#parts.log.warn({ err }, 'a periodic task failed and will be tried again')
      } finally {
        running = false
      }
    }
    this.#timers.push(setInterval(() => void turn(), intervalMs))
  }

  #runner(partition: number): PartitionRunner<M> {
    const runner = this.runners.get(partition)
    if (runner === undefined) throw new Error(`partition ${partition} is not followed`)
    return runner
  }

  #topicPartition(partition: number): TopicPartition {
    return { topic: this.#kind.inputTopic, partition }
  }

  #name(partition: number): ShardName {
    return { machine: this.#kind.machine, shard: partition }
  }
}
