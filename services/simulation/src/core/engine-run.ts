import { PartitionRunner } from '@bourse/platform/engine/partition-runner'
import type { Entry } from '@bourse/protocol/entries'
import { encodeCommands } from '@bourse/protocol/frame'
import type { LogPosition, Replica, Snapshot } from '@bourse/protocol/replica'
import { Shard, type Cut, type Machine, type MachineDecoder, type Topology } from '@bourse/protocol/shard'
import { emptyHash } from '@bourse/protocol/stream-hash'
import type { Group, GroupMember } from './group.ts'
import { headerOf } from './header.ts'
import type { Log } from './log.ts'
import { DeliveryError, SimulatedProducer } from './producer.ts'
import type { ShardSnapshots } from './snapshots.ts'
import type { World } from './world.ts'

export type EngineKind<M extends Machine> = {
  readonly machine: M['kind']
  readonly inputTopic: 'risk.in' | 'orders.in'
  readonly partitions: number
  readonly create: (shard: number, topology: Topology) => M
  readonly decode: MachineDecoder<M>
  tick?(machine: M): Entry
}

/** The parts of a shell that a mutation may break. */
export type EngineVariant = {
  replica<M extends Machine>(shard: Shard<M>, position: LogPosition, x: number | undefined): Replica<M>
  mayPublish(committed: number, offset: number): boolean
  readonly endsOnLostFrame: boolean
}

/** A frame that an engine handed to its producer, and the X that it had taken its partition over with. */
export type Emission = {
  readonly run: string
  readonly source: string
  readonly destination: string
  readonly x: number
  readonly first: number
  readonly last: number
}

export type EngineSurroundings = {
  readonly world: World
  readonly log: Log
  readonly topology: Topology
  readonly snapshots: (name: string) => ShardSnapshots
  readonly onCut: (source: string, cut: Cut) => void
  readonly onEmission: (emission: Emission) => void
  readonly variant: EngineVariant
  /** No clock ticks any more. */
  readonly silent: () => boolean
}

const POLL_MS = 8
const COMMIT_MS = 60
const OBSERVE_MS = 120
const SNAPSHOT_MS = 250
const TICK_MS = 300
const HEARTBEAT_MS = 80
const ANSWER_MS_MAX = 20

/** One as the engines have it; several, so that a frame is lost and a later one is not. */
const BATCHES_IN_FLIGHT = [1, 8] as const

/** One life of an engine's process: from its start to its crash. It does what the real shell does, in the same order. */
export class EngineRun<M extends Machine> implements GroupMember {
  readonly name: string
  readonly runners = new Map<number, PartitionRunner<M>>()
  readonly #kind: EngineKind<M>
  readonly #group: Group
  readonly #around: EngineSurroundings
  readonly #producer: SimulatedProducer
  readonly #onExit: (why: string) => void
  readonly #fetchAt = new Map<number, number>()
  readonly #tenureX = new Map<number, number>()
  readonly #restoredWithoutX = new Set<number>()
  readonly #unpublished = new Map<number, Snapshot>()
  readonly #snapshotOffsets = new Map<number, number>()
  readonly #ends = new Map<number, number>()
  readonly #deferred: (() => void)[] = []
  readonly #rebalances: ((done: () => void) => void)[] = []
  #alive = true
  #paused = false
  #joined = false
  #committing = false
  /** Counts up when the group has expelled this member: what it was told before is void. */
  #membership = 1

