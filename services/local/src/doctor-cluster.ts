import { z } from 'zod'
import { missing, note, ok, type Check, type Verdict } from './doctor-check.ts'
import {
  amountsOf,
  broughtByOthers,
  imagesOf,
  isWorkload,
  podRequests,
  requestsOf,
  sum,
  type Amounts,
  type Manifest,
} from './doctor-manifests.ts'

/** What the checks of a cluster ask it, and what is to run there. */
export type Cluster = {
  readonly environment: string
  readonly manifests: readonly Manifest[]
  /** What the API server has under a path; undefined when it has nothing there. Throws when it cannot be asked. */
  readonly read: (path: string) => Promise<unknown>
  readonly nowMs: () => number
}

/** Those whose schemas `make test` validates the manifests against. */
export const MINOR_VERSIONS = { min: 32, max: 35 }
const NAMESPACE = 'bourse'
const HERE = `/api/v1/namespaces/${NAMESPACE}`
const MEBIBYTE = 2 ** 20
/** Three of its runs. */
const RECONCILIATION_AGE_MS_MAX = 35 * 60_000
const INSTALL: Readonly<Record<string, string>> = {
  'keda.sh': '`make k8s-addons`, or install KEDA: https://keda.sh/docs/deploy',
  'monitoring.coreos.com': 'Install the Prometheus operator, or set features.prometheusOperator to false.',
  'external-secrets.io': 'Install External Secrets, or set features.externalSecrets to false.',
}

/** Everything that an environment needs of its cluster, and how it does there. */
export const CLUSTER_CHECKS: readonly Check<Cluster>[] = [
  { title: 'Kubernetes', run: kubernetesVersion },
  { title: 'custom resources', run: customResources },
  { title: 'metrics-server', run: resourceMetrics },
  { title: 'KEDA', run: keda },
  { title: 'StorageClass', run: storageClass },
  { title: 'Ingress class', run: ingressClass },
  { title: 'room on nodes', run: room },
  { title: 'images', run: images },
  {
    title: 'NetworkPolicy',
    run: async () =>
      note('whether it is enforced cannot be seen from here; `make test-k8s` tries a forbidden connection'),
  },
  { title: 'Pod Security', run: podSecurity },
  { title: 'PriorityClasses', run: priorityClasses },
  { title: 'brought by others', run: brought },
  { title: 'services', run: services },
  { title: 'reconciliation', run: reconciliation },
]

const items = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) })
const named = z.object({
  metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
})

async function kubernetesVersion({ read }: Cluster): Promise<Verdict> {
  const { major, minor } = z.object({ major: z.string(), minor: z.string() }).parse(await read('/version'))
  const version = `${major}.${minor}`
  const number = Number.parseInt(minor, 10)
  const isKnown = major === '1' && number >= MINOR_VERSIONS.min && number <= MINOR_VERSIONS.max
  return isKnown
    ? ok(version)
    : missing(
        `${version} is not tested`,
        `Use 1.${MINOR_VERSIONS.min} to 1.${MINOR_VERSIONS.max}; k8s/UPGRADE.md says how to move on.`,
      )
}

async function customResources({ manifests, read }: Cluster): Promise<Verdict> {
  const wanted = new Set(manifests.filter(isCustom).map(({ apiVersion, kind }) => `${apiVersion}/${kind}`))
  const unknown: string[] = []
  for (const each of wanted) {
    const [group, version, kind] = each.split('/')
    const list = await read(`/apis/${group}/${version}`)
    const known = z.object({ resources: z.array(z.object({ kind: z.string() })) }).safeParse(list)
    if (!known.data?.resources.some((resource) => resource.kind === kind)) unknown.push(each)
  }
  if (unknown.length === 0) return ok(wanted.size === 0 ? 'none needed' : `${wanted.size} kinds`)
  const groups = [...new Set(unknown.map((each) => each.split('/')[0] ?? ''))]
  return missing(
    `not known: ${unknown.join(', ')}`,
    groups.map((group) => INSTALL[group] ?? `Install ${group}.`).join(' '),
  )
}

const isCustom = ({ apiVersion }: Manifest): boolean => {
  const group = apiVersion.split('/')[0] ?? ''
  return group.includes('.') && !group.endsWith('.k8s.io')
}

async function resourceMetrics({ read }: Cluster): Promise<Verdict> {
  const nodes = items(named).safeParse(await read('/apis/metrics.k8s.io/v1beta1/nodes'))
  return nodes.success && nodes.data.items.length > 0
    ? ok('measures nodes')
    : missing(
        'does not answer: nothing scales on CPU or memory',
        '`make k8s-addons`, or `minikube addons enable metrics-server`.',
      )
}

async function keda({ manifests, read }: Cluster): Promise<Verdict> {
  if (!manifests.some(({ kind }) => kind === 'ScaledObject')) return ok('not needed')
  const isThere = (await read('/apis/external.metrics.k8s.io/v1beta1')) !== undefined
  return isThere ? ok('serves external metrics') : missing('serves no metrics', INSTALL['keda.sh'] ?? '')
}

