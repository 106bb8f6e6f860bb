import { decodeFrame, hashAfter, type FramedEntry } from '@bourse/protocol/frame'
import { Shard, type Cut, type Machine, type Topology } from '@bourse/protocol/shard'
import { hashOf, type StreamHash } from '@bourse/protocol/stream-hash'
import { destinationKey, InboundStream, sourceKey } from '@bourse/protocol/streams'
import type { Log, Origin } from '../log.ts'

/** A shard as it is when its input is read once, from its first record to its last, by a process that never failed. */
export type StraightRun<M extends Machine> = {
  readonly name: string
  readonly shard: Shard<M>
  readonly end: number
  /** Entries by destination, in the order of sending. */
  readonly written: ReadonlyMap<string, readonly Buffer[]>
  /** Entries written to a destination by the inputs before an offset. */
  writtenBefore(offset: number, destination: string): number
  /** Hashes of the state at the offsets asked for. */
  readonly states: ReadonlyMap<number, StreamHash>
  readonly cuts: readonly Cut[]
}

export function runStraight<M extends Machine>(
  log: Log,
  topic: 'risk.in' | 'orders.in',
  shardNumber: number,
  topology: Topology,
  machine: M,
  statesAt: ReadonlySet<number>,
): StraightRun<M> {
  const shard = new Shard(machine, shardNumber, topology)
  const written = new Map<string, Buffer[]>()
  const counts: ReadonlyMap<string, number>[] = []
  const states = new Map<number, StreamHash>()
  const cuts: Cut[] = []
  const records = log.records(topic, shardNumber)
  for (const { offset, value, timestamp } of records) {
    if (statesAt.has(offset)) states.set(offset, hashOf(shard.encode()))
    counts.push(new Map([...written].map(([destination, entries]) => [destination, entries.length])))
    const effects = shard.apply(decodeFrame(value), timestamp)
    cuts.push(...effects.cuts)
    for (const { to, bytes } of effects.outputs) {
      const key = destinationKey(to)
      const entries = written.get(key)
      if (entries === undefined) written.set(key, [bytes])
      else entries.push(bytes)
    }
  }
  if (statesAt.has(records.length)) states.set(records.length, hashOf(shard.encode()))
  const writtenBefore = (offset: number, destination: string): number =>
    (offset < counts.length ? counts[offset]?.get(destination) : written.get(destination)?.length) ?? 0
  const name = sourceKey(shard.source)
  return { name, shard, end: records.length, written, writtenBefore, states, cuts }
}

/** One partition as its readers understand it: each source's entries once, and why others were dropped. */
export type Reading = {
  readonly bySource: ReadonlyMap<string, readonly FramedEntry[]>
  readonly repeats: Readonly<Record<Origin, number>>
  readonly gaps: number
}

export function readPartition(log: Log, topic: string, partition: number): Reading {
  const streams = new Map<string, { inbound: InboundStream; entries: FramedEntry[] }>()
  const repeats = { once: 0, twice: 0, zombie: 0 }
  let gaps = 0
  for (const { value, origin } of log.records(topic, partition)) {
    const { source, epoch, hashBefore, entries } = decodeFrame(value)
    if (source.kind === 'genesis' || source.kind === 'gateway') continue
    const key = sourceKey(source)
    const stream = streams.get(key) ?? { inbound: new InboundStream(), entries: [] }
    streams.set(key, stream)
    let before = hashBefore
    for (const entry of entries) {
      const verdict = stream.inbound.accept({ epoch, sequence: entry.sequence }, before, entry.bytes)
      if (verdict === 'next') stream.entries.push(entry)
      if (verdict === 'repeat') repeats[origin]++
      if (verdict === 'gap') gaps++
      before = verdict === 'next' ? stream.inbound.hash : hashAfter(before, entry.bytes)
    }
  }
  const bySource = new Map([...streams].map(([key, { entries }]) => [key, entries]))
  return { bySource, repeats, gaps }
}
