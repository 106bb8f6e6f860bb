import { Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { ZONES } from '../data/log-cluster.ts'
import { type Environment } from '../environment.ts'

/** A thing worth an alarm: what is measured, when it is too much, and which of the four signals it is. */
export type Signal = {
  readonly id: string
  readonly kind: 'latency' | 'traffic' | 'errors' | 'saturation'
  readonly metric: cloudwatch.IMetric
  readonly threshold: number
  /** Consecutive minutes over the threshold. */
  readonly minutes: number
  readonly meaning: string
}

type SignalsProps = {
  readonly environment: Environment
  readonly loadBalancerFullName: string
  /** By service. */
  readonly targetGroupFullNames: Readonly<Record<string, string>>
}

const MINUTE = Duration.minutes(1)
/** Requests answered later than this break the promise for a cached read by far. */
const LATENCY_SECONDS_MAX = 0.2
const REPLICA_LAG_MS_MAX = 1000
const CPU_PERCENT_MAX = 80
const DISK_PERCENT_MAX = 75
const MEMORY_PERCENT_MAX = 80
/** The promise is 99.9 %: this is its budget spent ten times too fast. */
const ERROR_PERCENT_MAX = 1

export function signals(props: SignalsProps): readonly Signal[] {
  const { environment } = props
  return [
    ...entrySignals(props),
    ...storeSignals(environment, `bourse-${environment.name}`),
    ...clusterSignals(props),
  ]
}

function entrySignals({ loadBalancerFullName, targetGroupFullNames }: SignalsProps): Signal[] {
  const balancer = balancerMetric(loadBalancerFullName)
  const slow = balancer('TargetResponseTime', 'p99')
  const unhealthy = (TargetGroup: string) =>
    metric('AWS/ApplicationELB', 'UnHealthyHostCount', 'Minimum', {
      LoadBalancer: loadBalancerFullName,
      TargetGroup,
    })
  return [
    signal('Latency', 'latency', slow, LATENCY_SECONDS_MAX, 5, 'Slow answers'),
    signal('ErrorRate', 'errors', errorPercent(balancer), ERROR_PERCENT_MAX, 5, 'Requests fail'),
    ...Object.entries(targetGroupFullNames).map(([service, group]) =>
      signal(
        `Unhealthy-${service}`,
        'errors',
        unhealthy(group),
        1,
        5,
        `Pods of ${service} fail their checks`,
      ),
    ),
  ]
}

/** Of a region's database, cache and log. */
export function storeSignals(environment: Environment, DBClusterIdentifier: string): readonly Signal[] {
  const name = `bourse-${environment.name}`
  const aurora = (what: string) => metric('AWS/RDS', what, 'Maximum', { DBClusterIdentifier })
  // A sharded group counts its shards in the names of its nodes.
  const CacheClusterId = `${name}${environment.data.redis.shards > 1 ? '-0001' : ''}-001`
  const redis = (what: string) => metric('AWS/ElastiCache', what, 'Maximum', { CacheClusterId })
  const offline = metric('AWS/Kafka', 'OfflinePartitionsCount', 'Maximum', { 'Cluster Name': name })
  const memory = redis('DatabaseMemoryUsagePercentage')
  const brokers = Array.from({ length: ZONES * environment.data.kafka.brokersPerZone }, (_, index) =>
    String(index + 1),
  )
  return [
    signal('ReplicaLag', 'latency', aurora('AuroraReplicaLagMaximum'), REPLICA_LAG_MS_MAX, 5, 'Readers lag'),
    signal('AuroraCpu', 'saturation', aurora('CPUUtilization'), CPU_PERCENT_MAX, 10, 'The database is busy'),
    signal('RedisMemory', 'saturation', memory, MEMORY_PERCENT_MAX, 10, 'Redis fills'),
    signal('RedisCpu', 'saturation', redis('EngineCPUUtilization'), CPU_PERCENT_MAX, 10, 'Redis is busy'),
    signal('OfflinePartitions', 'errors', offline, 1, 1, 'The log has no leader'),
    ...brokers.flatMap((broker) => brokerSignals(name, broker)),
  ]
}

/** MSK counts these by broker alone. */
function brokerSignals(clusterName: string, broker: string): Signal[] {
  const kafka = (what: string) =>
    metric('AWS/Kafka', what, 'Maximum', { 'Cluster Name': clusterName, 'Broker ID': broker })
  const [minIsr, disk] = [kafka('UnderMinIsrPartitionCount'), kafka('KafkaDataLogsDiskUsed')]
  return [
    signal(`UnderMinIsr-${broker}`, 'errors', minIsr, 1, 3, `The log refuses writes on broker ${broker}`),
    signal(`KafkaDisk-${broker}`, 'saturation', disk, DISK_PERCENT_MAX, 10, `Broker ${broker} fills`),
  ]
}

function clusterSignals({ environment }: SignalsProps): Signal[] {
  const ClusterName = `bourse-${environment.name}-exchange`
  const nodes = (what: string) => metric('ContainerInsights', what, 'Average', { ClusterName })
  const memory = nodes('node_memory_utilization')
  return [
    signal('ClusterCpu', 'saturation', nodes('node_cpu_utilization'), CPU_PERCENT_MAX, 10, 'Nodes are busy'),
    signal('ClusterMemory', 'saturation', memory, MEMORY_PERCENT_MAX, 10, 'Nodes are full'),
  ]
}

/** Signals whose normal level moves with the day: the alarm is a band learned from the past. */
export function learnedSignals({ loadBalancerFullName }: SignalsProps): readonly Omit<Signal, 'threshold'>[] {
  const balancer = balancerMetric(loadBalancerFullName)
  const requests = balancer('RequestCount', 'Sum')
  const slow = balancer('TargetResponseTime', 'p99')
  return [
    { id: 'Traffic', kind: 'traffic', metric: requests, minutes: 10, meaning: 'Unusual traffic' },
    { id: 'UnusualLatency', kind: 'latency', metric: slow, minutes: 10, meaning: 'Unusually slow' },
  ]
}

function balancerMetric(LoadBalancer: string) {
  return (what: string, statistic: string) => metric('AWS/ApplicationELB', what, statistic, { LoadBalancer })
}

function signal(
  id: string,
  kind: Signal['kind'],
  measured: cloudwatch.IMetric,
  threshold: number,
  minutes: number,
  meaning: string,
): Signal {
  return { id, kind, metric: measured, threshold, minutes, meaning }
}

function errorPercent(
  balancer: (metricName: string, statistic: string) => cloudwatch.IMetric,
): cloudwatch.IMetric {
  return new cloudwatch.MathExpression({
    expression: '100 * (FILL(target, 0) + FILL(balancer, 0)) / requests',
    usingMetrics: {
      target: balancer('HTTPCode_Target_5XX_Count', 'Sum'),
      balancer: balancer('HTTPCode_ELB_5XX_Count', 'Sum'),
      requests: balancer('RequestCount', 'Sum'),
    },
    label: 'errors %',
    period: MINUTE,
  })
}

function metric(
  namespace: string,
  metricName: string,
  statistic: string,
  dimensionsMap: Record<string, string>,
): cloudwatch.Metric {
  return new cloudwatch.Metric({ namespace, metricName, statistic, dimensionsMap, period: MINUTE })
}
