import { HttpIngressPathType, Ingress, IngressBackend, type Service } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { Values } from '../values/schema.ts'
import { inWave, labelsOf } from './labels.ts'
import { namedSecret } from './secret-reference.ts'
import { PORTS } from './service-workload.ts'

/** TLS 1.3, and 1.2 with forward secrecy alone. */
const TLS_POLICY = 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06'
/** Shorter than a gateway keeps a connection: the balancer closes first and never sends into one just closed. */
const IDLE_SECONDS = 60

export type ApiIngressProps = {
  readonly service: Service
  readonly ingress: NonNullable<Values['ingress']>
  /** How long the balancer leaves a pod's requests in work after it took it out. */
  readonly drainSeconds: number
}

/** The way in from outside: TLS ends here, and only the API's paths lead on. */
export class ApiIngress extends Construct {
  constructor(scope: Construct, id: string, { service, ingress, drainSeconds }: ApiIngressProps) {
    super(scope, id)
    const { className, host, certificateArn, tlsSecret } = ingress
    const entry = new Ingress(this, 'Ingress', {
      metadata: {
        name: 'gateway',
        labels: labelsOf('gateway', 'gateway'),
        annotations: {
          ...inWave('services'),
          ...(className === 'alb' ? balancer(certificateArn, drainSeconds) : {}),
        },
      },
      className,
      tls: [{ hosts: [host], ...(tlsSecret === null ? {} : { secret: namedSecret(this, tlsSecret) }) }],
    })
    entry.addHostRule(host, '/api', IngressBackend.fromService(service), HttpIngressPathType.PREFIX)
  }
}

function balancer(certificateArn: string | null, drainSeconds: number): Record<string, string> {
  const annotations = {
    scheme: 'internet-facing',
    'target-type': 'ip',
    'backend-protocol': 'HTTP',
    'listen-ports': JSON.stringify([{ HTTPS: 443 }]),
    'ssl-policy': TLS_POLICY,
    ...(certificateArn === null ? {} : { 'certificate-arn': certificateArn }),
    'healthcheck-port': String(PORTS.ops),
    'healthcheck-path': '/ready',
    'healthcheck-interval-seconds': '5',
    'healthcheck-timeout-seconds': '4',
    'healthy-threshold-count': '2',
    'unhealthy-threshold-count': '2',
    'target-group-attributes': `deregistration_delay.timeout_seconds=${drainSeconds}`,
    'load-balancer-attributes': `idle_timeout.timeout_seconds=${IDLE_SECONDS},routing.http.drop_invalid_header_fields.enabled=true`,
  }
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`alb.ingress.kubernetes.io/${key}`, value]),
  )
}
