import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { NAMESPACE } from '../constructs/labels.ts'
import { type RuleTest, runRuleTests, seriesOf } from '../testing/promtool.ts'
import { rendered } from '../testing/rendered.ts'
import { alertGroups, runbookOf, SERVICES } from './alerts.ts'
import { scrapedBy, stored, type Scraped } from './scraped-labels.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
const PAGES = join(REPOSITORY, 'k8s/runbooks')
const rules = alertGroups.flatMap(({ rules }) => rules)

/** So that somebody scrapes it in `local` too. */
const WITH_OBJECTS = { archive: { url: 's3://bucket/prefix' }, analytics: { url: 's3://bucket/tables' } }

type Series = Readonly<Record<string, string>>
/**
 * What raises an alert, by when and with which labels; and something alike that must not raise it. Series have the labels
 * that the process gives them; what Prometheus adds when it scrapes is read from the manifests.
 */
type Case = {
  readonly fires: Series
  readonly quiet: Series
  readonly by: string
  readonly labels: Readonly<Record<string, string>>
}

const HOW_SCRAPED = [
  ['scraped by monitors', 'production'],
  ['scraped by name', 'local'],
] as const

const risk = 'service="risk-engine",partition="0"'
const matching = 'service="matching-engine",partition="1"'
const riskLabels = { service: 'risk-engine', partition: '0' }
const settlement = 'service="settlement",topic="risk.out",partition="0"'
const settlementLabels = { service: 'settlement', topic: 'risk.out', partition: '0' }
const archived = 'topic="risk.in",partition="1"'
const tabled = 'topic="risk.out",partition="1"'
const built = (names: readonly string[]): Series =>
  Object.fromEntries(names.map((name) => [`bourse_build_info{service="${name}"}`, '1x30']))

