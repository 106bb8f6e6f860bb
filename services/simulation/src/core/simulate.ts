import { FRAME_BYTES_MAX } from '@bourse/protocol/frame'
import type { MatchingCut } from '@bourse/matching-engine/core/matching-machine'
import { MatchingMachine } from '@bourse/matching-engine/core/matching-machine'
import type { Machine } from '@bourse/protocol/shard'
import type { RiskCut } from '@bourse/risk-engine/core/risk-machine'
import { WatchedMatching } from './checks/books.ts'
import { checkHistories } from './checks/clients.ts'
import { checkCut } from './checks/cuts.ts'
import { checkFills, checkLedger, checkMoney, checkOrdersOnBooks } from './checks/money.ts'
import { readPartition, runStraight, type Reading, type StraightRun } from './checks/replay.ts'
import { checkEmissions, checkReplica, checkSnapshots, checkStreams } from './checks/streams.ts'
import type { EnginePod } from './engine-pod.ts'
import { Exchange } from './exchange.ts'
import { drawWeather, noFaults, type FaultCounts } from './faults.ts'
import { breakPrototypes, type Mutation } from './mutations.ts'
import { Random } from './random.ts'
import { Story } from './story.ts'
import { Timeline } from './timeline.ts'
import { Violation, World } from './world.ts'

const REST_MS_MAX = 60_000
/** Long enough for some ticks, which carry on what waits for inputs. */
const CALM_MS = 3_000

/** What one run came to. */
export type Outcome = {
  readonly seed: number
  readonly faults: FaultCounts
  readonly events: number
  readonly orders: number
  readonly trades: number
  readonly failure: Error | undefined
}

export type SimulateOptions = {
  readonly mutation?: Mutation | undefined
  /** Is told what happens, line by line. */
  readonly onStory?: (line: string) => void
}

/** Runs one seed: a storm, the calm after it, and every check. The same seed does the same, for ever. */
export async function simulate(seed: number, { mutation, onStory }: SimulateOptions = {}): Promise<Outcome> {
  const random = new Random(seed)
  const faults = noFaults()
  const timeline = new Timeline()
  const world = new World({
    random,
    timeline,
    faults,
    story: new Story(onStory),
    weather: drawWeather(random),
  })
  const mend = breakPrototypes(mutation)
  let exchange: Exchange | undefined
  try {
    exchange = new Exchange(world, { mutation })
    await live(exchange)
    mend()
    check(exchange)
  } catch (error) {
    world.fail(error)
  } finally {
    mend()
  }
  return {
    ...{ seed, faults, events: timeline.count, failure: world.failure },
    orders: exchange?.ledger.orders.rows().length ?? 0,
    trades: exchange?.ledger.trades.rows().length ?? 0,
  }
}

/** A storm, and the calm after it until nothing is under way any more. */
export async function live(exchange: Exchange): Promise<void> {
  const { world } = exchange
  const stormMs = world.random.between(2_000, 6_000)
  await until(world, () => world.now > stormMs, Infinity)
  world.story.tell(world.now, () => 'calm')
  exchange.calmDown()
  await until(world, () => exchange.answered, REST_MS_MAX)
  exchange.market.openAll()
  const calmUntil = world.now + CALM_MS
  await until(world, () => world.now > calmUntil && exchange.answered, REST_MS_MAX)
  exchange.silence()
  await until(world, () => exchange.atRest, REST_MS_MAX)
}

const LOOK_EVERY = 64

/** Carries events out until something is so. Lets promises of the shell go on after each event. */
export async function until(world: World, isSo: () => boolean, msMax: number): Promise<void> {
  const deadline = world.now + msMax
  for (let events = 0; ; events++) {
    if (events % LOOK_EVERY === 0 && isSo()) return
    if (world.now > deadline) throw new Violation(`not at rest after ${msMax} ms of calm`)
    if (!world.timeline.step()) throw new Violation('nothing happens any more')
    await undefined
    if (world.failure !== undefined) throw world.failure
  }
}

