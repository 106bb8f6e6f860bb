import { NAMESPACE } from '../constructs/labels.ts'

/** A group of a Prometheus rules file, and of a PrometheusRule's spec. */
export type AlertGroup = {
  readonly name: string
  readonly interval?: string
  readonly rules: readonly AlertRule[]
}

export type AlertRule = {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: Severity; readonly namespace: string }
  readonly annotations: {
    readonly summary: string
    readonly description: string
    readonly runbook_url: string
  }
}

/** `critical`: somebody must act now. `warning`: somebody must look today. */
type Severity = 'critical' | 'warning'

type Alert = {
  readonly name: string
  readonly severity: Severity
  readonly expr: string
  /** How long it must hold; what a planned handover or a crash takes must not reach it. */
  readonly for: string
  readonly summary: string
  readonly description: string
}

const RUNBOOKS = 'https://git.bourse.example/bourse/blob/main/k8s/runbooks'
const FOLLOWING = ['risk-engine', 'matching-engine', 'settlement', 'market-data']
export const SERVICES = ['gateway', ...FOLLOWING]

/** Records, each of many commands: an engine reads some ten thousand in a second when it restores. */
const ENGINE_LAG_MAX = 5_000
const READER_LAG_MAX = 10_000
/** Snapshots are taken every 30 s; with an old one a restart takes longer, and nothing else. */
const SNAPSHOT_AGE_SECONDS_MAX = 600
/** A reconciliation runs every ten minutes: three were missed. */
const RECONCILIATION_AGE_SECONDS_MAX = 2_100
const RESTARTS_MAX = 3
/** Of what the lost region had, five minutes may be missing: half of them are a reason to look at once. */
const CUT_BEHIND_SECONDS_MAX = 150
/** Files are closed after five minutes; copies in the second region come up to fifteen later, and an hour is promised. */
const ARCHIVE_AGE_SECONDS_MAX = 1_800
/** Nobody trades by the tables: an hour is a look today. */
const TABLES_AGE_SECONDS_MAX = 3_600

/** What must never be: each of these is a rule of the architecture that does not hold. */
const correctness: readonly Alert[] = [
  {
    name: 'HashDifference',
    severity: 'critical',
    expr: stopped('reason="difference"'),
    for: '0s',
    summary:
      '{{ $labels.service }} stopped partition {{ $labels.partition }}: two writers of one stream differ',
    description:
      'The same sequence number came with other content, or a checkpoint has other totals: somebody computes differently.',
  },
  {
    name: 'ShardStopped',
    severity: 'critical',
    expr: stopped('reason!="difference"'),
    for: '0s',
    summary: '{{ $labels.service }} stopped partition {{ $labels.partition }}: {{ $labels.reason }}',
    description:
      'The partition has an entry that cannot be applied. It stays stopped until somebody has decided.',
  },
  {
    name: 'SequenceGap',
    severity: 'critical',
    expr: [
      'sum by (service, partition) (increase(bourse_engine_gaps_ignored[1m])) > 0',
      'sum by (service, topic, partition) (increase(bourse_settlement_entries_total{verdict="gap"}[1m])) > 0',
      'sum by (service, partition) (increase(bourse_market_data_entries{verdict="gaps"}[1m])) > 0',
    ].join('\nor\n'),
    for: '2m',
    summary: '{{ $labels.service }} waits for entries that are missing, partition {{ $labels.partition }}',
    description:
      'Entries beyond the next number keep coming and are ignored; their sender has not written the missing ones again.',
  },
  {
    name: 'ClockLeap',
    severity: 'critical',
    expr: 'sum by (service, partition) (increase(bourse_engine_clock_leaps[10m])) > 0',
    for: '0s',
    summary:
      'Log time leapt by more than five minutes, {{ $labels.service }} partition {{ $labels.partition }}',
    description:
      'A broker has a wrong clock. Deadlines and windows of ids follow log time: orders may be refused as too late.',
  },
  {
    name: 'ReconciliationDifference',
    severity: 'critical',
    expr: 'max(bourse_reconciliation_differences) > 0',
    for: '0s',
    summary: 'Engines and ledger differ in {{ $value }} places',
    description:
      'The last reconciliation compared engines, journal and orders at one marker and found them unequal.',
  },
  {
    name: 'ReconciliationTooOld',
    severity: 'warning',
    expr: `time() - max(bourse_reconciliation_time_seconds) > ${RECONCILIATION_AGE_SECONDS_MAX}\nor\nabsent(bourse_reconciliation_time_seconds)`,
    for: '10m',
    summary: 'Nothing was reconciled for more than half an hour',
    description:
      'The CronJob reconcile does not run, or does not finish: a shard that restarts makes a cut void.',
  },
]