const CASES: Readonly<Record<string, Case>> = {
  HashDifference: {
    fires: { [`bourse_engine_stopped{${risk},reason="difference",pod="a"}`]: '0 1x20' },
    quiet: {
      [`bourse_engine_stopped{${risk},reason="poison"}`]: '1x20',
      [`bourse_settlement_stopped{${settlement},reason="difference"}`]: '0x20',
    },
    by: '2m',
    labels: { ...riskLabels, reason: 'difference' },
  },
  ShardStopped: {
    fires: { [`bourse_settlement_stopped{${settlement},reason="poison"}`]: '0 1x20' },
    quiet: { [`bourse_engine_stopped{${risk},reason="difference"}`]: '1x20' },
    by: '2m',
    labels: { ...settlementLabels, reason: 'poison' },
  },
  SequenceGap: {
    fires: { [`bourse_engine_gaps_ignored{${risk},pod="a"}`]: '0+60x30' },
    quiet: {
      [`bourse_engine_gaps_ignored{${risk},pod="a"}`]: '0x8 40x20',
      [`bourse_settlement_entries_total{${settlement},verdict="repeat"}`]: '0+60x30',
    },
    by: '5m',
    labels: riskLabels,
  },
  ClockLeap: {
    fires: { [`bourse_engine_clock_leaps{${risk},pod="a"}`]: '0x8 1x20' },
    quiet: { [`bourse_engine_clock_leaps{${risk},pod="a"}`]: '3x30' },
    by: '5m',
    labels: riskLabels,
  },
  ReconciliationDifference: {
    fires: {
      'bourse_reconciliation_differences{pod="a"}': '0 2x20',
      bourse_reconciliation_time_seconds: '0x20',
    },
    quiet: { 'bourse_reconciliation_differences{pod="a"}': '0x20' },
    by: '2m',
    labels: {},
  },
  ReconciliationTooOld: {
    fires: {
      'bourse_reconciliation_time_seconds{pod="a"}': '0x300',
      'bourse_reconciliation_time_seconds{pod="b"}': '60x300',
    },
    quiet: {
      'bourse_reconciliation_time_seconds{pod="a"}': '0x300',
      'bourse_reconciliation_time_seconds{pod="b"}': '0+15x300',
    },
    by: '50m',
    labels: {},
  },
  ShardWithoutOwner: {
    fires: {
      [`bourse_engine_owned{${risk},pod="a"}`]: '1x7 0x30',
      [`bourse_engine_owned{${risk},pod="b"}`]: '0x40',
    },
    quiet: {
      [`bourse_engine_owned{${risk},pod="a"}`]: '1x7 0x30',
      [`bourse_engine_owned{${risk},pod="b"}`]: '0x8 1x30',
    },
    by: '4m',
    labels: riskLabels,
  },
  ShardWithTwoOwners: {
    fires: {
      [`bourse_engine_owned{${risk},pod="a"}`]: '1x30',
      [`bourse_engine_owned{${risk},pod="b"}`]: '0 1x30',
    },
    quiet: {
      [`bourse_engine_owned{${risk},pod="a"}`]: '1x30',
      [`bourse_engine_owned{${matching},pod="b"}`]: '1x30',
    },
    by: '3m',
    labels: riskLabels,
  },
  EngineLag: {
    fires: {
      [`bourse_engine_lag_records{${risk},pod="a"}`]: '9000x30',
      [`bourse_engine_owned{${risk},pod="a"}`]: '1x30',
    },
    quiet: {
      [`bourse_engine_lag_records{${risk},pod="a"}`]: '9000x30',
      [`bourse_engine_owned{${risk},pod="a"}`]: '0x30',
    },
    by: '3m',
    labels: riskLabels,
  },
  SnapshotTooOld: {
    fires: {
      [`bourse_engine_snapshot_time_seconds{${risk},pod="a"}`]: '0x200',
      [`bourse_engine_entries_applied{${risk},pod="a"}`]: '0+5x200',
    },
    quiet: {
      [`bourse_engine_snapshot_time_seconds{${risk},pod="a"}`]: '0x200',
      [`bourse_engine_entries_applied{${risk},pod="a"}`]: '5x200',
    },
    by: '20m',
    labels: riskLabels,
  },
  SettlementLag: {
    fires: { [`bourse_settlement_lag_records{${settlement},pod="a"}`]: '20000x60' },
    quiet: { [`bourse_settlement_lag_records{${settlement},pod="a"}`]: '20000x8 100x60' },
    by: '7m',
    labels: { topic: 'risk.out', partition: '0' },
  },
  SettlementWaits: {
    fires: { 'bourse_settlement_retries_total{pod="a"}': '0+5x60' },
    quiet: { 'bourse_settlement_retries_total{pod="a"}': '0x4 3x60' },
    by: '4m',
    labels: {},
  },
  MarketDataLag: {
    fires: { 'bourse_market_data_lag_records{partition="1",pod="a"}': '20000x60' },
    quiet: { 'bourse_market_data_lag_records{partition="1",pod="a"}': '9000x60' },
    by: '4m',
    labels: { partition: '1' },
  },
  MarketDataNotPublished: {
    fires: { 'bourse_market_data_publish_failures_total{pod="a"}': '0+5x60' },
    quiet: { 'bourse_market_data_publish_failures_total{pod="a"}': '0x4 3x60' },
    by: '4m',
    labels: {},
  },
  GatewayShedding: {
    fires: { 'bourse_gateway_shed_total{reason="overloaded",pod="a"}': '0+60x60' },
    quiet: { 'bourse_gateway_shed_total{reason="overloaded",pod="a"}': '0+2x60' },
    by: '6m',
    labels: { reason: 'overloaded' },
  },
  OutcomeUnknown: {
    fires: { 'bourse_gateway_outcome_unknown_total{pod="a"}': '0+1x60' },
    quiet: { 'bourse_gateway_outcome_unknown_total{pod="a"}': '0x4 50x60' },
    by: '5m',
    labels: {},
  },
  ServiceAbsent: {
    fires: built(SERVICES.slice(1)),
    quiet: built(SERVICES),
    by: '3m',
    labels: { service: 'gateway' },
  },
  ArchiveLate: {
    fires: {
      [`bourse_archive_log_time_seconds{${archived},pod="a"}`]: '0x250',
      [`bourse_archive_lag_records{${archived},pod="a"}`]: '5x250',
    },
    quiet: {
      // Nothing new; and files that come as they should.
      [`bourse_archive_log_time_seconds{${archived},pod="a"}`]: '0x250',
      [`bourse_archive_lag_records{${archived},pod="a"}`]: '0x250',
      'bourse_archive_log_time_seconds{topic="orders.in",partition="0",pod="a"}': '0+15x250',
      'bourse_archive_lag_records{topic="orders.in",partition="0",pod="a"}': '5x250',
    },
    by: '45m',
    labels: { topic: 'risk.in', partition: '1' },
  },
  ArchiveStopped: {
    fires: { [`bourse_archive_stopped{${archived},reason="file_differs",pod="a"}`]: '0 1x20' },
    quiet: { [`bourse_archive_stopped{${archived},reason="file_differs",pod="a"}`]: '0x20' },
    by: '2m',
    labels: { topic: 'risk.in', partition: '1', reason: 'file_differs' },
  },
  ArchiveAbsent: {
    fires: { 'bourse_build_info{service="archive"}': '1x4' },
    quiet: { 'bourse_build_info{service="archive"}': '1x100' },
    by: '20m',
    labels: {},
  },
  StandbyRegionBehind: {
    fires: {
      'bourse_cut_behind_seconds{pod="a"}': '3x4 160+15x30',
    },
    quiet: { 'bourse_cut_behind_seconds{pod="a"}': '3x4 160x2 3x30' },
    by: '5m',
    labels: {},
  },
  StandbyRegionAbsent: {
    fires: { ...built(SERVICES.slice(2)), 'bourse_cut_behind_seconds{pod="a"}': '3x60' },
    quiet: { ...built(SERVICES.slice(1)), 'bourse_cut_behind_seconds{pod="a"}': '3x60' },
    by: '7m',
    labels: { service: 'risk-engine' },
  },
  AnalyticsLate: {
    fires: {
      [`bourse_analytics_log_time_seconds{${tabled},pod="a"}`]: '0x350',
      [`bourse_analytics_lag_records{${tabled},pod="a"}`]: '5x350',
    },
    quiet: {
      // Nothing new; and files that come as they should.
      [`bourse_analytics_log_time_seconds{${tabled},pod="a"}`]: '0x350',
      [`bourse_analytics_lag_records{${tabled},pod="a"}`]: '0x350',
      'bourse_analytics_log_time_seconds{topic="orders.out",partition="0",pod="a"}': '0+15x350',
      'bourse_analytics_lag_records{topic="orders.out",partition="0",pod="a"}': '5x350',
    },
    by: '75m',
    labels: { topic: 'risk.out', partition: '1' },
  },
  AnalyticsStopped: {
    fires: { [`bourse_analytics_stopped{${tabled},reason="malformed",pod="a"}`]: '0 1x20' },
    quiet: { [`bourse_analytics_stopped{${tabled},reason="malformed",pod="a"}`]: '0x20' },
    by: '2m',
    labels: { topic: 'risk.out', partition: '1', reason: 'malformed' },
  },
  AnalyticsAbsent: {
    fires: { 'bourse_build_info{service="analytics"}': '1x4' },
    quiet: { 'bourse_build_info{service="analytics"}': '1x100' },
    by: '20m',
    labels: {},
  },
  TargetDown: {
    fires: { 'up{pod="gateway-1"}': '0x30' },
    quiet: { 'up{pod="gateway-1"}': '0x4 1x30', 'up{namespace="other",pod="x"}': '0x30' },
    by: '4m',
    labels: { namespace: 'bourse', pod: 'gateway-1' },
  },
  ServiceRestarts: {
    fires: { 'process_start_time_seconds{service="settlement",pod="a"}': '1x3 60x3 120x3 180x60' },
    quiet: { 'process_start_time_seconds{service="settlement",pod="a"}': '1x3 60x3 120x60' },
    by: '5m',
    labels: { service: 'settlement', pod: 'a' },
  },
}

