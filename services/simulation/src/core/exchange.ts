import { MatchingMachine } from '@bourse/matching-engine/core/matching-machine'
import type { Topology } from '@bourse/protocol/shard'
import { RiskMachine } from '@bourse/risk-engine/core/risk-machine'
import { RISK_LIMITS, type RiskLimits } from '@bourse/risk-engine/core/risk-state'
import { MemoryLedger } from '@bourse/settlement/core/memory-ledger'
import type { Input } from '@bourse/settlement/core/position'
import { Asking } from './asking.ts'
import { CutBook } from './checks/cuts.ts'
import { EnginePod } from './engine-pod.ts'
import type { Emission, EngineKind, EngineSurroundings } from './engine-run.ts'
import { Gateway } from './gateway.ts'
import { Group } from './group.ts'
import { Log } from './log.ts'
import { Market } from './market.ts'
import { decodeRisk, engineVariant, type Mutation } from './mutations.ts'
import { SettlementWriter } from './settlement-writer.ts'
import { NO_PAST, type Past } from './past.ts'
import { ShardSnapshots } from './snapshots.ts'
import { Trader } from './trader.ts'
import type { World } from './world.ts'

const ACT_MS = 45
const OPERATE_MS = 700
const TICK_MS = 300

/** Everything that one run consists of, its size drawn by the seed. */
export class Exchange {
  readonly world: World
  readonly past: Pick<Past, keyof typeof NO_PAST>
  readonly topology: Topology
  readonly log: Log
  readonly ledger = new MemoryLedger()
  readonly cuts = new CutBook()
  readonly emissions: Emission[] = []
  readonly limits: RiskLimits
  readonly risk: EngineKind<RiskMachine>
  readonly matching: EngineKind<MatchingMachine>
  readonly riskPods: readonly EnginePod<RiskMachine>[]
  readonly matchingPods: readonly EnginePod<MatchingMachine>[]
  readonly groups: { readonly risk: Group; readonly matching: Group }
  readonly gateways: readonly Gateway[]
  readonly asking: Asking
  readonly market: Market
  readonly traders: readonly Trader[]
  readonly #snapshots = new Map<string, ShardSnapshots>()
  #trading = true
  #silent = false

