import { Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
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

export function signals({ environment, loadBalancerFullName }: SignalsProps): readonly Signal[] {
  const name = `bourse-${environment.name}`
  const balancer = (metricName: string, statistic: string) =>
    metric('AWS/ApplicationELB', metricName, statistic, { LoadBalancer: loadBalancerFullName })
  const aurora = (metricName: string, statistic: string) =>
    metric('AWS/RDS', metricName, statistic, { DBClusterIdentifier: name })
  const redis = (metricName: string) =>
    metric('AWS/ElastiCache', metricName, 'Maximum', { CacheClusterId: `${name}-001` })
  const kafka = (metricName: string, statistic: string) =>
    metric('AWS/Kafka', metricName, statistic, { 'Cluster Name': name })
  const cluster = (metricName: string) =>
    metric('ContainerInsights', metricName, 'Average', { ClusterName: `${name}-exchange` })
  return [
    signal(
      'Latency',
      'latency',
      balancer('TargetResponseTime', 'p99'),
      LATENCY_SECONDS_MAX,
      5,
      'Slow answers',
    ),
    signal(
      'ReplicaLag',
      'latency',
      aurora('AuroraReplicaLag', 'Maximum'),
      REPLICA_LAG_MS_MAX,
      5,
      'Readers lag',
    ),
    signal('ErrorRate', 'errors', errorPercent(balancer), ERROR_PERCENT_MAX, 5, 'Requests fail'),
    signal('NoTargets', 'errors', balancer('UnHealthyHostCount', 'Maximum'), 1, 5, 'Pods fail their checks'),
    signal(
      'OfflinePartitions',
      'errors',
      kafka('OfflinePartitionsCount', 'Maximum'),
      1,
      1,
      'The log has no leader',
    ),
    signal(
      'UnderMinIsr',
      'errors',
      kafka('UnderMinIsrPartitionCount', 'Maximum'),
      1,
      3,
      'The log refuses writes',
    ),
    signal(
      'ClusterCpu',
      'saturation',
      cluster('node_cpu_utilization'),
      CPU_PERCENT_MAX,
      10,
      'Nodes are busy',
    ),
    signal(
      'ClusterMemory',
      'saturation',
      cluster('node_memory_utilization'),
      MEMORY_PERCENT_MAX,
      10,
      'Nodes are full',
    ),
    signal(
      'AuroraCpu',
      'saturation',
      aurora('CPUUtilization', 'Maximum'),
      CPU_PERCENT_MAX,
      10,
      'The database is busy',
    ),
    signal(
      'RedisMemory',
      'saturation',
      redis('DatabaseMemoryUsagePercentage'),
      MEMORY_PERCENT_MAX,
      10,
      'Redis fills',
    ),
    signal('RedisCpu', 'saturation', redis('EngineCPUUtilization'), CPU_PERCENT_MAX, 10, 'Redis is busy'),
    signal(
      'KafkaDisk',
      'saturation',
      kafka('KafkaDataLogsDiskUsed', 'Maximum'),
      DISK_PERCENT_MAX,
      10,
      'The log fills',
    ),
  ]
}

/** Signals whose normal level moves with the day: the alarm is a band learned from the past. */
export function learnedSignals({ loadBalancerFullName }: SignalsProps): readonly Omit<Signal, 'threshold'>[] {
  const balancer = (metricName: string, statistic: string) =>
    metric('AWS/ApplicationELB', metricName, statistic, { LoadBalancer: loadBalancerFullName })
  return [
    {
      id: 'Traffic',
      kind: 'traffic',
      metric: balancer('RequestCount', 'Sum'),
      minutes: 10,
      meaning: 'Unusual traffic',
    },
    {
      id: 'UnusualLatency',
      kind: 'latency',
      metric: balancer('TargetResponseTime', 'p99'),
      minutes: 10,
      meaning: 'Unusually slow',
    },
  ]
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