describe('An alert', () => {
  for (const [how, environment] of HOW_SCRAPED) {
    for (const { alert } of rules) {
      it(`fires when it must and only then, ${how}: ${alert}`, () => {
        const found = CASES[alert]
        assert(found, 'an alert that was never seen to fire may never fire')
        const { fires, quiet, by, labels } = found
        const scraped = (series: Series) => asScraped(series, environment)
        const told = { ...labels, alertname: alert, severity: severityOf(alert), namespace: NAMESPACE }
        runRuleTests(alertGroups, [
          unitTest(alert, scraped(fires), by, told),
          unitTest(alert, scraped(quiet), by, undefined),
        ])
      })
    }
  }

  it('is found by whoever watches a release, if it is critical', () => {
    const script = readFileSync(join(REPOSITORY, 'k8s/delivery/watch-release.sh'), 'utf8')
    const query = decodeURIComponent(/query='([^']+)'/.exec(script)?.[1] ?? '')
    const critical = rules.filter(({ labels }) => labels.severity === 'critical')
    const tests = critical.map(({ alert }): RuleTest => {
      const { fires, by } = CASES[alert]!
      const found = [{ labels: seriesOf('', { alertname: alert }), value: 1 }]
      const expr = `count by (alertname) (${query}) and on (alertname) ALERTS{alertname="${alert}"}`
      return {
        ...unitTest(alert, asScraped(fires, 'production'), by, undefined),
        promql_expr_test: [{ expr, eval_time: by, exp_samples: found }],
      }
    })
    runRuleTests(alertGroups, tests)
  })

  it('is refused by a test that expects it from what does not raise it', () => {
    const { quiet, by } = CASES['ShardWithoutOwner']!
    const told = { alertname: 'ShardWithoutOwner' }
    assert.throws(() => runRuleTests(alertGroups, [unitTest('ShardWithoutOwner', quiet, by, told)]), /FAILED/)
  })

  it('says in its words only what its labels tell', () => {
    const unknown = rules.flatMap(({ alert, annotations }) =>
      [...`${annotations.summary}${annotations.description}`.matchAll(/\$labels\.(\w+)/g)]
        .map(([, label = '']) => label)
        .filter((label) => !(label in (CASES[alert]?.labels ?? {})))
        .map((label) => `${alert}: ${label}`),
    )
    assert.deepEqual(unknown, [])
  })

  it('has a page that says what to do, and every page of an alert has one', () => {
    const pages = rules.map(({ alert }) => runbookOf(alert))
    assert.deepEqual(
      pages.filter((page) => !existsSync(join(PAGES, page))),
      [],
    )
    for (const { alert } of rules) {
      const text = readFileSync(join(PAGES, runbookOf(alert)), 'utf8')
      assert.match(text, new RegExp(`^# ${alert}$`, 'm'))
      for (const part of ['means', 'notice', 'See', 'Do', 'over'])
        assert.match(text, new RegExp(`^\\*\\*[^*]*${part}`, 'm'), alert)
    }
    const others = readdirSync(PAGES).filter(
      (page) => !pages.includes(page) && !/^(?:README|drill-.*)\.md$/.test(page),
    )
    assert.deepEqual(others, [])
  })

  it('has its page in the list of runbooks, as each drill has, and drills say how to run them and when they are passed', () => {
    const pages = readdirSync(PAGES).filter((page) => page !== 'README.md')
    const index = readFileSync(join(PAGES, 'README.md'), 'utf8')
    const listed = [...index.matchAll(/^\| \[[^\]]+\]\(([^)]+)\)/gm)].map(([, page]) => page)
    assert.deepEqual(listed.toSorted(), pages.toSorted())
    for (const page of pages.filter((page) => page.startsWith('drill-'))) {
      const text = readFileSync(join(PAGES, page), 'utf8')
      for (const part of ['What it shows', 'What users notice', 'Run it', 'Look', 'Passed when'])
        assert.match(text, new RegExp(`^\\*\\*${part}`, 'm'), page)
    }
  })
})

