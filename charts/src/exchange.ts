import { App, Chart } from 'cdk8s'
import { ImagePullPolicy } from 'cdk8s-plus-28'
import { alertGroupsOf } from './alerts/alerts.ts'
import { alertRules } from './constructs/alert-rules.ts'
import { ApiIngress } from './constructs/api-ingress.ts'
import { authenticateScalers } from './constructs/autoscaling.ts'
import { DATABASE_AUTHORITIES, databaseAuthorities } from './constructs/database-authorities.ts'
import { ClusterFoundation, NamespaceLimits } from './constructs/foundation.ts'
import { NAMESPACE } from './constructs/labels.ts'
import { ExternalSecrets } from './constructs/external-secrets.ts'
import { NetworkPolicies } from './constructs/network-policies.ts'
import { type Placement, placement } from './constructs/placement.ts'
import type { Surroundings } from './constructs/surroundings.ts'
import { kafka } from './datastores/kafka.ts'
import { postgres } from './datastores/postgres.ts'
import { prometheus } from './datastores/prometheus.ts'
import { redis } from './datastores/redis.ts'
import { type EdgeFacts, edges } from './edges.ts'
import { analytics } from './services/analytics.ts'
import { archive } from './services/archive.ts'
import { CutFollower } from './services/cut-follower.ts'
import { matchingEngine, riskEngine } from './services/engines.ts'
import { Gateway } from './services/gateway.ts'
import { marketData } from './services/market-data.ts'
import { DemoMarket, GeneratedSecrets, Operator } from './services/operator.ts'
import { settlement } from './services/settlement.ts'
import { drainSecondsOf, type Values } from './values/schema.ts'

/** The whole exchange: here values are taken apart, and each part is given what it needs. A chart is a file. */
export function exchange(given: Values): readonly Chart[] {
  const values = isInStandbyRegion(given) ? followed(given) : given
  const app = new App()
  new ClusterFoundation(new Chart(app, '00-namespace', { disableResourceNameHashes: true }), 'Foundation')
  const file = (id: string) => new Chart(app, id, { namespace: NAMESPACE, disableResourceNameHashes: true })

  new NamespaceLimits(file('01-limits'), 'Limits', values.quota)
  new NetworkPolicies(file('10-network-policies'), 'Network', {
    edges: edges(edgeFacts(values)),
    dns: values.network.dns,
  })
  datastores(file, values)
  services(file, values)
  jobs(file, values)
  if (values.features.prometheusOperator) alertRules(file('50-alerts'), alertsOf(values))
  return app.charts
}

const LOG_SERVICES = ['risk-engine', 'matching-engine', 'settlement', 'market-data']

const objectWriters = ({ archive, analytics }: Values) => ({
  hasArchive: archive.url !== null,
  hasAnalytics: analytics.url !== null,
})

const isInStandbyRegion = ({ standbyRegion }: Values): boolean => standbyRegion !== null

const alertsOf = (values: Values) =>
  alertGroupsOf({ ...objectWriters(values), inStandbyRegion: isInStandbyRegion(values) })

/** What goes into objects is written where the exchange serves, and nobody plays with one that follows. */
const followed = (values: Values): Values => ({
  ...values,
  archive: { ...values.archive, url: null },
  analytics: { ...values.analytics, url: null },
  operator: { ...values.operator, demoMarket: false },
})

type File = (id: string) => Chart

/** In the cluster, or the secrets that lead to those outside. */
function datastores(file: File, values: Values): void {
  const { inCluster, aws, features, image, operator } = values
  if (aws !== null && features.externalSecrets)
    new ExternalSecrets(file('20-external-secrets'), 'ExternalSecrets', aws)
  if (aws !== null) databaseAuthorities(file('20-database-authorities'), aws.region)
  if (inCluster === null) return
  kafka(file('20-kafka'), inCluster.kafka)
  const connectionsMax = values.databaseConnections.writer
  postgres(file('20-postgres'), { ...inCluster.postgres, connectionsMax })
  redis(file('20-redis'), inCluster.redis)
  const pullPolicy = pullPolicyOf(values)
  new GeneratedSecrets(file('20-secrets'), 'Secrets', { image, pullPolicy, resources: operator.resources })
  if (inCluster.prometheus === null) return
  // Both slots, whichever stands: a release then needs no other Prometheus, and a name without pods has no targets.
  const workloads = ['gateway-blue', 'gateway-green', ...LOG_SERVICES]
  if (values.archive.url !== null) workloads.push('archive')
  if (values.analytics.url !== null) workloads.push('analytics')
  prometheus(file('20-prometheus'), { ...inCluster.prometheus, workloads, alerts: alertsOf(values) })
}

