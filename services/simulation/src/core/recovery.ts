import type { Asset, Listing } from '@bourse/domain/listing'
import { LargestCut, inputKey, type InputName } from '@bourse/operator/core/largest-cut'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame, encodeCommands, encodeFrame } from '@bourse/protocol/frame'
import type { LogRecord } from '@bourse/protocol/replica'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { InboundStreams } from '@bourse/protocol/streams'
import { keyOf } from './checks/clients.ts'
import { readPartition, runStraight } from './checks/replay.ts'
import { Exchange } from './exchange.ts'
import { drawWeather, fairWeather, noFaults, type Weather } from './faults.ts'
import { Log } from './log.ts'
import type { Past } from './past.ts'
import { Random } from './random.ts'
import { check, live, until } from './simulate.ts'
import { Story } from './story.ts'
import { Timeline } from './timeline.ts'
import { Violation, World } from './world.ts'

const REST_MS_MAX = 60_000
const ZOMBIE_FRAMES_MAX = 20

/** Ways to break the recovery on purpose: a seed must find each. */
export const recoveryMutations = {
  'keep-everything': 'whatever was copied is kept, whether or not what it follows from is there',
  'keep-one-more': 'an input goes on for one record behind the cut',
  'same-epoch': 'no new epoch begins',
} as const
export type RecoveryMutation = keyof typeof recoveryMutations

export type Recovery = {
  readonly failure: Error | undefined
  /** Records that were copied and dropped. */
  readonly dropped: number
  /** Orders that were known before the region was lost, and are still; and those that came after. */
  readonly ordersBefore: number
  readonly ordersAfter: number
  /** Entries of the lost region that were refused. */
  readonly refused: number
}

type Cut = {
  readonly kept: ReadonlyMap<string, readonly LogRecord[]>
  readonly inputs: ReadonlyMap<string, number>
  readonly epoch: number
  readonly dropped: number
}

/**
 * Loses a whole exchange in the middle of a storm, cuts what has been copied of its inputs, each up to some point, and
 * goes on with that elsewhere. Then somebody of the lost region goes on writing what it had in hand.
 */
export async function simulateRecovery(seed: number, mutation?: RecoveryMutation): Promise<Recovery> {
  const random = new Random(seed)
  const outcome = { dropped: 0, ordersBefore: 0, ordersAfter: 0, refused: 0 }
  let world: World | undefined
  try {
    const lost = new Exchange(newWorld(random, drawWeather(random)))
    const lostAt = random.between(1_000, 4_000)
    await until(lost.world, () => lost.world.now > lostAt, Infinity)
    const cut = cutCopies(lost, random, mutation)
    outcome.dropped = cut.dropped

    world = newWorld(random, random.perMille(500) ? fairWeather : drawWeather(random))
    const isCalm = world.weather === fairWeather
    const exchange = new Exchange(world, { past: pastOf(lost, cut) })
    if (mutation !== 'same-epoch')
      exchange.log.append('risk.in', 0, encodeCommands([{ type: 'epoch', epoch: cut.epoch }]))
    await live(exchange)
    writeAsLost(lost, cut, exchange)
    await until(world, () => exchange.atRest, REST_MS_MAX)
    check(exchange)
    outcome.ordersBefore = checkKept(lost, cut, exchange)
    outcome.ordersAfter = exchange.ledger.orders.rows().length - outcome.ordersBefore
    const shards = [...exchange.riskPods, ...exchange.matchingPods].flatMap(({ run }) =>
      [...run.runners.values()].map(({ shard }) => shard),
    )
    outcome.refused = shards.reduce((sum, { counts }) => sum + counts.stale, 0)
    for (const { source, counts } of isCalm ? shards : []) {
      const input = `${source.kind === 'risk' ? 'risk.in' : 'orders.in'}/${source.shard}`
      const before = gapsIn(cut.kept.get(input) ?? [])
      if (counts.gaps !== before)
        throw new Violation(`${counts.gaps} gaps in ${input}, ${before} of them before the cut`)
    }
    return { ...outcome, failure: world.failure }
  } catch (error) {
    return { ...outcome, failure: world?.failure ?? (error as Error) }
  }
}

function newWorld(random: Random, weather: Weather): World {
  return new World({
    random,
    timeline: new Timeline(),
    faults: noFaults(),
    story: new Story(undefined),
    weather,
  })
}

