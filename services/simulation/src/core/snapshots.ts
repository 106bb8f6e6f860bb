import type { Snapshot } from '@bourse/protocol/replica'
import type { Segment } from '@bourse/protocol/shard'
import { hashOf, sameHash } from '@bourse/protocol/stream-hash'
import { Violation, type World } from './world.ts'

/** Stays even when newer ones cover everything. */
export const SNAPSHOTS_KEPT = 3

/** The durable position of a stream's receiver: the last sequence that it will never ask for again. */
export type DurablePosition = (source: string, destination: string) => number

/** The snapshots of one shard, by offset, and the segments that they refer to, each stored once. */
export class ShardSnapshots {
  readonly #world: World
  readonly #name: string
  readonly #durable: DurablePosition
  #snapshots: readonly Snapshot[] = []
  readonly #segments = new Map<number, Buffer>()

  constructor(world: World, name: string, durable: DurablePosition) {
    this.#world = world
    this.#name = name
    this.#durable = durable
  }

  get all(): readonly Snapshot[] {
    return this.#snapshots
  }

  get newestOffset(): number | undefined {
    return this.#snapshots.at(-1)?.offset
  }

  /** Of the last entry read from a source by the newest snapshot. */
  read(source: string): number {
    return this.#snapshots.at(-1)?.read[source] ?? 0
  }

  save(snapshot: Snapshot): void {
    for (const { id, body } of snapshot.segments) {
      const stored = this.#segments.get(id)
      if (stored !== undefined && !stored.equals(body)) {
        throw new Violation(`${this.#name}: segment ${id} changed after it was closed`)
      }
      this.#segments.set(id, body)
    }
    const there = this.#snapshots.find(({ offset }) => offset === snapshot.offset)
    if (there !== undefined) {
      if (!sameHash(there.hash, snapshot.hash)) {
        throw new Violation(`${this.#name}: two states at offset ${snapshot.offset}`)
      }
      return
    }
    const torn = this.#world.draws('torn_snapshot', this.#world.weather.tornSnapshot)
    const stored = torn ? { ...snapshot, state: tear(snapshot.state) } : snapshot
    this.#snapshots = [...this.#snapshots, stored].sort((a, b) => a.offset - b.offset)
    this.#prune()
  }

  /** The newest sound snapshot at or below an offset. */
  newest(offsetMax: number): Snapshot | undefined {
    return this.#firstSound(this.#snapshots.filter(({ offset }) => offset <= offsetMax).reverse())
  }

  oldest(): Snapshot | undefined {
    return this.#firstSound(this.#snapshots)
  }

  #firstSound(candidates: readonly Snapshot[]): Snapshot | undefined {
    for (const snapshot of candidates) {
      if (sameHash(hashOf(snapshot.state), snapshot.hash))
        return { ...snapshot, segments: this.#load(snapshot) }
      this.#world.bit('torn_snapshot')
    }
    return undefined
  }

  #load({ segments }: Snapshot): Segment[] {
    return segments.map(({ id }) => {
      const body = this.#segments.get(id)
      if (body === undefined) throw new Violation(`${this.#name}: segment ${id} is gone`)
      return { id, body }
    })
  }

  /** A snapshot goes when three newer ones exist and a newer one's outputs all lie behind every receiver's position. */
  #prune(): void {
    const covered = this.#snapshots.findLast(({ written }) =>
      Object.entries(written).every(
        ([destination, sequence]) => sequence <= this.#durable(this.#name, destination),
      ),
    )
    const recent = this.#snapshots.slice(-SNAPSHOTS_KEPT)
    const kept = this.#snapshots.filter(
      (snapshot) => recent.includes(snapshot) || snapshot.offset >= (covered?.offset ?? 0),
    )
    this.#snapshots = kept
    if (kept.length > SNAPSHOTS_KEPT) this.#world.bit('kept_snapshot')
    const referred = new Set(kept.flatMap(({ segments }) => segments.map(({ id }) => id)))
    for (const id of this.#segments.keys()) if (!referred.has(id)) this.#segments.delete(id)
  }
}

function tear(state: Buffer): Buffer {
  const torn = Buffer.from(state)
  torn.fill(0xee, Math.floor(state.length / 2))
  return torn
}