function jobs(file: File, values: Values): void {
  const { operator, kafka: log, tokens, image } = values
  const surroundings = surroundingsOf(values)
  new Operator(file('30-operator'), 'Operator', {
    ...{ surroundings, values: operator, kafka: log },
    inStandbyRegion: isInStandbyRegion(values),
  })
  if (!operator.demoMarket) return
  new DemoMarket(file('50-demo-market'), 'DemoMarket', {
    ...{ image, tokens },
    pullPolicy: surroundings.pullPolicy,
    resources: operator.resources,
    matchingPartitions: surroundings.partitions.MATCHING_PARTITIONS,
  })
}

function services(file: File, values: Values): void {
  const { features, kafka, aws, scheduling } = values
  const surroundings = surroundingsOf(values)
  const iamRegion = kafka.security === 'aws-iam' && aws !== null ? aws.region : null
  const lagSource = features.keda ? { brokers: kafka.brokers, iamRegion } : null
  const { leaveLostNodeSeconds } = scheduling
  const anywhere = { zones: 'ScheduleAnyway', hosts: 'ScheduleAnyway', nodes: null } as const
  const stateless = (name: string) => placement({ name, ...anywhere, leaveLostNodeSeconds })
  const engine = (name: string) =>
    placement({
      ...{ name, leaveLostNodeSeconds },
      zones: scheduling.engineZones,
      hosts: 'DoNotSchedule',
      nodes: scheduling.engineNodes,
    })

  const { standbyRegion } = values
  if (standbyRegion === null) entry(file('40-gateway'), values, stateless('gateway'))
  else
    new CutFollower(file('40-cut-follower'), 'CutFollower', {
      ...{ surroundings, kafka, alias: standbyRegion.alias },
      values: values.cutFollower,
      placement: stateless('cut-follower'),
    })
  const shared = { surroundings, lagSource }
  const engines = { ...shared, inStandbyRegion: isInStandbyRegion(values) }
  riskEngine(file('40-risk-engine'), {
    ...engines,
    values: values.riskEngine,
    placement: engine('risk-engine'),
  })
  matchingEngine(file('40-matching-engine'), {
    ...engines,
    values: values.matchingEngine,
    placement: engine('matching-engine'),
  })
  settlement(file('40-settlement'), {
    ...shared,
    values: values.settlement,
    placement: stateless('settlement'),
  })
  marketData(file('40-market-data'), {
    ...shared,
    values: values.marketData,
    placement: stateless('market-data'),
  })
  const { url, ...archiveValues } = values.archive
  if (url !== null)
    archive(file('40-archive'), {
      ...{ ...shared, url },
      values: archiveValues,
      placement: stateless('archive'),
    })
  const { url: tables, ...analyticsValues } = values.analytics
  if (tables !== null)
    analytics(file('40-analytics'), {
      ...{ ...shared, url: tables },
      values: analyticsValues,
      placement: stateless('analytics'),
    })
  if (lagSource !== null && iamRegion !== null) authenticateScalers(file('30-kafka-iam'))
}

/** The way in. */
function entry(chart: Chart, values: Values, place: Placement): void {
  const { features, nodePort, tokens, ingress, prometheusUrl } = values
  const { service } = new Gateway(chart, 'gateway', {
    ...{ surroundings: surroundingsOf(values), tokens, nodePort },
    values: values.gateway,
    placement: place,
    prometheusUrl: features.keda ? prometheusUrl : null,
  })
  if (ingress === null) return
  const drainSeconds = drainSecondsOf(values.gateway)
  new ApiIngress(chart, 'Ingress', { service, ingress, drainSeconds })
}

function surroundingsOf(values: Values): Surroundings {
  const { image, development, logLevel, kafka, partitions, aws, features, inCluster } = values
  return {
    ...{ image, development, logLevel },
    kafka: {
      KAFKA_BROKERS: kafka.brokers,
      KAFKA_SECURITY: kafka.security,
      ...(kafka.security === 'aws-iam' && aws !== null ? { AWS_REGION: aws.region } : {}),
    },
    partitions: {
      RISK_PARTITIONS: String(partitions.risk),
      MATCHING_PARTITIONS: String(partitions.matching),
    },
    pullPolicy: pullPolicyOf(values),
    databaseCa: aws === null ? null : DATABASE_AUTHORITIES,
    scraped: features.prometheusOperator ? 'by monitors' : inCluster?.prometheus ? 'by name' : 'no',
  }
}

/** A digest never changes and a local image is loaded into the nodes; of a tag there may be a newer one. */
const pullPolicyOf = ({ image, inCluster }: Values): ImagePullPolicy =>
  inCluster !== null || image.includes('@sha256:') ? ImagePullPolicy.IF_NOT_PRESENT : ImagePullPolicy.ALWAYS

function edgeFacts(values: Values): EdgeFacts {
  const { inCluster, features, ingress, network, operator } = values
  return {
    ...network,
    inCluster: inCluster !== null,
    hasPrometheus: inCluster !== null && inCluster.prometheus !== null,
    hasKeda: features.keda,
    hasDemoMarket: operator.demoMarket,
    ...objectWriters(values),
    inStandbyRegion: isInStandbyRegion(values),
    hasTraefik: ingress?.className === 'traefik',
  }
}