async function storageClass({ manifests, read }: Cluster): Promise<Verdict> {
  if (!manifests.some(({ spec }) => (spec?.volumeClaimTemplates.length ?? 0) > 0)) return ok('not needed')
  const classes = items(named).parse(await read('/apis/storage.k8s.io/v1/storageclasses')).items
  const chosen = classes.find(
    ({ metadata }) => metadata.annotations['storageclass.kubernetes.io/is-default-class'] === 'true',
  )
  return chosen === undefined
    ? missing(
        'none is the default: volumes would wait for ever',
        'kubectl annotate storageclass <name> storageclass.kubernetes.io/is-default-class=true',
      )
    : ok(`${chosen.metadata.name} by default`)
}

async function ingressClass({ manifests, read }: Cluster): Promise<Verdict> {
  const wanted = manifests.flatMap(({ kind, spec }) =>
    kind === 'Ingress' ? (spec?.ingressClassName ?? []) : [],
  )
  if (wanted.length === 0) return ok('not needed')
  const classes = items(named).parse(await read('/apis/networking.k8s.io/v1/ingressclasses')).items
  const absent = wanted.filter((name) => !classes.some(({ metadata }) => metadata.name === name))
  return absent.length === 0
    ? ok(wanted.join(', '))
    : missing(
        `${absent.join(', ')} is not there`,
        '`make k8s-addons` brings Traefik; on AWS install the load balancer controller.',
      )
}

const node = z.object({
  spec: z.object({
    unschedulable: z.boolean().default(false),
    taints: z.array(z.object({ effect: z.string() })).default([]),
  }),
  status: z.object({
    allocatable: z.record(z.string(), z.string()),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })),
    images: z.array(z.object({ names: z.array(z.string()).default([]) })).default([]),
  }),
})
const pod = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    containers: z.array(
      z.object({
        resources: z
          .object({ requests: z.record(z.string(), z.union([z.string(), z.number()])).default({}) })
          .default({ requests: {} }),
      }),
    ),
  }),
  status: z.object({
    phase: z.string(),
    containerStatuses: z
      .array(
        z.object({
          image: z.string(),
          state: z.object({ waiting: z.object({ reason: z.string().default('') }).optional() }),
        }),
      )
      .default([]),
  }),
})

/** On nodes that take pods, beside what others have asked for there. */
async function room({ manifests, read }: Cluster): Promise<Verdict> {
  const nodes = items(node)
    .parse(await read('/api/v1/nodes'))
    .items.filter(takesPods)
  const pods = items(pod).parse(await read('/api/v1/pods')).items
  const others = pods.filter(
    ({ metadata, status }) => metadata.namespace !== NAMESPACE && status.phase === 'Running',
  )
  const all = sum(nodes.map(({ status }) => amountsOf(status.allocatable)))
  const used = sum(others.map(({ spec }) => podRequests(spec.containers)))
  const free: Amounts = { cpu: all.cpu - used.cpu, memory: all.memory - used.memory }
  const wanted = requestsOf(manifests)
  const says = `asks for ${told(wanted)} of ${told(free)} on ${nodes.length} nodes`
  return wanted.cpu <= free.cpu && wanted.memory <= free.memory
    ? ok(says)
    : missing(says, 'Add a node, or lower the requests in charts/values and run `make manifests`.')
}

const told = ({ cpu, memory }: Amounts): string =>
  `${cpu.toFixed(2)} CPU and ${Math.round(memory / MEBIBYTE)} MiB`

const takesPods = ({ spec, status }: z.infer<typeof node>): boolean =>
  !spec.unschedulable &&
  !spec.taints.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute') &&
  status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')

const NOT_PULLED = ['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']

async function images({ manifests, read }: Cluster): Promise<Verdict> {
  const pods = items(pod).parse((await read(`${HERE}/pods`)) ?? { items: [] }).items
  const refused = pods.flatMap(({ status }) =>
    status.containerStatuses
      .filter(({ state }) => NOT_PULLED.includes(state.waiting?.reason ?? ''))
      .map(({ image }) => image),
  )
  const load = (image: string) =>
    `Push it, or \`kind load docker-image ${image}\`, \`minikube image load ${image}\`.`
  if (refused.length > 0)
    return missing(`not to be had: ${[...new Set(refused)].join(', ')}`, load(refused[0] ?? ''))
  const nodes = items(node).parse(await read('/api/v1/nodes')).items
  const known = nodes.flatMap(({ status }) => status.images.flatMap(({ names }) => names))
  const absent = imagesOf(manifests).filter((image) => !known.some((name) => isSameImage(name, image)))
  const [local] = absent.filter((image) => !image.includes('/'))
  if (local !== undefined) return missing(`no node has ${absent.join(', ')}`, load(local))
  return absent.length === 0
    ? ok('on a node already')
    : note(`to be pulled from a registry: ${absent.join(', ')}`)
}

