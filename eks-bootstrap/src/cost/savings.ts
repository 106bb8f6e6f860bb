import { type Line, total } from './estimate.ts'
import { COMMITMENTS, PRICES, type PriceName } from './prices.ts'

/** Commit to this much of what always runs, and raise it slowly: what is not used is paid all the same. */
export const COVERAGE_PERCENT = 65

const COMPUTE: readonly string[] = ['Stateless nodes', 'Engine nodes']
const SPOT: PriceName = 'ec2 vcpu spot'
const ON_DEMAND: PriceName = 'ec2 vcpu on-demand'

export type Savings = {
  /** The same estate with every node on demand and nothing committed. */
  readonly onDemandUsd: number
  /** As configured: Spot above the on-demand base. */
  readonly withSpotUsd: number
  /** One-year reservations of databases and caches. */
  readonly withReservationsUsd: number
  /** And a one-year Savings Plan over the named part of the nodes that always run. */
  readonly withPlansUsd: number
  /** And three years instead of one, over all nodes that always run. */
  readonly withLongPlansUsd: number
  /** What to commit, by the hour. */
  readonly commitUsdPerHour: number
}

/** What each way to pay less brings, one on top of the other. */
export function savings(lines: readonly Line[]): Savings {
  const withSpotUsd = total(lines)
  const spot = lines.filter(({ price }) => price === SPOT)
  const steady = lines.filter(
    ({ service, price }) => COMPUTE.includes(service) && price !== SPOT && price.startsWith('ec2'),
  )
  const steadyUsd = total(steady)
  const onDemandUsd = withSpotUsd + total(spot) * (PRICES[ON_DEMAND].usd / PRICES[SPOT].usd - 1)
  const database = total(lines.filter(({ price }) => price.startsWith('aurora db.')))
  const cache = total(lines.filter(({ price }) => price.startsWith('redis ')))
  const reserved = database * (1 - COMMITMENTS.databaseOneYear) + cache * (1 - COMMITMENTS.cacheOneYear)
  const covered = steadyUsd * (COVERAGE_PERCENT / 100)
  return {
    onDemandUsd,
    withSpotUsd,
    withReservationsUsd: withSpotUsd - reserved,
    withPlansUsd: withSpotUsd - reserved - covered * (1 - COMMITMENTS.computeOneYear),
    withLongPlansUsd: withSpotUsd - reserved - steadyUsd * (1 - COMMITMENTS.computeThreeYears),
    commitUsdPerHour: (covered * COMMITMENTS.computeOneYear) / 730,
  }
}