const ownership: readonly Alert[] = [
  {
    name: 'ShardWithoutOwner',
    severity: 'critical',
    expr: 'max by (service, partition) (bourse_engine_owned) == 0',
    for: '30s',
    summary: 'Nobody owns partition {{ $labels.partition }} of {{ $labels.service }}',
    description:
      'Replicas follow it and none emits: its accounts or symbols have no answers. A crash is over in ten seconds.',
  },
  {
    name: 'ShardWithTwoOwners',
    severity: 'warning',
    expr: 'sum by (service, partition) (bourse_engine_owned) > 1',
    for: '1m',
    summary: '{{ $value }} processes own partition {{ $labels.partition }} of {{ $labels.service }}',
    description:
      'Their entries are the same and repeats are dropped, so no harm is done; but one of them does not know that it lost.',
  },
  {
    name: 'EngineLag',
    severity: 'critical',
    expr: `max by (service, partition) (bourse_engine_lag_records and (bourse_engine_owned == 1)) > ${ENGINE_LAG_MAX}`,
    for: '1m',
    summary:
      'The owner of {{ $labels.service }} partition {{ $labels.partition }} is {{ $value }} records behind',
    description: 'Commands wait in the log; the gateways shed what would be answered too late.',
  },
  {
    name: 'SnapshotTooOld',
    severity: 'warning',
    expr:
      `time() - max by (service, partition) (bourse_engine_snapshot_time_seconds) > ${SNAPSHOT_AGE_SECONDS_MAX}\n` +
      'and\nsum by (service, partition) (increase(bourse_engine_entries_applied[10m])) > 0',
    for: '5m',
    summary:
      'No snapshot of {{ $labels.service }} partition {{ $labels.partition }} for {{ $value }} seconds',
    description: 'A restart has to replay everything since then, and takes so much longer.',
  },
]

