import assert from 'node:assert/strict'
import { SNAPSHOTS_KEPT, type ShardName } from '@bourse/platform/engine/snapshot-store'
import { encodeCommands } from '@bourse/protocol/frame'
import { Replica, type LogRecord, type Snapshot } from '@bourse/protocol/replica'
import { Shard } from '@bourse/protocol/shard'
import { emptyHash } from '@bourse/protocol/stream-hash'
import fc from 'fast-check'
import { PlaceInUse, requireNothingOwed } from '../place-in-use.ts'
import { chatter, decodeChatter, newChatter, topology } from '../testing/chatter.ts'
import { inputKey, LargestCut } from './largest-cut.ts'

const RUNS = 60
const STEPS = 400
const SNAPSHOT_EVERY = 12

type Chatter = ReturnType<typeof newChatter>['machine']
type Draw = (below: number) => number

/** A region that stands by: the cut writes its inputs, engines follow them, and keep snapshots as the store does. */
class StandbyRegion {
  readonly cut = new LargestCut(topology)
  readonly logs: ReadonlyMap<string, LogRecord[]>
  readonly #followers = new Map<string, Replica<Chatter>>()
  readonly #snapshots = new Map<string, Snapshot[]>()

  constructor({ keepsBeginning }: { readonly keepsBeginning: boolean }) {
    this.logs = new Map(this.cut.names.map((name) => [inputKey(name), []]))
    for (const name of this.cut.names) {
      const replica = new Replica(newChatter(name.topic, name.partition), {
        offset: 0,
        lastRecord: emptyHash,
      })
      replica.own(undefined)
      this.#followers.set(inputKey(name), replica)
      this.#snapshots.set(inputKey(name), keepsBeginning ? [replica.snapshot()] : [])
    }
  }

  copied(name: LargestCut['names'][number], record: LogRecord): void {
    for (const { offset, timestamp, value, ...input } of this.cut.read(name, record))
      this.logs.get(inputKey(input))?.push({ offset, timestamp, value })
  }