/** Every promise, of an exchange at rest. */
export function check(exchange: Exchange): void {
  const { world, log, topology, ledger, market } = exchange
  const readings = readAll(exchange)
  countRepeats(exchange, readings)
  const straightRisk = runAll(exchange, 'risk')
  const straightMatching = runAll(exchange, 'matching')
  checkPods(exchange.riskPods, straightRisk)
  checkPods(exchange.matchingPods, straightMatching)
  for (const straight of [...straightRisk, ...straightMatching]) {
    checkStreams(straight, readings)
    checkEmissions(exchange.emissions, straight)
    for (const cut of straight.cuts) exchange.cuts.add(straight.name, cut)
  }
  for (const straight of straightRisk)
    checkSnapshots(straight, exchange.snapshots(straight.name), log, exchange.risk.decode)
  for (const straight of straightMatching)
    checkSnapshots(straight, exchange.snapshots(straight.name), log, exchange.matching.decode)
  const risk = straightRisk.map(({ shard }) => shard.machine.cut() as RiskCut)
  const matching = straightMatching.map(({ shard }) => shard.machine.cut() as MatchingCut)
  checkMoney(risk, market.listings)
  checkOrdersOnBooks(risk, matching)
  checkLedger(ledger, risk)
  checkFills(ledger, market.listings)
  const riskOut = risk.flatMap(
    (_, shard) => readings.get(`risk.out/${shard}`)?.bySource.get(`risk/${shard}`) ?? [],
  )
  checkHistories(exchange, riskOut)
  for (const marker of market.markers) {
    if (checkCut(marker, topology, { cuts: exchange.cuts, ledger, listings: market.listings }))
      world.bit('marker_cut')
  }
}

function readAll({ log, topology }: Exchange): ReadonlyMap<string, Reading> {
  const readings = new Map<string, Reading>()
  const sizes = {
    'risk.in': topology.riskShards,
    'risk.out': topology.riskShards,
    'orders.in': topology.matchingShards,
    'orders.out': topology.matchingShards,
  }
  for (const [topic, size] of Object.entries(sizes)) {
    for (let partition = 0; partition < size; partition++) {
      const oversized = log.records(topic, partition).find(({ value }) => value.length > FRAME_BYTES_MAX)
      if (oversized !== undefined) throw new Violation(`a record of ${oversized.value.length} bytes`)
      readings.set(`${topic}/${partition}`, readPartition(log, topic, partition))
    }
  }
  return readings
}

function countRepeats(
  { world, riskPods, matchingPods }: Exchange,
  readings: ReadonlyMap<string, Reading>,
): void {
  for (const { repeats, gaps } of readings.values()) {
    world.bit('repeated_record', repeats.twice)
    world.bit('zombie', repeats.zombie)
    world.bit('crash', repeats.once)
    world.bit('gap', gaps)
  }
  world.faults.gap.drawn = world.faults.lost_frame.drawn
  for (const { run } of [...riskPods, ...matchingPods]) {
    for (const { replica } of run.runners.values()) world.bit('clock_leap', replica.shard.counts.leaps)
  }
}

function runAll(exchange: Exchange, kind: 'risk' | 'matching'): StraightRun<Machine>[] {
  const { log, topology, world } = exchange
  const { partitions } = exchange[kind]
  return Array.from({ length: partitions }, (_, shard) => {
    const statesAt = new Set(exchange.snapshots(`${kind}/${shard}`).all.map(({ offset }) => offset))
    if (kind === 'risk')
      return runStraight(log, 'risk.in', shard, topology, exchange.risk.create(shard, topology), statesAt)
    const watched = new WatchedMatching(MatchingMachine.create(shard, topology), world)
    const straight = runStraight(log, 'orders.in', shard, topology, watched, statesAt)
    watched.checkBooks()
    return straight
  })
}

function checkPods(pods: readonly EnginePod<Machine>[], straight: readonly StraightRun<Machine>[]): void {
  for (const { run } of pods) {
    for (const { replica, partition } of run.runners.values()) {
      const expected = straight[partition]
      if (expected !== undefined) checkReplica(expected, run.name, replica)
    }
  }
}