const severityOf = (name: string): string => rules.find(({ alert }) => alert === name)?.labels.severity ?? ''

/** Where a series comes from, when it does not say so. */
const SERVICE_OF: readonly (readonly [metric: RegExp, service: string])[] = [
  [/^bourse_gateway_/, 'gateway'],
  [/^bourse_(?:settlement|reconciliation)_/, 'settlement'],
  [/^bourse_market_data_/, 'market-data'],
  [/^bourse_archive_/, 'archive'],
  [/^bourse_cut_/, 'cut'],
  [/^bourse_analytics_/, 'analytics'],
  [/^up\b/, 'gateway'],
]

function asScraped(series: Series, environment: 'local' | 'production'): Series {
  return Object.fromEntries(
    Object.entries(series).map(([text, values]) => {
      const [, name = '', inner = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(text) ?? []
      const given = Object.fromEntries(
        [...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      )
      const service = given['service'] ?? SERVICE_OF.find(([metric]) => metric.test(name))?.[1] ?? ''
      const { pod, namespace, ...exported } = given
      const scraped =
        service === 'cut'
          ? scrapedBy(rendered('production-standby'), 'cut-follower')
          : scrapedBy(rendered(environment, WITH_OBJECTS), service === 'gateway' ? 'gateway-blue' : service)
      assert(scraped, `nobody scrapes ${text} in ${environment}`)
      const target: Scraped['target'] = {
        ...scraped.target,
        ...(pod === undefined ? {} : { pod, instance: `${pod}:8081` }),
        ...(namespace === undefined ? {} : { namespace }),
      }
      // What Prometheus makes itself, no process exports.
      const labels = name === 'up' ? target : stored({ service, ...exported }, { ...scraped, target })
      return [seriesOf(name, labels), values]
    }),
  )
}

/** Every value of a series is 15 s after the one before it. `told` are labels of the alert, or none when it must not fire. */
function unitTest(alert: string, series: Series, by: string, told: Series | undefined): RuleTest {
  const labels = Object.keys(told ?? {})
  const firing = {
    expr: `count by (${labels.join(',')}) (ALERTS{alertname="${alert}",alertstate="firing"})`,
    eval_time: by,
    exp_samples: told === undefined ? [] : [{ labels: seriesOf('', told), value: 1 }],
  }
  return {
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [firing],
  }
}
