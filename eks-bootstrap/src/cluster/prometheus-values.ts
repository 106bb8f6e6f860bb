import { HEARTBEAT_SECONDS, alarmTopicArn, heartbeatTopicArn } from '../observability/alarm-topic.ts'
import { type Place } from './workload-policies.ts'

/** Where the charts let somebody scrape, and where KEDA asks: the operator gives every Prometheus this Service. */
export const PROMETHEUS = { namespace: 'observability', service: 'prometheus-operated', port: 9090 } as const
export const ALERTMANAGER_ACCOUNT = 'alertmanager'

const REPLICAS = 2
const METRICS_GIB = 30
const SILENCES_GIB = 1
/** Of volumes in a cluster. */
export const PROMETHEUS_VOLUMES_GIB = REPLICAS * (METRICS_GIB + SILENCES_GIB)
/** Of a volume; the rest is for what is being written. */
const METRICS_PART = 0.8

/** Spread over zones, for a replica stays where its volume is; one at a time may be evicted. */
const APART = { podAntiAffinity: 'hard', podAntiAffinityTopologyKey: 'topology.kubernetes.io/zone' }
const BUDGET = { podDisruptionBudget: { enabled: true, minAvailable: 1 } }

/**
 * Values of the Prometheus operator's chart: what scrapes the exchange, answers KEDA and wakes people. Nodes and pods are
 * Container Insights' business: nothing asks Prometheus for them, so their exporters and the chart's rules stay out.
 */
export function prometheusValues(place: Place): Record<string, unknown> {
  return {
    ...Object.fromEntries(
      ['grafana', 'nodeExporter', 'kubeStateMetrics', 'kubernetesServiceMonitors'].map((part) => [
        part,
        { enabled: false },
      ]),
    ),
    defaultRules: { create: false },
    additionalPrometheusRulesMap: { heartbeat: { groups: [heartbeat] } },
    prometheusOperator: {
      resources: resources('100m', '128Mi', '256Mi'),
      prometheusConfigReloader: { resources: resources('10m', '32Mi', '64Mi') },
      kubeletService: { enabled: false },
      // Rules are tested before they are committed; a webhook that is away would keep Argo CD from applying anything.
      admissionWebhooks: { enabled: false },
      tls: { enabled: false },
    },
    prometheus: { ...BUDGET, prometheusSpec: prometheus },
    alertmanager: {
      ...BUDGET,
      serviceAccount: { create: true, name: ALERTMANAGER_ACCOUNT },
      alertmanagerSpec: {
        ...APART,
        replicas: REPLICAS,
        resources: resources('20m', '64Mi', '128Mi'),
        storage: volume(SILENCES_GIB),
      },
      config: routes(place),
    },
  }
}

/** Every rule and monitor of every namespace: the chart would take those of its own release alone. */
const selectors = Object.fromEntries(
  ['serviceMonitor', 'podMonitor', 'probe', 'rule', 'scrapeConfig'].flatMap((kind) => [
    [`${kind}SelectorNilUsesHelmValues`, false],
    [`${kind}Selector`, {}],
    [`${kind}NamespaceSelector`, {}],
  ]),
)

const prometheus = {
  ...APART,
  ...selectors,
  replicas: REPLICAS,
  evaluationInterval: '15s',
  retention: '15d',
  retentionSize: `${Math.floor(METRICS_GIB * METRICS_PART)}GiB`,
  resources: resources('500m', '1Gi', '3Gi'),
  storageSpec: volume(METRICS_GIB),
}

/** Fires for ever. When it is not heard, nobody hears of anything else. */
const heartbeat = {
  name: 'heartbeat',
  rules: [{ alert: 'Heartbeat', expr: 'vector(1)', labels: { severity: 'none' } }],
}

/** In a region that waits too: whoever takes over there must be woken. The exchange's own rules come with it. */
function routes(place: Place): Record<string, unknown> {
  const { environment, region } = place
  const receiver = (name: string, topicArn: string) => ({
    name,
    sns_configs: [
      {
        topic_arn: topicArn,
        sigv4: { region },
        // SNS takes a hundred characters; the default names every label.
        subject: `{{ .Status }} {{ .CommonLabels.alertname }} (${environment.name})`,
      },
    ],
  })
  return {
    route: {
      receiver: 'people',
      group_by: ['namespace', 'alertname'],
      group_wait: '10s',
      group_interval: '5m',
      repeat_interval: '4h',
      routes: [
        {
          matchers: ['alertname = "Heartbeat"'],
          receiver: 'heartbeat',
          group_interval: '1m',
          repeat_interval: `${HEARTBEAT_SECONDS}s`,
        },
        { matchers: ['severity = "warning"'], receiver: 'people', repeat_interval: '24h' },
      ],
    },
    receivers: [
      receiver('people', alarmTopicArn(environment, region)),
      receiver('heartbeat', heartbeatTopicArn(environment, region)),
    ],
  }
}

function resources(cpu: string, memory: string, memoryMax: string) {
  return { requests: { cpu, memory }, limits: { memory: memoryMax } }
}

/** Of the cluster's own class: gp3, encrypted. */
function volume(gib: number) {
  const spec = {
    storageClassName: 'exchange',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: `${gib}Gi` } },
  }
  return { volumeClaimTemplate: { spec } }
}
