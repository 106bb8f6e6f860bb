import { parse } from 'yaml'
import type { KubernetesObject } from '../render.ts'

export type Labels = Readonly<Record<string, string>>

/** What Prometheus says of a target, and who is believed where the target says the same of itself. */
export type Scraped = { readonly target: Labels; readonly honorLabels: boolean }

const POD = '10.0.64.7'

/** How a workload's pod is scraped in an environment, read from its manifests; undefined where nobody scrapes. */
export function scrapedBy(objects: readonly KubernetesObject[], workload: string): Scraped | undefined {
  const monitor = objects.find(
    ({ kind, metadata }) => kind === 'ServiceMonitor' && metadata.name === workload,
  )
  if (monitor !== undefined) return byMonitor(objects, monitor as Monitor)
  const config = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'prometheus')
  return config === undefined ? undefined : byName((config as Config).data['prometheus.yml'] ?? '', workload)
}

/** The labels of a stored series, from those that the process gave it. */
export function stored(exported: Labels, { target, honorLabels }: Scraped): Labels {
  if (honorLabels) return { ...target, ...exported }
  const renamed = Object.entries(exported).map(([name, value]) => [
    name in target ? `exported_${name}` : name,
    value,
  ])
  return { ...(Object.fromEntries(renamed) as Labels), ...target }
}

type Monitor = KubernetesObject & {
  readonly spec: {
    readonly jobLabel?: string
    readonly selector: { readonly matchLabels: Labels }
    readonly endpoints: readonly { readonly port: string; readonly honorLabels?: boolean }[]
  }
}

/** https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor */
function byMonitor(objects: readonly KubernetesObject[], { metadata, spec }: Monitor): Scraped {
  const service = objects.find(
    (object) =>
      object.kind === 'Service' &&
      Object.entries(spec.selector.matchLabels).every(
        ([name, value]) => object.metadata.labels?.[name] === value,
      ),
  )
  const [endpoint] = spec.endpoints
  if (service === undefined || endpoint === undefined) throw new Error(`${metadata.name} selects nothing`)
  const { name, namespace = '', labels = {} } = service.metadata
  const target = {
    namespace,
    service: name,
    job: (spec.jobLabel === undefined ? undefined : labels[spec.jobLabel]) ?? name,
    endpoint: endpoint.port,
    container: labels['app.kubernetes.io/name'] ?? '',
    pod: `${metadata.name}-7d9f`,
    instance: `${POD}:8081`,
  }
  return { target, honorLabels: endpoint.honorLabels === true }
}

type Config = KubernetesObject & { readonly data: Labels }
type ScrapeConfig = {
  readonly job_name: string
  readonly honor_labels?: boolean
  readonly dns_sd_configs: readonly { readonly port: number }[]
  readonly relabel_configs?: readonly {
    readonly source_labels?: readonly string[]
    readonly target_label: string
    readonly regex?: string
    readonly replacement?: string
  }[]
}

function byName(text: string, workload: string): Scraped | undefined {
  const { scrape_configs: all } = parse(text) as { readonly scrape_configs: readonly ScrapeConfig[] }
  const found = all.find(({ job_name }) => job_name === workload)
  if (found === undefined) return undefined
  const known: Record<string, string> = {
    __address__: `${POD}:${found.dns_sd_configs[0]?.port}`,
    job: workload,
  }
  for (const {
    source_labels = [],
    target_label,
    regex = '(.*)',
    replacement = '$1',
  } of found.relabel_configs ?? []) {
    const source = source_labels.map((name) => known[name] ?? '').join(';')
    const whole = new RegExp(`^(?:${regex})$`)
    if (whole.test(source)) known[target_label] = source.replace(whole, replacement)
  }
  const { __address__: instance = '', ...target } = known
  return { target: { instance, ...target }, honorLabels: found.honor_labels === true }
}
