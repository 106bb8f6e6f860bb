import { encodeEntry, encodeFrame, FRAME_BYTES_MAX } from '@bourse/protocol/frame'
import type { LogRecord } from '@bourse/protocol/replica'
import type { Topology } from '@bourse/protocol/shard'
import { emptyHash } from '@bourse/protocol/stream-hash'
import type { Past } from './past.ts'
import { Violation, type World } from './world.ts'

/** Whether the writer of a frame no longer owns the shard that the frame speaks for. */
export type IsZombie = (frame: Buffer) => boolean

/** A record, and why it may repeat what the log has already. */
export type StoredRecord = LogRecord & { readonly origin: Origin }
export type Origin = 'once' | 'twice' | 'zombie'

export const REPLY_PARTITIONS = 4
const BEGIN = 1_760_000_000_000
const LEAP_MS = 10 * 60_000
const BACK_MS = 30_000

/** Partitions in memory, with the time of appending that a broker gives. */
export class Log {
  readonly #world: World
  readonly #partitions = new Map<string, StoredRecord[]>()
  readonly #begin: number
  #offsetMs = 0

  constructor(world: World, { riskShards, matchingShards }: Topology, past?: Pick<Past, 'inputs' | 'end'>) {
    this.#world = world
    this.#begin = past?.end ?? BEGIN
    const sizes = {
      'risk.in': riskShards,
      'risk.out': riskShards,
      'orders.in': matchingShards,
      'orders.out': matchingShards,
    }
    for (const [topic, size] of Object.entries(sizes)) {
      for (let partition = 0; partition < size; partition++) {
        const kept = past?.inputs.get(`${topic}/${partition}`)
        if (kept === undefined) this.append(topic, partition, genesis())
        else
          this.records(topic, partition).push(
            ...kept.map((record) => ({ ...record, origin: 'once' as const })),
          )
      }
    }
  }

  /** The broker's clock. */
  get time(): number {
    return this.#begin + this.#world.now + this.#offsetMs
  }

  append(topic: string, partition: number, value: Buffer, origin: Origin = 'once'): void {
    if (value.length > FRAME_BYTES_MAX) throw new Violation(`a record of ${value.length} bytes`)
    const records = this.records(topic, partition)
    const offset = records.length
    if ((records.at(-1)?.timestamp ?? 0) > this.time) this.#world.bit('clock_back')
    records.push({ offset, timestamp: this.time, value, origin })
  }

  records(topic: string, partition: number): StoredRecord[] {
    const key = `${topic}/${partition}`
    let records = this.#partitions.get(key)
    if (records === undefined) {
      records = []
      this.#partitions.set(key, records)
    }
    return records
  }

  /** Records from an offset on, as many as a fetch happens to bring. */
  fetch(topic: string, partition: number, offset: number): readonly LogRecord[] {
    const records = this.records(topic, partition)
    if (offset >= records.length) return []
    return records.slice(offset, offset + this.#world.random.between(1, 12))
  }

  end(topic: string, partition: number): number {
    return this.records(topic, partition).length
  }

  /** A clock that was wrong, or is wrong from now on. */
  disturbClock(): void {
    const { random, faults } = this.#world
    if (random.perMille(500)) {
      faults.clock_leap.drawn++
      this.#offsetMs += LEAP_MS
    } else {
      faults.clock_back.drawn++
      this.#offsetMs -= random.between(1, BACK_MS)
    }
    this.#world.story.tell(this.#world.now, () => `the clock of the log is off by ${this.#offsetMs} ms`)
  }
}

function genesis(): Buffer {
  const entry = encodeEntry({ type: 'genesis', log: 'simulated' }, { version: 0, cause: 0, time: 0 })
  const source = { kind: 'genesis', shard: 0 } as const
  return encodeFrame({ source, epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }, [entry])
}
