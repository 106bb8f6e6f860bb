import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import type { Construct } from 'constructs'
import { customResource } from './custom-resource.ts'
import { WORKLOAD_LABEL, inWave } from './labels.ts'

const SCRAPE_INTERVAL = '15s'

/** Has a Prometheus operator scrape a workload's operations port; the series' `job` is the workload's name. */
export function monitorOps(scope: Construct, workload: string, labels: Record<string, string>): void {
  customResource<IServiceMonitor>(scope, 'Monitor', {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: workload, labels, annotations: inWave('services') },
    spec: {
      jobLabel: WORKLOAD_LABEL,
      selector: { matchLabels: { [WORKLOAD_LABEL]: workload } },
      // `service` is what the process says, not the Service that it was found by.
      endpoints: [{ port: 'ops', path: '/metrics', interval: SCRAPE_INTERVAL, honorLabels: true }],
    },
  })
}
