import { ServiceAccount } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import { type LagSource, LagScaler, type LagScalerProps } from '../constructs/autoscaling.ts'
import { inWave, labelsOf } from '../constructs/labels.ts'
import { ServiceWorkload, type ServiceWorkloadProps } from '../constructs/service-workload.ts'
import type { Surroundings } from '../constructs/surroundings.ts'
import type { Values } from '../values/schema.ts'

type Own = Pick<ServiceWorkloadProps, 'service' | 'secrets' | 'startupSeconds' | 'priorityClassName'> &
  Pick<ServiceWorkloadProps, 'placement' | 'wave'> & {
    readonly component: 'engine' | 'consumer'
    readonly config?: Readonly<Record<string, string>>
    readonly values: Values['settlement']
    /** @default the group of the service's name */
    readonly lag: Pick<LagScalerProps, 'topics' | 'uncommitted'> & { readonly group?: string }
  }

export type LogServiceProps = Own & {
  readonly surroundings: Surroundings
  /** Where KEDA reads the lag; null in a cluster without KEDA, where the minimum of replicas stands. */
  readonly lagSource: LagSource | null
}

/** A service that reads the log in a consumer group, of its own name as a rule: an engine or a consumer. */
export class LogService extends Construct {
  constructor(scope: Construct, id: string, props: LogServiceProps) {
    super(scope, id)
    const { service, component, values, lag, lagSource, config = {}, surroundings, ...workloadProps } = props
    const serviceAccount = new ServiceAccount(this, 'Account', {
      metadata: { name: service, labels: labelsOf(service, component), annotations: inWave('foundation') },
      automountToken: false,
    })
    const { scaling, settings, resources, preStopSeconds, shutdownGraceMs, terminationGraceSeconds } = values
    const workload = new ServiceWorkload(this, 'Workload', surroundings, {
      ...workloadProps,
      ...{ service, component, serviceAccount },
      ...{ resources, preStopSeconds, shutdownGraceMs, terminationGraceSeconds },
      config: { ...config, ...settings },
      surge: 1,
      replicas: lagSource === null ? scaling.minReplicas : 'autoscaled',
    })
    if (lagSource !== null)
      new LagScaler(this, 'Scaler', { workload, scaling, source: lagSource, group: service, ...lag })
  }
}