  constructor(
    name: string,
    kind: EngineKind<M>,
    group: Group,
    around: EngineSurroundings,
    onExit: (why: string) => void,
  ) {
    this.name = name
    this.#kind = kind
    this.#group = group
    this.#around = around
    this.#onExit = onExit
    const isZombie = (frame: Buffer): boolean => this.#speaksForAnother(frame)
    this.#producer = new SimulatedProducer(around.world, around.log, isZombie, (run) =>
      this.#whenRunning(run),
    )
  }

  get alive(): boolean {
    return this.#alive
  }

  get responsive(): boolean {
    return this.#alive && !this.#paused
  }

  get joined(): boolean {
    return this.#joined && this.#group.isMember(this)
  }

  get inFlight(): number {
    return this.#producer.inFlight
  }

  start(): void {
    this.#whenRunning(() => {
      for (let partition = 0; partition < this.#kind.partitions; partition++) this.#restore(partition)
      this.#every(POLL_MS, () => this.#poll())
      this.#every(COMMIT_MS, () => this.#commit())
      this.#every(OBSERVE_MS, () => this.#observe())
      this.#every(SNAPSHOT_MS, () => this.#takeSnapshots())
      this.#every(HEARTBEAT_MS, () => this.#heartbeat())
      if (this.#kind.tick !== undefined) this.#every(TICK_MS, () => this.#tick())
    })
  }

  /** kill -9: nothing more is done, what is under way may arrive or not. */
  crash(): void {
    this.#alive = false
    this.#producer.cut()
  }

  /** SIGSTOP: nothing is done until it wakes up, and then it goes on as if nothing had been. */
  pause(): void {
    this.#paused = true
  }

  wake(): void {
    this.#paused = false
    for (const run of this.#deferred.splice(0)) this.#whenRunning(run)
  }

  /** SIGTERM: gives every partition up in order, leaves the group, and ends. */
  drain(done: () => void): void {
    const owned = [...this.runners.values()].filter(({ replica }) => replica.owned)
    let left = owned.length
    const finish = (): void => {
      if (!this.#alive) return
      this.#group.leave(this)
      this.crash()
      done()
    }
    if (left === 0) return finish()
    for (const runner of owned) {
      this.#handOver(runner, () => {
        this.#around.world.faults.handover.drawn++
        this.#around.world.bit('handover')
        if (--left === 0) finish()
      })
    }
  }

  assigned(partition: number): void {
    const membership = this.#membership
    this.#rebalance((done) => {
      this.#askCommitted(partition, (x) => {
        if (membership === this.#membership) this.#takeOver(partition, x)
        done()
      })
    })
  }

  revoked(partition: number, gone: () => void): void {
    this.#rebalance((done) => {
      this.#handOver(this.#runner(partition), () => {
        gone()
        done()
      })
    })
  }

  /** Rebalances are carried out one after the other. */
  #rebalance(run: (done: () => void) => void): void {
    this.#rebalances.push(run)
    if (this.#rebalances.length > 1) return
    const next = (): void => {
      this.#rebalances.shift()
      const [following] = this.#rebalances
      if (following !== undefined) this.#whenRunning(() => following(next))
    }
    this.#later(() => run(next))
  }

  #takeOver(partition: number, x: number | undefined): void {
    const runner = this.#runner(partition)
    const behind = x === undefined ? !this.#restoredWithoutX.has(partition) : x < runner.committed
    if (behind) return this.#exit(`the committed offset of ${this.#kind.inputTopic}/${partition} went back`)
    if (x !== undefined) runner.committed = x
    const warm = runner.replica.next > (x ?? 0) || runner.replica.next === this.#end(partition)
    this.#around.world.faults.takeover.drawn++
    if (warm) this.#around.world.bit('takeover')
    runner.replica.observe(x ?? 0)
    this.#tenureX.set(partition, Math.max(x ?? 0, runner.replica.acknowledged))
    runner.own(x)
  }

  #handOver(runner: PartitionRunner<M>, done: () => void): void {
    runner
      .handOver()
      .then(() => this.#whenRunning(() => this.#commitFor([runner], done)))
      .catch((error: unknown) => this.#around.world.fail(error))
  }

  #restore(partition: number): void {
    const { world, snapshots, topology, variant, onCut } = this.#around
    const store = snapshots(this.#shardName(partition))
    const x = this.#group.committed(partition)
    const snapshot = x === undefined ? store.oldest() : store.newest(x)
    if (x === undefined) {
      this.#restoredWithoutX.add(partition)
      if (snapshot !== undefined) world.bit('forgotten_x')
    }
    if (snapshot !== undefined) world.bit('snapshot')
    if (snapshot !== undefined && snapshot.segments.length > 0) world.bit('segment')
    const shard =
      snapshot === undefined
        ? new Shard(this.#kind.create(partition, topology), partition, topology)
        : Shard.decode(snapshot.state, snapshot.segments, this.#kind.decode)
    const position = snapshot ?? { offset: 0, lastRecord: emptyHash }
    if (x !== undefined && x > position.offset) world.bit('silent_replay', x - position.offset)
    const replica = variant.replica(shard, position, x)
    const source = this.#shardName(partition)
    const runner = new PartitionRunner({
      batchesInFlightMax: world.random.pick(BATCHES_IN_FLIGHT),
      replica,
      partition,
      producer: { send: (...record) => this.#send(source, partition, ...record) },
      onCut: (cut) => onCut(source, cut),
      onFatal: (error) => {
        if (!variant.endsOnLostFrame) return
        const reached = error.cause instanceof DeliveryError && error.cause.reached
        world.bit(reached ? 'lost_acknowledgement' : 'lost_frame')
        this.#exit(error.message)
      },
    })
    this.runners.set(partition, runner)
    this.#snapshotOffsets.set(partition, position.offset)
    this.#ends.set(partition, this.#end(partition))
    this.#fetchAt.set(partition, Math.max(0, position.offset - 1))
    world.story.tell(world.now, () => `${this.name} restores ${source}: S ${position.offset}, X ${x}`)
  }

  #send(
    source: string,
    shard: number,
    ...[topic, partition, value, onDelivered]: Parameters<SimulatedProducer['send']>
  ): void {
    if (topic !== 'replies') {
      const { sequence, entries } = headerOf(value)
      const destination = `${topic}/${partition}`
      const x = this.#tenureX.get(shard) ?? 0
      const last = sequence + entries - 1
      this.#around.onEmission({ run: this.name, source, destination, x, first: sequence, last })
    }
    this.#producer.send(topic, partition, value, onDelivered)
  }

  #poll(): void {
    const { log } = this.#around
    for (const [partition, runner] of this.runners) {
      if (runner.blocked) continue
      const at = this.#fetchAt.get(partition) ?? 0
      const records = log.fetch(this.#kind.inputTopic, partition, at)
      if (records.length === 0) continue
      this.#fetchAt.set(partition, at + records.length)
      runner.offer(records)
    }
    const caughtUp = [...this.runners].every(
      ([partition, { replica }]) => replica.next >= (this.#ends.get(partition) ?? 0),
    )
    if (!caughtUp || this.#joined) return
    this.#joined = true
    this.#later(() => this.#group.join(this))
  }

  /** A member that was expelled meanwhile has lost its partitions; until it hears of it, it goes on emitting. */
  #heartbeat(): void {
    if (!this.#joined || this.#group.isMember(this)) return
    for (const { replica } of this.runners.values()) if (replica.owned) replica.disown()
    this.#membership++
    this.#group.join(this)
  }

  #commit(): void {
    if (this.#committing) return
    this.#committing = true
    const owned = [...this.runners.values()].filter(({ replica }) => replica.owned)
    this.#commitFor(owned, () => (this.#committing = false))
  }

  #commitFor(runners: readonly PartitionRunner<M>[], done: () => void): void {
    const due = runners.filter((runner) => runner.replica.acknowledged > runner.committed)
    let left = due.length
    if (left === 0) return done()
    for (const runner of due) {
      const offset = runner.replica.acknowledged
      this.#group.commit(this, runner.partition, offset, (stored) =>
        this.#whenRunning(() => {
          if (stored) runner.committed = Math.max(runner.committed, offset)
          if (stored) this.#publish()
          if (--left === 0) done()
        }),
      )
    }
  }

  #observe(): void {
    for (const runner of this.runners.values()) {
      if (runner.replica.owned) continue
      this.#askCommitted(runner.partition, (x) => {
        if (x === undefined || x <= runner.committed || runner.replica.owned) return
        runner.committed = x
        runner.replica.observe(x)
        runner.advance()
        this.#publish()
      })
    }
  }

  #takeSnapshots(): void {
    for (const runner of this.runners.values()) {
      const { partition, replica } = runner
      if (this.#unpublished.has(partition) || replica.next <= (this.#snapshotOffsets.get(partition) ?? 0))
        continue
      if (replica.owned && this.#standbyTook(partition)) continue
      this.#around.world.faults.held_snapshot.drawn++
      const snapshot = runner.snapshot()
      if (runner.committed < snapshot.offset) this.#around.world.bit('held_snapshot')
      this.#unpublished.set(partition, snapshot)
    }
    this.#publish()
  }

  #standbyTook(partition: number): boolean {
    const newest = this.#around.snapshots(this.#shardName(partition)).newestOffset ?? 0
    const known = this.#snapshotOffsets.get(partition) ?? 0
    this.#snapshotOffsets.set(partition, Math.max(newest, known))
    return newest > known
  }

  #publish(): void {
    const { world, snapshots, variant } = this.#around
    for (const [partition, snapshot] of this.#unpublished) {
      if (!variant.mayPublish(this.#runner(partition).committed, snapshot.offset)) continue
      this.#unpublished.delete(partition)
      this.#snapshotOffsets.set(partition, snapshot.offset)
      const name = this.#shardName(partition)
      world.timeline.after(world.random.between(1, ANSWER_MS_MAX), () => {
        world.story.tell(world.now, () => `snapshot of ${name} at ${snapshot.offset}`)
        snapshots(name).save(snapshot)
      })
    }
  }

  #tick(): void {
    const { tick, inputTopic } = this.#kind
    if (tick === undefined || this.#around.silent()) return
    for (const { partition, replica } of this.runners.values()) {
      if (!replica.owned) continue
      const frame = encodeCommands([tick(replica.shard.machine)])
      this.#producer.send(inputTopic, partition, frame, () => undefined)
    }
  }

  #askCommitted(partition: number, answer: (x: number | undefined) => void): void {
    this.#later(() => {
      const x = this.#group.committed(partition)
      this.#later(() => answer(x))
    })
  }

  #exit(why: string): void {
    if (this.#alive) this.#onExit(why)
  }

  #every(meanMs: number, run: () => void): void {
    this.#around.world.every(meanMs, () => {
      if (this.responsive) this.#whenRunning(run)
      return this.#alive
    })
  }

  #later(run: () => void): void {
    const { timeline, random } = this.#around.world
    timeline.after(random.between(1, ANSWER_MS_MAX), () => this.#whenRunning(run))
  }

  #whenRunning(run: () => void): void {
    if (!this.#alive) return
    if (this.#paused) {
      this.#deferred.push(run)
      return
    }
    try {
      run()
    } catch (error) {
      this.#around.world.story.tell(this.#around.world.now, () => `${this.name} fails: ${String(error)}`)
      this.#around.world.fail(error)
    }
  }

  #speaksForAnother(frame: Buffer): boolean {
    const { kind, shard } = headerOf(frame)
    return kind === this.#kind.machine && this.#group.owner(shard) !== this
  }

  #shardName(partition: number): string {
    return `${this.#kind.machine}/${partition}`
  }

  #end(partition: number): number {
    return this.#around.log.end(this.#kind.inputTopic, partition)
  }

  #runner(partition: number): PartitionRunner<M> {
    const runner = this.runners.get(partition)
    if (runner === undefined) throw new Error(`partition ${partition} is not followed`)
    return runner
  }
}
