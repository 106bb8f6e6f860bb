import type { Asset, Listing } from '@bourse/domain/listing'
import type { LogRecord } from '@bourse/protocol/replica'
import type { Topology } from '@bourse/protocol/shard'
import type { RiskLimits } from '@bourse/risk-engine/core/risk-state'

/** What an exchange begins with that was cut from another region's log. */
export type Past = {
  readonly topology: Topology
  readonly limits: RiskLimits
  readonly inputs: ReadonlyMap<string, readonly LogRecord[]>
  /** Log time at which it begins. */
  readonly end: number
  readonly assets: readonly Asset[]
  readonly listings: readonly Listing[]
  /** Commands that clients sent there, by the key that histories have for them. */
  readonly asked: ReadonlySet<string>
  readonly owners: number
  readonly markers: number
  /** Of names and command ids: those of now are others than those of then. */
  readonly prefix: string
}

export const NO_PAST = {
  assets: [],
  listings: [],
  asked: new Set<string>(),
  owners: 0,
  markers: 0,
  prefix: '',
} as const satisfies Partial<Past>
