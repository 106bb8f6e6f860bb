import { k8s } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { Values } from '../values/schema.ts'
import { NAMESPACE, PART_OF, inWave } from './labels.ts'
import { quantities } from './quantities.ts'

/** Which release of Kubernetes' Pod Security standards holds; a later one is taken on purpose. */
const POD_SECURITY_VERSION = 'v1.34'
const NO_MORE_THAN_ONE_POD = { cpu: '4', memory: '8Gi' }

const labels = { 'app.kubernetes.io/part-of': PART_OF }

/** What belongs to the cluster and not to the namespace: the namespace itself and who yields to whom. */
export class ClusterFoundation extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id)
    const modes = ['enforce', 'audit', 'warn'].flatMap((mode) => [
      [`pod-security.kubernetes.io/${mode}`, 'restricted'],
      [`pod-security.kubernetes.io/${mode}-version`, POD_SECURITY_VERSION],
    ])
    new k8s.KubeNamespace(this, 'Namespace', {
      metadata: {
        name: NAMESPACE,
        labels: { ...labels, ...Object.fromEntries(modes) },
        annotations: inWave('foundation'),
      },
    })
    this.#priority(
      'bourse-core',
      1_000_000,
      'Engines and datastores: the exchange stands still without them.',
    )
    this.#priority('bourse-serving', 900_000, 'The gateway and the consumers of the log.')
    this.#priority('bourse-jobs', 100_000, 'What may wait until there is room.', 'Never')
  }

  #priority(name: string, value: number, description: string, preemptionPolicy?: string): void {
    new k8s.KubePriorityClass(this, name, {
      metadata: { name, labels, annotations: inWave('foundation') },
      value,
      description,
      ...(preemptionPolicy === undefined ? {} : { preemptionPolicy }),
    })
  }
}

/** How much the namespace may take, and what a container gets that says nothing. */
export class NamespaceLimits extends Construct {
  constructor(scope: Construct, id: string, { cpu, memory, pods }: Values['quota']) {
    super(scope, id)
    const metadata = { name: NAMESPACE, labels, annotations: inWave('foundation') }
    new k8s.KubeResourceQuota(this, 'Quota', {
      metadata,
      spec: {
        hard: quantities({
          'requests.cpu': cpu,
          'requests.memory': memory,
          'limits.memory': memory,
          pods,
          'services.loadbalancers': 0,
        }),
      },
    })
    new k8s.KubeLimitRange(this, 'Limits', {
      metadata,
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: quantities({ cpu: '20m', memory: '64Mi', 'ephemeral-storage': '16Mi' }),
            default: quantities({ cpu: '1', memory: '128Mi', 'ephemeral-storage': '64Mi' }),
            max: quantities(NO_MORE_THAN_ONE_POD),
          },
        ],
      },
    })
  }
}
