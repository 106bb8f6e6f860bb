import { createEvents as analyticsEvents } from '@bourse/analytics/events'
import { createEvents as archiveEvents } from '@bourse/archive/events'
import { createEvents as gatewayEvents, watchOrderEntry } from '@bourse/gateway/events'
import { countEntries, createEvents as marketDataEvents } from '@bourse/market-data/events'
import { publishCutMetrics } from '@bourse/operator/cut-metrics'
import { publishEngineAlarms, publishEngineMetrics } from '@bourse/platform/engine/engine-metrics'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { Events as SettlementEvents } from '@bourse/settlement/events'
import { measureLag } from '@bourse/settlement/lag'
import { publishReconciliation } from '@bourse/settlement/postgres/reconciliation'

/** Of Prometheus itself. */
const OF_PROMETHEUS = ['up']

/** What every service registers, as it registers it; nothing is collected, so nothing behind it has to be there. */
export function exportedMetrics(): ReadonlySet<string> {
  const log = createLog({ name: 'metrics', level: 'silent' })
  const nothing = {} as never
  const registries = [
    ...['gateway', 'engine', 'settlement', 'market-data', 'archive', 'analytics', 'cut'],
  ].map((service) => createMetrics({ service, version: 'test' }))
  const [gateway, engine, settlement, marketData, archive, analytics, cut] = registries as [
    Registry,
    Registry,
    Registry,
    Registry,
    Registry,
    Registry,
    Registry,
  ]
  gatewayEvents(log, gateway)
  watchOrderEntry(nothing, 1, gateway)
  publishEngineMetrics(nothing, engine)
  publishEngineAlarms(nothing, engine)
  new SettlementEvents({ log, metrics: settlement })
  measureLag(settlement, nothing)
  publishReconciliation(nothing, settlement)
  marketDataEvents(log, marketData)
  archiveEvents(log, archive)
  analyticsEvents(log, analytics)
  publishCutMetrics(cut, { cut: nothing, copies: nothing })
  countEntries(marketData, () => [])
  const names = registries.flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name))
  return new Set([
    ...OF_PROMETHEUS,
    ...names,
    ...names.flatMap((name) => [`${name}_count`, `${name}_sum`, `${name}_bucket`]),
  ])
}

type Registry = ReturnType<typeof createMetrics>
