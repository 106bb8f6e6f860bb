import type { Construct } from 'constructs'
import { stringify } from 'yaml'
import type { AlertGroup } from '../alerts/alerts.ts'
import { Datastore, http } from '../constructs/datastore.ts'
import { NAMESPACE } from '../constructs/labels.ts'
import { PORTS } from '../constructs/service-workload.ts'
import type { Resources } from '../values/schema.ts'

const PORT = 9090
const FOLDER = '/etc/prometheus'

export type PrometheusProps = {
  readonly image: string
  readonly resources: Resources
  readonly storage: string
  readonly scrapeSeconds: number
  /** Names of the Deployments whose operations ports are scraped. */
  readonly workloads: readonly string[]
  readonly alerts: readonly AlertGroup[]
}

/** Finds pods by name alone, through their headless Services: it needs no right to read the cluster. */
export const prometheus = (scope: Construct, props: PrometheusProps) => {
  const { image, resources, storage, scrapeSeconds, workloads, alerts } = props
  return new Datastore(scope, 'prometheus', {
    name: 'prometheus',
    ...{ image, resources },
    user: 65534,
    args: [
      `--config.file=${FOLDER}/prometheus.yml`,
      '--storage.tsdb.path=/prometheus',
      '--storage.tsdb.retention.time=2d',
    ],
    ports: [['http', PORT]],
    data: { path: '/prometheus', storage },
    files: {
      path: FOLDER,
      texts: {
        'prometheus.yml': stringify({
          global: { scrape_interval: `${scrapeSeconds}s`, evaluation_interval: '15s' },
          rule_files: [`${FOLDER}/alerts.yml`],
          scrape_configs: workloads.map((workload) => scrape(workload)),
        }),
        'alerts.yml': stringify({ groups: alerts }),
      },
    },
    readiness: http('/-/ready', PORT),
    liveness: http('/-/healthy', PORT),
    beside: 'kafka',
  })
}

const scrape = (workload: string) => ({
  job_name: workload,
  dns_sd_configs: [
    {
      names: [`${workload}-ops.${NAMESPACE}.svc.cluster.local`],
      type: 'A',
      port: PORTS.ops,
      refresh_interval: '5s',
    },
  ],
  // As a Prometheus operator labels them; a pod's name is not known here, its address is.
  relabel_configs: [
    { target_label: 'namespace', replacement: NAMESPACE },
    { source_labels: ['__address__'], regex: '(.*):\\d+', target_label: 'pod' },
  ],
})