/** Copies of the inputs end anywhere, mostly near their ends. */
function cutCopies({ log, topology }: Exchange, random: Random, mutation: RecoveryMutation | undefined): Cut {
  const cut = new LargestCut(topology)
  const copies = new Map<string, readonly LogRecord[]>()
  const kept = new Map<string, LogRecord[]>()
  for (const name of cut.names) {
    const records = log.records(name.topic, name.partition)
    const missing = random.perMille(300)
      ? 0
      : random.below(Math.ceil(records.length / random.pick([1, 3, 10, 30])))
    copies.set(inputKey(name), records.slice(0, Math.max(1, records.length - missing)))
    kept.set(inputKey(name), [])
  }
  for (const name of cut.names) {
    for (const record of copies.get(inputKey(name)) ?? [])
      for (const each of cut.read(name, record)) kept.get(inputKey(each))?.push(recordOf(each))
  }
  const rest = cut.names.filter((name) => cut.standing(name).waiting.records > 0)
  const dropped = rest.reduce((sum, name) => sum + cut.standing(name).waiting.records, 0)
  const more = mutation === 'keep-one-more' && rest.length > 0 ? [random.pick(rest)] : []
  for (const name of mutation === 'keep-everything' ? rest : more) {
    const has = kept.get(inputKey(name)) ?? []
    const all = (copies.get(inputKey(name)) ?? []).slice(
      0,
      mutation === 'keep-everything' ? undefined : has.length + 1,
    )
    kept.set(inputKey(name), [...all])
  }
  const inputs = new Map(cut.names.map((name) => [inputKey(name), cut.standing(name).kept.entries]))
  return { kept, inputs, epoch: cut.epoch + 1, dropped }
}

const recordOf = ({ offset, timestamp, value }: LogRecord): LogRecord => ({ offset, timestamp, value })

function pastOf(lost: Exchange, { kept }: Cut): Past {
  const { topology, limits, traders, market } = lost
  const assets: Asset[] = []
  const listings: Listing[] = []
  for (const entry of statedBy(lost, kept)) {
    if (entry.type === 'assetListed') assets.push(entry.asset)
    if (entry.type === 'symbolListed') listings.push(entry.listing)
  }
  const asked = traders.flatMap(({ history }) => history.map(({ command }) => keyOf(command)))
  const times = [...kept.values()].flatMap((records) => records.map(({ timestamp }) => timestamp))
  return {
    ...{ topology, limits, inputs: kept, end: Math.max(...times) + 1, assets, listings },
    ...{ asked: new Set(asked), owners: traders.length, markers: market.markers.length, prefix: 'again-' },
  }
}

/** What shard 0 says when it has read what is kept. */
function* statedBy({ topology, risk, world }: Exchange, inputs: Cut['kept']): Generator<Entry> {
  const log = new Log(world, topology, { inputs, end: 0 })
  const straight = runStraight(log, 'risk.in', 0, topology, risk.create(0, topology), new Set())
  const header = {
    source: straight.shard.source,
    epoch: 1,
    sequence: 1,
    hashBefore: emptyHash,
    endsCommand: true,
  }
  for (const bytes of straight.written.get('risk.out/0') ?? []) {
    for (const { entry } of decodeFrame(encodeFrame(header, [bytes])).entries) yield entry
  }
}

/** Entries that came too early in the lost region, where frames were lost. */
function gapsIn(records: readonly LogRecord[]): number {
  const streams = new InboundStreams()
  let gaps = 0
  for (const { value } of records)
    streams.take(decodeFrame(value), (verdict) => (gaps += verdict === 'gap' ? 1 : 0))
  return gaps
}

/** Processes of the lost region write into the new one what they had in hand: nobody may take it. */
function writeAsLost(lost: Exchange, { kept }: Cut, { log }: Exchange): void {
  for (const [key, records] of kept) {
    const { topic, partition } = nameOf(key)
    const later = lost.log.records(topic, partition).slice(records.length)
    const frames = later.filter(({ value }) => ['risk', 'matching'].includes(decodeFrame(value).source.kind))
    for (const { value } of frames.slice(0, ZOMBIE_FRAMES_MAX)) log.append(topic, partition, value, 'zombie')
    const out = topic === 'risk.in' ? 'risk.out' : 'orders.out'
    for (const { value } of lost.log.records(out, partition).slice(1).slice(-ZOMBIE_FRAMES_MAX))
      log.append(out, partition, value, 'zombie')
  }
}

/** What the lost region had stated about inputs inside the cut is so here too, once; about later inputs it is not. */
function checkKept(lost: Exchange, { inputs }: Cut, { ledger }: Exchange): number {
  const found = new Map<string, number[]>()
  for (const { account, commandId, orderId } of ledger.orders.rows()) {
    const key = `${account} ${commandId}`
    found.set(key, [...(found.get(key) ?? []), orderId])
  }
  let orders = 0
  for (let shard = 0; shard < lost.topology.riskShards; shard++) {
    const stated = readPartition(lost.log, 'risk.out', shard).bySource.get(`risk/${shard}`) ?? []
    for (const { cause, entry } of stated) {
      if (entry.type !== 'orderAccepted') continue
      const isKept = cause <= (inputs.get(`risk.in/${shard}`) ?? 0)
      const here = found.get(`${entry.account} ${entry.commandId}`) ?? []
      if (here.join() !== (isKept ? String(entry.orderId) : ''))
        throw new Violation(
          `order ${entry.orderId} was ${isKept ? 'kept' : 'dropped'} and is here as ${here.join()}`,
        )
      if (isKept) orders++
    }
  }
  return orders
}

function nameOf(key: string): InputName {
  const [topic, partition] = key.split('/')
  return { topic: topic === 'risk.in' ? 'risk.in' : 'orders.in', partition: Number(partition) }
}
