import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import type { ITriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication'
import { Duration } from 'cdk8s'
import {
  HorizontalPodAutoscaler,
  Metric,
  MetricTarget,
  Replicas,
  ScalingStrategy,
  type k8s,
} from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { GatewayScaling, LagScaling, Resources } from '../values/schema.ts'
import { customResource } from './custom-resource.ts'
import { inWave, labelsOf } from './labels.ts'
import { bytesOf, coresOf } from './quantities.ts'
import type { ServiceWorkload } from './service-workload.ts'

/** After so many failed questions in a row a trigger counts as lost, and the replicas hold. */
const FAILURES_MAX = 3
const NAME_OF_IAM_AUTHENTICATION = 'kafka-iam'

type Trigger = IScaledObject['spec']['triggers'][number]
type Behavior = k8s.HorizontalPodAutoscalerBehaviorV2

type ScalerProps = {
  readonly workload: ServiceWorkload
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly triggers: readonly Trigger[]
  readonly behavior: Behavior
}

/**
 * The one autoscaler of a workload. KEDA makes the HorizontalPodAutoscaler from it. It has no `pollingInterval`, which does
 * something only when scaling from zero: KEDA warns of it in an event whenever somebody applies or compares the object.
 */
function scale(scope: Construct, id: string, props: ScalerProps): void {
  const { workload, minReplicas, maxReplicas, behavior } = props
  customResource<IScaledObject>(scope, id, {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: workload.name, labels: { ...workload.selector }, annotations: inWave('scalers') },
    spec: {
      scaleTargetRef: { name: workload.name },
      minReplicaCount: minReplicas,
      maxReplicaCount: maxReplicas,
      // A trigger that cannot be asked votes for as many replicas as there are: none goes, others may come.
      fallback: { failureThreshold: FAILURES_MAX, replicas: minReplicas, behavior: 'currentReplicas' },
      advanced: { horizontalPodAutoscalerConfig: { behavior } },
      triggers: [...props.triggers],
    },
  })
}

export type GatewayScalerProps = {
  readonly workload: ServiceWorkload
  readonly scaling: GatewayScaling
  readonly resources: Resources
  readonly prometheusUrl: string
}

/** CPU, memory and requests of the pods that answer, as Prometheus has them. */
export class GatewayScaler extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { workload, scaling, resources, prometheusUrl }: GatewayScalerProps,
  ) {
    super(scope, id)
    const job = `job="${workload.name}"`
    // What is gone is not counted, although its series go on for a while.
    const answering = `and on (instance) up{${job}} == 1`
    const { resourceWindow: long, requestWindow: short } = scaling
    const cores = coresOf(resources.requests.cpu)
    const ask = (name: string, query: string, threshold: number): Trigger => ({
      type: 'prometheus',
      name,
      metricType: 'AverageValue',
      metadata: {
        serverAddress: prometheusUrl,
        query,
        threshold: String(threshold),
        // No answer is not zero: without series the trigger fails, and its fallback holds the replicas.
        ignoreNullValues: 'false',
      },
    })
    scale(this, 'ScaledObject', {
      ...{ workload, ...scaling },
      behavior: gatewayBehavior(scaling),
      triggers: [
        ask(
          'cpu',
          `sum(rate(process_cpu_seconds_total{${job}}[${long}]) ${answering})`,
          (cores * scaling.cpuPercent) / 100,
        ),
        ask(
          'memory',
          `sum(avg_over_time(process_resident_memory_bytes{${job}}[${long}]) ${answering})`,
          Math.round((bytesOf(resources.limits.memory) * scaling.memoryPercent) / 100),
        ),
        // A pod that nobody asked anything has no series yet: while it answers, that is zero.
        ask(
          'requests',
          `sum(rate(bourse_gateway_request_seconds_count{${job}}[${short}]) ${answering}) or sum(up{${job}} == 1) * 0`,
          scaling.requestsPerSecond,
        ),
      ],
    })
  }
}