/** Nodes name images in full: `bourse:dev` is `docker.io/library/bourse:dev`. */
const isSameImage = (name: string, image: string): boolean =>
  [image, `docker.io/${image}`, `docker.io/library/${image}`].includes(name)

const NOT_DEPLOYED = 'the exchange is not deployed here yet'

async function podSecurity({ read }: Cluster): Promise<Verdict> {
  const namespace = await read(HERE)
  if (namespace === undefined) return note(NOT_DEPLOYED)
  const labels = z
    .object({ metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }) })
    .parse(namespace)
  const level = labels.metadata.labels['pod-security.kubernetes.io/enforce']
  return level === 'restricted'
    ? ok('restricted is enforced')
    : missing(
        `namespace ${NAMESPACE} enforces ${level ?? 'nothing'}`,
        `kubectl label --overwrite namespace ${NAMESPACE} pod-security.kubernetes.io/enforce=restricted`,
      )
}

async function priorityClasses({ manifests, read, environment }: Cluster): Promise<Verdict> {
  if ((await read(HERE)) === undefined) return note(NOT_DEPLOYED)
  const present = items(named).parse(await read('/apis/scheduling.k8s.io/v1/priorityclasses')).items
  const wanted = manifests.filter(({ kind }) => kind === 'PriorityClass').map(({ metadata }) => metadata.name)
  const absent = wanted.filter((name) => !present.some(({ metadata }) => metadata.name === name))
  return absent.length === 0
    ? ok(wanted.join(', '))
    : missing(`not there: ${absent.join(', ')}`, applyAgain(environment))
}

async function brought({ manifests, read, environment }: Cluster): Promise<Verdict> {
  const wanted = broughtByOthers(manifests)
  if ((await read(HERE)) === undefined)
    return note(`${NOT_DEPLOYED}; it will need ${wanted.join(', ') || 'nothing'}`)
  const absent: string[] = []
  for (const each of wanted) {
    const [kind = '', name = ''] = each.split('/')
    if ((await read(`${HERE}/${kind.toLowerCase()}s/${name}`)) === undefined) absent.push(each)
  }
  if (absent.length === 0) return ok(wanted.join(', ') || 'nothing needed')
  const isMade = manifests.some(({ kind, metadata }) => kind === 'Job' && metadata.name.startsWith('secrets'))
  const mend = isMade
    ? `The Job secrets makes them: kubectl -n ${NAMESPACE} logs -l app.kubernetes.io/name=secrets; then ${applyAgain(environment)}`
    : `Create them in namespace ${NAMESPACE}; charts/README.md says what is in them.`
  return missing(`not there: ${absent.join(', ')}`, mend)
}

const applyAgain = (environment: string): string => `kubectl apply -f k8s/${environment}`

const workloadStatus = z.object({
  spec: z.object({ replicas: z.number().default(1) }),
  status: z.object({ readyReplicas: z.number().default(0) }),
})

async function services({ manifests, read, environment }: Cluster): Promise<Verdict> {
  if ((await read(HERE)) === undefined) return note(`${NOT_DEPLOYED}: ${applyAgain(environment)}`)
  const lacking: string[] = []
  const workloads = manifests.filter(isWorkload)
  for (const { kind, metadata } of workloads) {
    const found = await read(`/apis/apps/v1/namespaces/${NAMESPACE}/${kind.toLowerCase()}s/${metadata.name}`)
    const { spec, status } = workloadStatus.parse(found ?? { spec: {}, status: {} })
    if (found === undefined) lacking.push(`${metadata.name} is not there`)
    else if (status.readyReplicas < Math.max(1, spec.replicas))
      lacking.push(`${metadata.name} has ${status.readyReplicas} of ${spec.replicas} ready`)
  }
  return lacking.length === 0
    ? ok(`${workloads.length} are ready`)
    : missing(
        lacking.join(', '),
        `kubectl -n ${NAMESPACE} describe pods; k8s/runbooks/service-absent.md says what to look for.`,
      )
}

async function reconciliation({ read, nowMs }: Cluster): Promise<Verdict> {
  if ((await read(HERE)) === undefined) return note(NOT_DEPLOYED)
  const start = `kubectl -n ${NAMESPACE} create job --from=cronjob/reconcile reconcile-now`
  const found = await read(`/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs/reconcile`)
  if (found === undefined) return missing('CronJob reconcile is not there', 'Apply the manifests again.')
  const { status } = z
    .object({ status: z.object({ lastSuccessfulTime: z.string().optional() }).default({}) })
    .parse(found)
  if (status.lastSuccessfulTime === undefined) return missing('never completed', start)
  const minutes = Math.round((nowMs() - Date.parse(status.lastSuccessfulTime)) / 60_000)
  const says = `last without a difference ${minutes} minutes ago`
  return minutes * 60_000 <= RECONCILIATION_AGE_MS_MAX
    ? ok(says)
    : missing(says, `${start}; k8s/runbooks/reconciliation-too-old.md`)
}