  constructor(world: World, { mutation, past }: { mutation?: Mutation | undefined; past?: Past } = {}) {
    const { random } = world
    this.world = world
    this.past = past ?? NO_PAST
    this.topology = past?.topology ?? {
      riskShards: random.between(1, 3),
      matchingShards: random.between(1, 3),
    }
    const { riskShards, matchingShards } = this.topology
    this.log = new Log(world, this.topology, past)
    this.limits = past?.limits ?? drawLimits(world)
    const { ids } = this.limits
    this.risk = {
      ...{ machine: 'risk', inputTopic: 'risk.in', partitions: riskShards },
      create: (shard, topology) => RiskMachine.create(shard, topology, this.limits),
      decode: decodeRisk(mutation, this.limits),
      tick: (machine) => ({ type: 'tick', number: machine.ticks + 1 }),
    }
    this.matching = {
      ...{ machine: 'matching', inputTopic: 'orders.in', partitions: matchingShards },
      create: (shard, topology) => MatchingMachine.create(shard, topology),
      decode: (reader, shard, topology) => MatchingMachine.decode(reader, shard, topology),
    }
    this.groups = {
      risk: new Group(world, 'risk.in', riskShards),
      matching: new Group(world, 'orders.in', matchingShards),
    }
    const around: EngineSurroundings = {
      ...{ world, log: this.log, topology: this.topology, variant: engineVariant(mutation) },
      snapshots: (name) => this.snapshots(name),
      onCut: (source, cut) => this.cuts.add(source, cut),
      onEmission: (emission) => this.emissions.push(emission),
      silent: () => this.#silent,
    }
    this.riskPods = several(
      random.between(1, 2),
      (i) => new EnginePod(`risk-${i}`, this.risk, this.groups.risk, around),
    )
    this.matchingPods = several(
      random.between(1, 2),
      (i) => new EnginePod(`matching-${i}`, this.matching, this.groups.matching, around),
    )
    this.#startSettlement()
    this.gateways = several(random.between(1, 2), () => new Gateway(world, this.log))
    // Two owners may tick at once for a while: the window may be over in a part of its time.
    const windowMs = ids.segmentTicks * ids.segmentsKept * TICK_MS
    this.asking = new Asking(world, this.gateways, windowMs / 4)
    this.market = new Market(world, this.asking, this.topology, {
      symbols: random.between(1, 3),
      past: this.past,
    })
    this.traders = several(random.between(3, 8), (i) => this.#startTrader(i))
    world.every(OPERATE_MS, () => (this.#trading && this.market.disturb(), this.#trading))
    if (world.weather.clockMs > 0) world.every(world.weather.clockMs, () => this.#disturbClock())
    if (world.weather.forgottenXMs > 0) world.every(world.weather.forgottenXMs, () => this.#forgetX())
  }

  snapshots(name: string): ShardSnapshots {
    let store = this.#snapshots.get(name)
    if (store === undefined) {
      store = new ShardSnapshots(this.world, name, (source, destination) =>
        this.#durable(source, destination),
      )
      this.#snapshots.set(name, store)
    }
    return store
  }

  /** The storm is over: nothing fails any more, no new commands come, and those without an answer are asked again. */
  calmDown(): void {
    this.#trading = false
    this.world.clearUp()
    this.groups.risk.settled = true
    this.groups.matching.settled = true
  }

  /** Nothing is written any more that nobody asked for. */
  silence(): void {
    this.#silent = true
  }

  /** Every command has its answer, or has been given up. */
  get answered(): boolean {
    return this.asking.open === 0
  }

  /** Every part runs, has read everything, and has nothing under way. */
  get atRest(): boolean {
    return (
      this.#podsRest(this.riskPods, this.risk) &&
      this.#podsRest(this.matchingPods, this.matching) &&
      this.#settled()
    )
  }

  #podsRest(
    pods: readonly EnginePod<RiskMachine | MatchingMachine>[],
    kind: { inputTopic: string },
  ): boolean {
    if (this.gateways.some(({ inFlight }) => inFlight > 0)) return false
    return pods.every((pod) => {
      if (!pod.steady || pod.run.inFlight > 0) return false
      return [...pod.run.runners.values()].every(({ replica, partition }) => {
        const end = this.log.end(kind.inputTopic, partition)
        const owner = this.#group(kind.inputTopic).owner(partition)
        if (replica.next !== end || owner === undefined) return false
        return (
          owner !== pod.run ||
          (replica.owned && replica.acknowledged === end && replica.batchesInFlight === 0)
        )
      })
    })
  }

  #settled(): boolean {
    return this.#inputs().every(
      (input) => this.ledger.position(input).nextOffset === this.log.end(input.topic, input.partition),
    )
  }

  #group(topic: string): Group {
    return topic === 'risk.in' ? this.groups.risk : this.groups.matching
  }

  #startSettlement(): void {
    const { random } = this.world
    const limits = { batchEntriesMax: random.between(5, 60), checkpointsPerSum: random.between(1, 4) }
    const parts = { world: this.world, log: this.log, ledger: this.ledger, inputs: this.#inputs(), limits }
    several(random.between(1, 2), (i) => new SettlementWriter(`settlement-${i}`, parts))
  }

  #startTrader(index: number): Trader {
    const { world, log, asking, market } = this
    const shard = world.random.below(this.topology.riskShards)
    const owner = `${this.past.prefix}owner-${index}`
    const trader = new Trader({ world, log, asking, market, owner, shard })
    world.every(ACT_MS, () => (this.#trading && trader.act(), this.#trading))
    return trader
  }

  #inputs(): Input[] {
    const { riskShards, matchingShards } = this.topology
    return [
      ...several(riskShards, (partition) => ({ topic: 'risk.out', partition }) as const),
      ...several(matchingShards, (partition) => ({ topic: 'orders.out', partition }) as const),
    ]
  }

  /** What a receiver will never ask for again: settlement's position, or the other engine's newest snapshot. */
  #durable(source: string, destination: string): number {
    const [topic, partition] = destination.split('/')
    if (topic === 'risk.out' || topic === 'orders.out')
      return this.ledger.position({ topic, partition: Number(partition) }).lastSequence
    return this.snapshots(`${topic === 'risk.in' ? 'risk' : 'matching'}/${partition}`).read(source)
  }

  #disturbClock(): boolean {
    if (this.world.weather.clockMs === 0) return false
    this.log.disturbClock()
    return true
  }

  #forgetX(): boolean {
    if (this.world.weather.forgottenXMs === 0) return false
    const { random } = this.world
    this.world.faults.forgotten_x.drawn++
    if (random.perMille(500)) this.groups.risk.forget(random.below(this.topology.riskShards))
    else this.groups.matching.forget(random.below(this.topology.matchingShards))
    return true
  }
}

/** Small limits, so that a short run reaches them: slices, checkpoints, segments of ids, and a share of them. */
function drawLimits({ random }: World): RiskLimits {
  const shortWindow = random.perMille(300)
  return {
    ...RISK_LIMITS,
    ids: {
      segmentTicks: random.between(2, 5),
      segmentsKept: shortWindow ? random.between(6, 12) : 1_000,
      idsMax: random.perMille(100) ? 60 : 4_000,
      idsPerAccountMax: random.perMille(100) ? 20 : 1_000,
    },
    openOrdersPerAccountMax: random.perMille(100) ? 3 : 100,
    cancelSlice: random.between(1, 4),
    ticksPerCheckpoint: random.between(1, 3),
  }
}

const several = <Part>(count: number, make: (index: number) => Part): Part[] =>
  Array.from({ length: count }, (_, index) => make(index))