function gatewayBehavior({ upPercent, downPercent, cooldownSeconds }: GatewayScaling): Behavior {
  const step = (value: number) => [{ type: 'Percent', value, periodSeconds: cooldownSeconds }]
  return {
    scaleUp: { stabilizationWindowSeconds: 0, policies: step(upPercent) },
    scaleDown: { stabilizationWindowSeconds: cooldownSeconds, policies: step(downPercent) },
  }
}

/** For a cluster without KEDA: the same bounds and pace by what the metrics server knows. */
export class PlainGatewayScaler extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { workload, scaling }: Pick<GatewayScalerProps, 'workload' | 'scaling'>,
  ) {
    super(scope, id)
    const cooldown = Duration.seconds(scaling.cooldownSeconds)
    const step = (percent: number) => [{ replicas: Replicas.percent(percent), duration: cooldown }]
    new HorizontalPodAutoscaler(this, 'Hpa', {
      metadata: {
        name: workload.name,
        labels: { ...labelsOf('gateway', 'gateway'), ...workload.selector },
        annotations: inWave('scalers'),
      },
      target: workload.deployment,
      minReplicas: scaling.minReplicas,
      maxReplicas: scaling.maxReplicas,
      metrics: [
        Metric.resourceCpu(MetricTarget.averageUtilization(scaling.cpuPercent)),
        Metric.resourceMemory(MetricTarget.averageUtilization(scaling.memoryPercent)),
      ],
      scaleUp: { policies: step(scaling.upPercent), stabilizationWindow: Duration.seconds(0) },
      scaleDown: {
        policies: step(scaling.downPercent),
        stabilizationWindow: cooldown,
        strategy: ScalingStrategy.MAX_CHANGE,
      },
    })
  }
}

export type LagSource = {
  readonly brokers: string
  /** Region of MSK, when KEDA has to identify itself there. */
  readonly iamRegion: string | null
}

export type LagScalerProps = {
  readonly workload: ServiceWorkload
  readonly scaling: LagScaling
  readonly source: LagSource
  readonly group: string
  readonly topics: readonly string[]
  /** What a partition without a committed offset counts: `earliest` everything in it, `latest` one record. */
  readonly uncommitted: 'earliest' | 'latest'
}

/** As many replicas as a consumer group's lag justifies. */
export class LagScaler extends Construct {
  constructor(scope: Construct, id: string, props: LagScalerProps) {
    super(scope, id)
    const { workload, scaling, source, group, topics, uncommitted } = props
    const { pods, periodSeconds, stabilizationSeconds } = scaling.scaleDown
    scale(this, 'ScaledObject', {
      ...{ workload, ...scaling },
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: stabilizationSeconds,
          policies: [{ type: 'Pods', value: pods, periodSeconds }],
        },
      },
      triggers: topics.map((topic) => ({
        type: 'kafka',
        name: topic.replace('.', '-'),
        metadata: {
          bootstrapServers: source.brokers,
          consumerGroup: group,
          topic,
          lagThreshold: String(scaling.lagPerReplica),
          offsetResetPolicy: uncommitted,
          ...(source.iamRegion === null ? {} : iam(source.iamRegion)),
        },
        ...(source.iamRegion === null ? {} : { authenticationRef: { name: NAME_OF_IAM_AUTHENTICATION } }),
      })),
    })
  }
}

const iam = (awsRegion: string) => ({
  tls: 'enable',
  sasl: 'oauthbearer',
  saslTokenProvider: 'aws_msk_iam',
  awsRegion,
})

/** KEDA reads MSK with its own identity. */
export function authenticateScalers(scope: Construct): void {
  customResource<ITriggerAuthentication>(scope, 'KafkaIam', {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'TriggerAuthentication',
    metadata: { name: NAME_OF_IAM_AUTHENTICATION, annotations: inWave('services') },
    spec: { podIdentity: { provider: 'aws' } },
  })
}