const service: readonly Alert[] = [
  {
    name: 'SettlementLag',
    severity: 'warning',
    expr: `max by (topic, partition) (bourse_settlement_lag_records) > ${READER_LAG_MAX}`,
    for: '5m',
    summary:
      'PostgreSQL is {{ $value }} records behind {{ $labels.topic }} partition {{ $labels.partition }}',
    description: 'Reads of orders, fills and balances are late by so much. Trading goes on.',
  },
  {
    name: 'SettlementWaits',
    severity: 'critical',
    expr: 'sum(increase(bourse_settlement_retries_total[1m])) > 0',
    for: '1m',
    summary: 'Settlement waits for PostgreSQL',
    description:
      'Transactions fail for a reason that passes: a failover, a full disk, no connection. The log keeps what is to be written.',
  },
  {
    name: 'MarketDataLag',
    severity: 'warning',
    expr: `max by (partition) (bourse_market_data_lag_records) > ${READER_LAG_MAX}`,
    for: '2m',
    summary: 'Market data is {{ $value }} records behind, partition {{ $labels.partition }}',
    description: 'Books and last trades that people see are old.',
  },
  {
    name: 'MarketDataNotPublished',
    severity: 'critical',
    expr: 'sum(increase(bourse_market_data_publish_failures_total[1m])) > 0',
    for: '1m',
    summary: 'Redis does not take market data',
    description:
      'Books and last trades stand still or cannot be read. Trading goes on; everything is written again when Redis is back.',
  },
  {
    name: 'GatewayShedding',
    severity: 'warning',
    expr: 'sum by (reason) (rate(bourse_gateway_shed_total[2m])) > 1',
    for: '2m',
    summary: 'Gateways refuse {{ $value }} commands a second: {{ $labels.reason }}',
    description:
      'They would not be answered in time. Clients are told to come back, and nothing has happened to their commands.',
  },
  {
    name: 'OutcomeUnknown',
    severity: 'critical',
    expr: 'sum(increase(bourse_gateway_outcome_unknown_total[1m])) > 0',
    for: '2m',
    summary: 'Commands have no answer in time',
    description:
      'Clients get 504 outcome_unknown and must ask again with the same id. A crash of an engine causes some, for seconds.',
  },
  {
    name: 'ServiceAbsent',
    severity: 'critical',
    expr: absentOf(SERVICES),
    for: '1m',
    summary: 'No {{ $labels.service }} answers to Prometheus',
    description: 'Not one pod of the service is scraped: it is gone, or monitoring is.',
  },
  {
    name: 'TargetDown',
    severity: 'warning',
    expr: 'up{namespace="bourse"} == 0',
    for: '2m',
    summary: '{{ $labels.pod }} does not answer to Prometheus',
    description:
      'The pod is there, and its metrics are not: it hangs, starts for a long time, or a NetworkPolicy is in the way.',
  },
  {
    name: 'ServiceRestarts',
    severity: 'warning',
    expr: `changes(process_start_time_seconds{service=~"${[...SERVICES, 'archive', 'analytics'].join('|')}"}[15m]) >= ${RESTARTS_MAX}`,
    for: '0s',
    summary: '{{ $labels.pod }} began {{ $value }} times in a quarter of an hour',
    description: 'It ends by itself each time; its last lines say why.',
  },
]

/** Without the archive nothing is lost yet; but of a disaster nobody could recover. */
const archive: readonly Alert[] = [
  {
    name: 'ArchiveLate',
    severity: 'critical',
    expr:
      `time() - max by (topic, partition) (bourse_archive_log_time_seconds) > ${ARCHIVE_AGE_SECONDS_MAX}\n` +
      'and\nmax by (topic, partition) (bourse_archive_lag_records) > 0',
    for: '10m',
    summary:
      'The archive of {{ $labels.topic }} partition {{ $labels.partition }} ends {{ $value }} seconds ago',
    description: 'The log has newer records. If everything else were lost now, they would be too.',
  },
  {
    name: 'ArchiveStopped',
    severity: 'critical',
    expr: 'max by (topic, partition, reason) (bourse_archive_stopped) > 0',
    for: '0s',
    summary:
      'The archive of {{ $labels.topic }} partition {{ $labels.partition }} stands still: {{ $labels.reason }}',
    description:
      'Archive and log contradict each other. It stays stopped until somebody has decided; the other inputs go on.',
  },
  {
    name: 'ArchiveAbsent',
    severity: 'critical',
    expr: 'absent(bourse_build_info{service="archive"})',
    for: '10m',
    summary: 'No archive answers to Prometheus',
    description: 'Nothing is archived, or monitoring is gone. A log of another history ends the process too.',
  },
]

/** Of the tables: everything in them can be written again from the log. */
const analytics: readonly Alert[] = [
  {
    name: 'AnalyticsLate',
    severity: 'warning',
    expr:
      `time() - max by (topic, partition) (bourse_analytics_log_time_seconds) > ${TABLES_AGE_SECONDS_MAX}\n` +
      'and\nmax by (topic, partition) (bourse_analytics_lag_records) > 0',
    for: '10m',
    summary:
      'The tables of {{ $labels.topic }} partition {{ $labels.partition }} end {{ $value }} seconds ago',
    description: 'The log has newer records. Queries do not see them; nothing is lost.',
  },
  {
    name: 'AnalyticsStopped',
    severity: 'warning',
    expr: 'max by (topic, partition, reason) (bourse_analytics_stopped) > 0',
    for: '0s',
    summary:
      'The tables of {{ $labels.topic }} partition {{ $labels.partition }} stand still: {{ $labels.reason }}',
    description:
      'Files and log contradict each other, or the log holds what cannot be read. The others go on.',
  },
  {
    name: 'AnalyticsAbsent',
    severity: 'warning',
    expr: 'absent(bourse_build_info{service="analytics"})',
    for: '10m',
    summary: 'No analytics answer to Prometheus',
    description: 'No table is written, or monitoring is gone.',
  },
]

