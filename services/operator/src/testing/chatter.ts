import type { ByteWriter } from '@bourse/protocol/bytes'
import type { Entry } from '@bourse/protocol/entries'
import { encodeCommands, encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { Replica, type LogRecord } from '@bourse/protocol/replica'
import { Shard, type Context, type Machine, type MachineDecoder, type Topology } from '@bourse/protocol/shard'
import { emptyHash } from '@bourse/protocol/stream-hash'
import type { Destination } from '@bourse/protocol/streams'

export const topology: Topology = { riskShards: 2, matchingShards: 2 }

/** Passes half of each number on to a shard that the number names, until nothing is left of it. */
class ChatterMachine implements Machine {
  readonly kind: 'risk' | 'matching'
  readonly #shard: number

  constructor(kind: 'risk' | 'matching', shard: number) {
    this.kind = kind
    this.#shard = shard
  }

  apply(entry: Entry, context: Context): void {
    if (entry.type !== 'tick' || entry.number < 2) return
    const to = this.#destinations()
    const number = Math.floor(entry.number / 2)
    for (const chosen of [to[entry.number % to.length], entry.number % 5 === 0 ? to[0] : undefined])
      if (chosen !== undefined) context.send(chosen, { type: 'tick', number })
  }

  encode(writer: ByteWriter): void {
    writer.u8(this.kind === 'risk' ? 0 : 1)
  }

  cut(): unknown {
    return undefined
  }

  segments(): readonly [] {
    return []
  }

  #destinations(): Destination[] {
    const risk = [0, 1].map((partition) => ({ topic: 'risk.in', partition }) as const)
    if (this.kind === 'matching') return risk
    const books = [0, 1].map((partition) => ({ topic: 'orders.in', partition }) as const)
    return [...risk.filter(({ partition }) => partition !== this.#shard), ...books]
  }
}

export const newChatter = (topic: string, partition: number): Shard<ChatterMachine> =>
  new Shard(new ChatterMachine(topic === 'risk.in' ? 'risk' : 'matching', partition), partition, topology)

export const decodeChatter: MachineDecoder<ChatterMachine> = (reader, shard) =>
  new ChatterMachine(reader.u8() === 0 ? 'risk' : 'matching', shard)

/** Inputs by their key: `risk.in/0`. */
export type Inputs = ReadonlyMap<string, readonly LogRecord[]>

/** An exchange of four shards that talk, and the inputs that come of it. What happens next is `draw`'s: 0 ≤ n < below. */
export function chatter(draw: (below: number) => number, steps: number): Inputs {
  const inputs = new Map<string, LogRecord[]>()
  const replicas = new Map<string, Replica<ChatterMachine>>()
  let time = 1_000
  const append = (topic: string, partition: number, value: Buffer): void => {
    const records = inputs.get(`${topic}/${partition}`)
    records?.push({ offset: records.length, timestamp: time, value })
  }
  for (const topic of ['risk.in', 'orders.in']) {
    for (const partition of [0, 1]) {
      inputs.set(`${topic}/${partition}`, [])
      append(topic, partition, genesis('one'))
      const replica = new Replica(newChatter(topic, partition), { offset: 0, lastRecord: emptyHash })
      replica.own(undefined)
      replicas.set(`${topic}/${partition}`, replica)
    }
  }
  const keys = [...inputs.keys()]
  for (let step = 0; step < steps; step++) {
    time += 1 + draw(3)
    if (draw(3) === 0) {
      const numbers = Array.from({ length: 1 + draw(3) }, () => 1 + draw(200))
      append('risk.in', draw(2), encodeCommands(numbers.map((number) => ({ type: 'tick', number }))))
      continue
    }
    const key = keys[draw(keys.length)] ?? ''
    const replica = replicas.get(key)
    if (replica === undefined) continue
    for (const record of inputs.get(key)?.slice(replica.next, replica.next + 1 + draw(4)) ?? [])
      replica.read(record)
    const frames = replica.take()?.frames ?? []
    // Some frames come twice, as from two owners.
    for (const { topic, partition, value } of draw(8) === 0 ? [...frames, ...frames] : frames) {
      time += 1 + draw(2)
      append(topic, partition, value)
    }
  }
  return inputs
}

export function genesis(log: string): Buffer {
  const header = { epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }
  const entry = encodeEntry({ type: 'genesis', log }, { version: 0, cause: 0, time: 0 })
  return encodeFrame({ ...header, source: { kind: 'genesis', shard: 0 } }, [entry])
}
