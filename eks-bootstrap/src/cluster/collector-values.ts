import { type Environment } from '../environment.ts'
import { METRICS_LOG_GROUP } from './workload-policies.ts'

/** Attributes that name a person or carry what a person typed; they never leave the cluster. */
export const PERSONAL_ATTRIBUTES = [
  'enduser.id',
  'user.email',
  'user.name',
  'client.address',
  'http.client_ip',
  'net.peer.ip',
  'http.request.header.authorization',
  'http.request.header.cookie',
  'url.query',
] as const

const MEMORY_PERCENT = 80

/** Values of the OpenTelemetry collector, run with AWS's distribution: traces to X-Ray, metrics to CloudWatch. */
export function collectorValues({ operations }: Environment, region: string): Record<string, unknown> {
  const redact = PERSONAL_ATTRIBUTES.map((key) => ({ key, action: 'delete' }))
  const pipeline = ['memory_limiter', 'attributes/redact', 'batch']
  return {
    mode: 'deployment',
    replicaCount: 2,
    image: { repository: 'public.ecr.aws/aws-observability/aws-otel-collector', tag: 'v0.45.1' },
    command: { name: 'awscollector' },
    serviceAccount: { create: true, name: 'collector' },
    resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '512Mi' } },
    config: {
      receivers: {
        otlp: { protocols: { grpc: { endpoint: '0.0.0.0:4317' }, http: { endpoint: '0.0.0.0:4318' } } },
      },
      processors: {
        memory_limiter: { check_interval: '1s', limit_percentage: MEMORY_PERCENT },
        probabilistic_sampler: { sampling_percentage: operations.traceSamplingPercent },
        'attributes/redact': { actions: redact },
        batch: {},
      },
      exporters: {
        awsxray: { region },
        awsemf: {
          region,
          namespace: 'Bourse',
          log_group_name: METRICS_LOG_GROUP,
          dimension_rollup_option: 'NoDimensionRollup',
        },
      },
      service: {
        pipelines: {
          traces: {
            receivers: ['otlp'],
            processors: ['probabilistic_sampler', ...pipeline],
            exporters: ['awsxray'],
          },
          metrics: { receivers: ['otlp'], processors: pipeline, exporters: ['awsemf'] },
        },
      },
    },
  }
}