/** In a region that waits: what it would begin with if it had to serve now. */
const standbyRegion: readonly Alert[] = [
  {
    name: 'StandbyRegionBehind',
    severity: 'critical',
    expr: `max(bourse_cut_behind_seconds) > ${CUT_BEHIND_SECONDS_MAX}`,
    for: '1m',
    summary: 'The standby region is {{ $value }} seconds behind',
    description: 'If the region that serves were lost now, so much of what it took would be lost with it.',
  },
  {
    name: 'StandbyRegionAbsent',
    severity: 'critical',
    expr: `absent(bourse_cut_behind_seconds)\nor\n${absentOf(FOLLOWING)}`,
    for: '5m',
    summary: 'The standby region does not follow{{ with $labels.service }}: no {{ . }} answers{{ end }}',
    description:
      'No cut is made, or nobody reads it. Until it is back a lost region costs as long as its log is read.',
  },
]

/** The page of an alert: `HashDifference` is `hash-difference.md`. */
export const runbookOf = (alert: string): string =>
  `${alert.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.md`

/** What an exchange writes into objects, and whether it serves or follows. */
type Place = {
  readonly hasArchive: boolean
  readonly hasAnalytics: boolean
  readonly inStandbyRegion: boolean
}

/** In a region that waits nobody trades and nobody reconciles. */
const OF_SERVING = [
  ...['ReconciliationDifference', 'ReconciliationTooOld', 'ServiceAbsent'],
  ...['GatewayShedding', 'OutcomeUnknown'],
]

const groups: readonly (AlertGroup & { readonly isRaisedIn?: (place: Place) => boolean })[] = [
  { name: 'bourse-correctness', rules: correctness.map(rule) },
  { name: 'bourse-ownership', rules: ownership.map(rule) },
  { name: 'bourse-service', rules: service.map(rule) },
  { name: 'bourse-archive', rules: archive.map(rule), isRaisedIn: ({ hasArchive }) => hasArchive },
  { name: 'bourse-analytics', rules: analytics.map(rule), isRaisedIn: ({ hasAnalytics }) => hasAnalytics },
  {
    name: 'bourse-standby-region',
    rules: standbyRegion.map(rule),
    isRaisedIn: ({ inStandbyRegion }) => inStandbyRegion,
  },
]

export const alertGroups: readonly AlertGroup[] = groups.map(({ name, rules }) => ({ name, rules }))

/** What can be raised where an exchange has an archive and tables or has none, serves or follows. */
export const alertGroupsOf = (place: Place): readonly AlertGroup[] =>
  groups
    .filter(({ isRaisedIn }) => isRaisedIn?.(place) ?? true)
    .map(({ name, rules }) => ({
      name,
      rules: rules.filter(({ alert }) => !place.inStandbyRegion || !OF_SERVING.includes(alert)),
    }))

function rule({ name, severity, expr, for: holds, summary, description }: Alert): AlertRule {
  return {
    alert: name,
    expr,
    for: holds,
    // Most of them say nothing of pods, so who looks for the exchange's alerts would not find them.
    labels: { severity, namespace: NAMESPACE },
    annotations: { summary, description, runbook_url: `${RUNBOOKS}/${runbookOf(name)}` },
  }
}

/** A partition that its reader gave up, by whichever reader. */
function stopped(where: string): string {
  return [
    `max by (service, partition, reason) (bourse_engine_stopped{${where}}) > 0`,
    `max by (service, topic, partition, reason) (bourse_settlement_stopped{${where}}) > 0`,
  ].join('\nor\n')
}

function absentOf(services: readonly string[]): string {
  return services.map((name) => `absent(bourse_build_info{service="${name}"})`).join('\nor\n')
}
