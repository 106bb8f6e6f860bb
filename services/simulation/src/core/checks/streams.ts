import { Replica } from '@bourse/protocol/replica'
import { Shard, type Machine, type MachineDecoder } from '@bourse/protocol/shard'
import { hashOf, hashText, sameHash } from '@bourse/protocol/stream-hash'
import type { Emission } from '../engine-run.ts'
import type { Log } from '../log.ts'
import type { ShardSnapshots } from '../snapshots.ts'
import { Violation } from '../world.ts'
import type { Reading, StraightRun } from './replay.ts'

/** What every shard wrote is in the log, each entry once for its readers, in order, byte for byte. */
export function checkStreams(straight: StraightRun<Machine>, readings: ReadonlyMap<string, Reading>): void {
  for (const [destination, expected] of straight.written) {
    const found = readings.get(destination)?.bySource.get(straight.name) ?? []
    const same = found.length === expected.length && found.every(({ bytes }, i) => expected[i]?.equals(bytes))
    if (same) continue
    const at = expected.findIndex((bytes, i) => found[i]?.bytes.equals(bytes) !== true)
    throw new Violation(
      `${straight.name} to ${destination}: ${expected.length} entries written, ${found.length} read, differing at ${at + 1}`,
    )
  }
}

/** Every copy of a shard is, byte for byte, what one straight run over its input makes. */
export function checkReplica(straight: StraightRun<Machine>, who: string, replica: Replica<Machine>): void {
  if (replica.next !== straight.end)
    throw new Violation(`${who} has read up to ${replica.next} of ${straight.end}`)
  const [here, there] = [hashOf(replica.shard.encode()), hashOf(straight.shard.encode())]
  if (sameHash(here, there)) return
  throw new Violation(
    `${who} is at ${hashText(here)}, a straight run of ${straight.name} at ${hashText(there)}`,
  )
}

/** Every snapshot is the state at its offset, and leads with the rest of the log to where a straight run does. */
export function checkSnapshots<M extends Machine>(
  straight: StraightRun<M>,
  snapshots: ShardSnapshots,
  log: Log,
  decode: MachineDecoder<M>,
): void {
  for (const { offset, hash } of snapshots.all) {
    const state = straight.states.get(offset)
    if (state === undefined || !sameHash(state, hash))
      throw new Violation(`the snapshot of ${straight.name} at ${offset} is not the state of a straight run`)
  }
  const oldest = snapshots.oldest()
  if (oldest === undefined) return
  const replica = new Replica(Shard.decode(oldest.state, oldest.segments, decode), oldest)
  const topic = straight.shard.source.kind === 'risk' ? 'risk.in' : 'orders.in'
  for (const record of log.records(topic, straight.shard.source.shard)) replica.read(record)
  checkReplica(straight, `a replica from the snapshot of ${straight.name} at ${oldest.offset}`, replica)
}

/** A tenure begins with exactly what its X says: nothing before it is said again, nothing after it is left out. */
export function checkEmissions(emissions: readonly Emission[], straight: StraightRun<Machine>): void {
  const lastOf = new Map<string, number>()
  for (const { run, source, destination, x, first, last } of emissions) {
    if (source !== straight.name) continue
    const key = `${run} ${destination}`
    const next = Math.max(lastOf.get(key) ?? 0, straight.writtenBefore(x, destination)) + 1
    if (first !== next)
      throw new Violation(
        `${run} took ${source} over at X ${x} and wrote ${first} to ${destination}, ${next} was due`,
      )
    lastOf.set(key, last)
  }
}
