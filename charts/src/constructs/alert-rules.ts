import type { IPrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import type { Construct } from 'constructs'
import type { AlertGroup } from '../alerts/alerts.ts'
import { customResource } from './custom-resource.ts'
import { PART_OF, inWave } from './labels.ts'

/** Gives the alerts to a Prometheus operator. */
export function alertRules(scope: Construct, groups: readonly AlertGroup[]): void {
  customResource<IPrometheusRule>(scope, 'Alerts', {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'bourse',
      labels: { 'app.kubernetes.io/part-of': PART_OF },
      annotations: inWave('services'),
    },
    spec: { groups: groups.map(({ name, rules }) => ({ name, rules: [...rules] })) },
  })
}
