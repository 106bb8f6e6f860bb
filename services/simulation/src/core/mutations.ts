import type { ByteReader } from '@bourse/protocol/bytes'
import { Replica, type Batch, type LogPosition } from '@bourse/protocol/replica'
import type { Machine, Segment, Shard, Topology } from '@bourse/protocol/shard'
import { InboundStream, type Verdict } from '@bourse/protocol/streams'
import { CommandIds } from '@bourse/risk-engine/core/command-ids'
import { RiskMachine } from '@bourse/risk-engine/core/risk-machine'
import { RiskState, type RiskLimits } from '@bourse/risk-engine/core/risk-state'
import type { EngineVariant } from './engine-run.ts'

/** Ways to break a rule on purpose: the simulation must find each. */
export const mutations = {
  'rule-4-accept-repeats': 'receivers take an entry that they have taken before',
  'rule-4-accept-gaps': 'receivers take an entry beyond the next one',
  'rule-4-commit-unacknowledged': 'X moves on before the outputs are acknowledged',
  'rule-4-survive-lost-frame': 'a sender goes on after a frame was not delivered',
  'rule-7-publish-early': 'snapshots are published before X has reached them',
  'rule-7-emit-from-next': 'a new owner emits from where it has read to, not from X',
  'rule-7-replay-aloud': 'a restored replica emits what lies between S and X once more',
  'rule-10-forget-ids': 'command ids are forgotten at a restart',
  'rule-10-no-deduplication': 'a repeated command acts again',
} as const
export type Mutation = keyof typeof mutations

class EagerReplica<M extends Machine> extends Replica<M> {
  override take(): Batch | undefined {
    const batch = super.take()
    if (batch !== undefined) this.acknowledge(batch)
    return batch
  }
}

class HastyReplica<M extends Machine> extends Replica<M> {
  override own(x: number | undefined): void {
    if (x !== undefined) this.observe(this.next)
    super.own(x)
  }
}

class LoudReplica<M extends Machine> extends Replica<M> {
  override observe(): void {
    // Whatever X says, everything since the snapshot is emitted.
  }
}

/** How an engine's shell behaves: as it should, but for the mutation. */
export function engineVariant(mutation: Mutation | undefined): EngineVariant {
  return {
    replica<M extends Machine>(shard: Shard<M>, position: LogPosition, x: number | undefined): Replica<M> {
      if (mutation === 'rule-4-commit-unacknowledged') return new EagerReplica(shard, position, x)
      if (mutation === 'rule-7-emit-from-next') return new HastyReplica(shard, position, x)
      if (mutation === 'rule-7-replay-aloud') return new LoudReplica(shard, position)
      return new Replica(shard, position, x)
    },
    mayPublish: (committed, offset) => mutation === 'rule-7-publish-early' || committed >= offset,
    endsOnLostFrame: mutation !== 'rule-4-survive-lost-frame',
  }
}

/** Restores a risk machine, with its memory of commands unless the mutation takes it away. */
export function decodeRisk(mutation: Mutation | undefined, limits: RiskLimits) {
  return (
    reader: ByteReader,
    shard: number,
    topology: Topology,
    segments: readonly Segment[],
  ): RiskMachine => {
    if (mutation !== 'rule-10-forget-ids')
      return RiskMachine.decode(reader, shard, topology, segments, limits)
    const state = RiskState.decode(reader, { shard, topology, segments, limits })
    state.ids = new CommandIds(limits.ids)
    state.fundsIds.clear()
    return new RiskMachine(state)
  }
}

/** Breaks what cannot be broken from outside, for as long as a run lasts. Returns what mends it again. */
export function breakPrototypes(mutation: Mutation | undefined): () => void {
  if (mutation === 'rule-4-accept-repeats') return breakAccept('repeat')
  if (mutation === 'rule-4-accept-gaps') return breakAccept('gap')
  if (mutation !== 'rule-10-no-deduplication') return () => undefined
  const find = Reflect.get(CommandIds.prototype, 'find')
  CommandIds.prototype.find = () => undefined
  return () => (CommandIds.prototype.find = find)
}

function breakAccept(taken: Verdict): () => void {
  const accept = Reflect.get(InboundStream.prototype, 'accept')
  InboundStream.prototype.accept = function (...entry): Verdict {
    const verdict = accept.apply(this, entry)
    return verdict === taken ? 'next' : verdict
  }
  return () => (InboundStream.prototype.accept = accept)
}