  /** One follower reads on. What it would write counts as written. */
  follow(draw: Draw): void {
    const [key, replica] = [...this.#followers][draw(this.#followers.size)] ?? []
    if (key === undefined || replica === undefined) return
    const log = this.logs.get(key) ?? []
    for (const record of log.slice(replica.next, replica.next + 1 + draw(20))) replica.read(record)
    const batch = replica.take()
    if (batch !== undefined) replica.acknowledge(batch)
    if (draw(SNAPSHOT_EVERY) > 0 || replica.next === this.oldest(key)?.offset) return
    this.#snapshots.get(key)?.push(replica.snapshot())
    this.#prune(key)
  }

  oldest(key: string): Snapshot | undefined {
    return this.#snapshots.get(key)?.[0]
  }

  /** As the store's `prune`. */
  #prune(key: string): void {
    const snapshots = this.#snapshots.get(key) ?? []
    const covered = snapshots.findLast(({ written }) =>
      Object.entries(written).every(
        ([destination, sequence]) =>
          sequence <= (this.#snapshots.get(destination)?.at(-1)?.read[sourceOf(key)] ?? 0),
      ),
    )
    const kept = snapshots.filter(
      (snapshot, i) => i >= snapshots.length - SNAPSHOTS_KEPT || snapshot.offset >= (covered?.offset ?? 0),
    )
    this.#snapshots.set(key, kept)
  }
}

const sourceOf = (key: string): string => key.replace('risk.in', 'risk').replace('orders.in', 'matching')

/** Copies an exchange's inputs to some point each, while the other region follows. */
function standBy(seed: number, copied: readonly number[], options: { readonly keepsBeginning: boolean }) {
  const draw = draws(seed)
  const region = new StandbyRegion(options)
  const rest = [...chatter(draws(seed), STEPS).values()].map((records, i) => {
    const end = Math.ceil((records.length * (copied[i] ?? 0)) / 1_000)
    return records.slice(0, end)
  })
  for (let left = rest.length; left > 0; left = rest.filter(({ length }) => length > 0).length) {
    const i = draw(rest.length)
    const name = region.cut.names[i]
    const record = rest[i]?.shift()
    if (name !== undefined && record !== undefined) region.copied(name, record)
    if (draw(3) === 0) region.follow(draw)
  }
  return region
}

/** Engines without X begin at the oldest snapshots, and go on until nothing happens any more. */
function takeOver(region: StandbyRegion, draw: Draw) {
  const { cut, logs } = region
  logs
    .get('risk.in/0')
    ?.push(recordOf(logs.get('risk.in/0') ?? [], encodeCommands([{ type: 'epoch', epoch: 2 }])))
  const replicas = new Map(
    cut.names.map((name) => {
      const snapshot = region.oldest(inputKey(name))
      const shard =
        snapshot === undefined
          ? newChatter(name.topic, name.partition)
          : Shard.decode(snapshot.state, [], decodeChatter)
      const replica = new Replica(shard, snapshot ?? { offset: 0, lastRecord: emptyHash })
      replica.own(undefined)
      return [inputKey(name), replica] as const
    }),
  )
  const isAtRest = () => [...replicas].every(([key, { next }]) => next === logs.get(key)?.length)
  while (!isAtRest()) {
    const [key = '', replica] = [...replicas][draw(replicas.size)] ?? []
    for (const record of logs.get(key)?.slice(replica?.next, (replica?.next ?? 0) + 1 + draw(9)) ?? [])
      replica?.read(record)
    const batch = replica?.take()
    for (const { topic, partition, value } of batch?.frames ?? []) {
      const log = logs.get(`${topic}/${partition}`) ?? []
      log.push(recordOf(log, value))
    }
    if (batch !== undefined) replica?.acknowledge(batch)
  }
  return replicas
}

const recordOf = (log: readonly LogRecord[], value: Buffer): LogRecord => ({
  offset: log.length,
  timestamp: 1e9,
  value,
})

/** A stream of which its reader lacks something for ever; undefined where there is none. */
function owed(replicas: ReadonlyMap<string, Replica<Chatter>>): string | undefined {
  for (const [key, { shard }] of replicas) {
    for (const [destination, written] of Object.entries(shard.positions().written)) {
      const reader = replicas.get(destination)
      const read = reader?.shard.positions().read[sourceOf(key)] ?? 0
      if (reader !== undefined && read !== written)
        return `${sourceOf(key)} wrote ${written} to ${destination}, which has ${read}`
    }
  }
  return undefined
}

const drawn = fc.record({
  seed: fc.nat(),
  copied: fc.array(fc.nat(1_000), { minLength: 4, maxLength: 4 }),
})

describe('engines that begin at the oldest snapshots that were kept inside the cut', () => {
  it('write all that was owed, wherever the copies end', () => {
    let tails = 0
    fc.assert(
      fc.property(drawn, ({ seed, copied }) => {
        const region = standBy(seed, copied, { keepsBeginning: true })
        tails += region.cut.names.filter((name) => (region.oldest(inputKey(name))?.offset ?? 0) > 0).length
        assert.equal(owed(takeOver(region, draws(seed))), undefined)
      }),
      { numRuns: RUNS },
    )
    assert.ok(tails > RUNS / 2, `${tails} shards had forgotten the beginning`)
  })

  it('would not, where the beginning was not kept: then the cut is not opened', async () => {
    let found = 0
    for (let seed = 1; seed <= RUNS; seed++) {
      const region = standBy(seed, [1_000, 900, 700, 800], { keepsBeginning: false })
      const store = {
        oldest: async ({ machine, shard }: ShardName) =>
          region.oldest(`${machine === 'risk' ? 'risk' : 'orders'}.in/${shard}`),
      }
      const refusal = await requireNothingOwed(store, region.cut).catch((error: unknown) => error)
      const isOwed = owed(takeOver(region, draws(seed))) !== undefined
      assert.equal(refusal instanceof PlaceInUse, isOwed, `seed ${seed}: ${String(refusal)}`)
      if (isOwed) found++
    }
    assert.ok(found > 0 && found < RUNS, `${found} of ${RUNS}`)
  })
})

/** Numbers that look drawn, the same each time. */
function draws(seed: number): Draw {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % below
  }
}
