import {
  containersOf,
  nameOf,
  ofKind,
  pods,
  selects,
  workloads,
  type Container,
  type Manifest,
  type Pod,
  type Port,
  type Probe,
  type Workload,
} from './manifest.ts'
import type { Rule, Site, Violation } from './rule.ts'

const UID_MIN = 10_000
const SSH_PORT = 22
const DIGEST = /@sha256:[0-9a-f]{64}$/
const SECRET_NAME = /secret|password|passwd|token|api_?key|private/i
const HAS_PASSWORD = /:\/\/[^/@]*:[^/@]+@/
/** Of a reference to a secret, not the secret: a path or a location. */
const REFERENCE_NAME = /_(?:FILE|URL|PATH|TTL|ISSUER)$/

/** What kube-score and kube-linter ask of pods and workloads, by their names for it. */
export const workloadRules: readonly Rule[] = [
  ...podRules(),
  ...serverRules(),
  ...placementRules(),
  rule('pod-disruption-budget', (objects) =>
    workloads(objects)
      .filter(
        (workload) => !ofKind(objects, 'PodDisruptionBudget').some(({ spec }) => covers(spec, workload)),
      )
      .map((workload) => says(workload, 'no PodDisruptionBudget selects its pods')),
  ),
  rule('pdb-policy', (objects) =>
    ofKind(objects, 'PodDisruptionBudget').flatMap((budget) => {
      const { maxUnavailable, minAvailable, unhealthyPodEvictionPolicy } = budget.spec
      return [
        ...when(minAvailable !== undefined, budget, 'minAvailable may block every drain; use maxUnavailable'),
        ...when(
          maxUnavailable === undefined || maxUnavailable === 0,
          budget,
          'maxUnavailable must be at least 1',
        ),
        ...when(
          unhealthyPodEvictionPolicy !== 'AlwaysAllow',
          budget,
          'a broken pod would block a drain for ever',
        ),
      ]
    }),
  ),
  rule('job-ttl', (objects) =>
    ofKind(objects, 'Job').flatMap((job) =>
      when(job.spec.ttlSecondsAfterFinished === undefined, job, 'is never cleaned up'),
    ),
  ),
  rule('cronjob-has-deadline', (objects) =>
    ofKind(objects, 'CronJob').flatMap((job) => [
      ...when(job.spec.startingDeadlineSeconds === undefined, job, 'has no startingDeadlineSeconds'),
      ...when(job.spec.concurrencyPolicy !== 'Forbid', job, 'may run twice at the same time'),
    ]),
  ),
]

function podRules(): readonly Rule[] {
  return [
    ...containerRules(),
    podRule(
      'deprecated-service-account-field',
      ({ spec }) => spec.serviceAccount !== undefined,
      'uses serviceAccount',
    ),
    podRule(
      'default-service-account',
      ({ spec }) => (spec.serviceAccountName ?? 'default') === 'default',
      'runs under the default ServiceAccount',
    ),
    podRule(
      'priority-class-name',
      ({ spec }) => spec.priorityClassName === undefined,
      'has no priority class',
    ),
    podRule(
      'restart-policy',
      ({ owner, spec }) =>
        owner.kind.endsWith('Job') && !['Never', 'OnFailure'].includes(spec.restartPolicy ?? ''),
      'needs restartPolicy Never or OnFailure',
    ),
    podRule(
      'part-of',
      ({ labels }) => labels['app.kubernetes.io/part-of'] !== 'bourse',
      'is not labelled as part of bourse',
    ),
  ]
}

function containerRules(): readonly Rule[] {
  return [
    containerRule('image-tag', ({ image }) => isUnpinned(image), 'has no tag, or latest'),
    containerRule(
      'image-pull-policy',
      ({ image, imagePullPolicy }) =>
        imagePullPolicy !== 'Always' && !(DIGEST.test(image) && imagePullPolicy === 'IfNotPresent'),
      'may run an old image: pull always, or name it by digest',
    ),
    containerRule(
      'image-digest',
      ({ image }, { strict }) => strict && !DIGEST.test(image),
      'must be named by digest here',
    ),
    containerRule(
      'container-resources',
      ({ resources }) => !hasResources(resources),
      'lacks requests or limits',
    ),
    containerRule(
      'container-security-context-user-group-id',
      ({ securityContext }, _, { spec }) => {
        const { runAsUser = 0, runAsGroup = 0 } = { ...spec.securityContext, ...securityContext }
        return runAsUser < UID_MIN || runAsGroup < UID_MIN
      },
      `user and group must be ${UID_MIN} or above: lower ids may be the host's`,
    ),
    containerRule(
      'container-security-context-readonlyrootfilesystem',
      ({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true,
      'can write into its root file system',
    ),
    containerRule(
      'duplicate-env-var',
      ({ env = [] }) => new Set(env.map(({ name }) => name)).size < env.length,
      'sets a variable twice',
    ),
    containerRule(
      'env-var-secret',
      ({ env = [] }) =>
        env.some(({ name, value = '' }) => value !== '' && (isSecretName(name) || HAS_PASSWORD.test(value))),
      'has a secret as a literal value',
    ),
    containerRule(
      'ssh-port',
      ({ ports = [] }) => ports.some(({ containerPort }) => containerPort === SSH_PORT),
      'opens the port of ssh',
    ),
    containerRule(
      'probe-port',
      (container) => probesOf(container).some(([, probe]) => !isOpen(container, probe)),
      'is probed on a port that it does not declare',
    ),
    containerRule(
      'port-names',
      ({ ports = [] }) => ports.some(({ name }) => name === undefined),
      'has a port without a name',
    ),
  ]
}

/** Of what serves until it is told to stop; a Job ends by itself. */
function serverRules(): readonly Rule[] {
  const servers = (objects: readonly Manifest[]) =>
    workloads(objects).flatMap((workload) =>
      workload.spec.template.spec.containers.map((container) => ({ workload, container })),
    )
  const probe = (name: 'livenessProbe' | 'readinessProbe' | 'startupProbe') =>
    rule(name, (objects) =>
      servers(objects).flatMap(({ workload, container }) =>
        when(container[name] === undefined, workload, `${container.name} has no ${name}`),
      ),
    )
  return [
    probe('livenessProbe'),
    probe('readinessProbe'),
    probe('startupProbe'),
    rule('probes-differ', (objects) =>
      servers(objects).flatMap(({ workload, container: { livenessProbe, readinessProbe, name } }) =>
        when(
          asksTheSame(livenessProbe, readinessProbe),
          workload,
          `${name} is restarted for what makes it unready`,
        ),
      ),
    ),
    rule('pre-stop', (objects) =>
      servers(objects).flatMap(({ workload, container }) =>
        when(
          Object.keys(container.lifecycle?.preStop ?? {}).length === 0 && isSelected(objects, workload),
          workload,
          `${container.name} stops before its endpoints are gone`,
        ),
      ),
    ),
  ]
}

/** How its pods are found, spread and replaced. */
function placementRules(): readonly Rule[] {
  return [
    rule('anti-affinity', (objects) =>
      workloads(objects).flatMap((workload) => {
        const { topologySpreadConstraints = [], affinity } = workload.spec.template.spec
        const keys = topologySpreadConstraints.map(({ topologyKey }) => topologyKey)
        const isSpread = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].every((key) =>
          keys.includes(key),
        )
        return when(
          !isSpread && affinity?.podAntiAffinity === undefined,
          workload,
          'is not spread over hosts and zones',
        )
      }),
    ),
    rule('mismatching-selector', (objects) =>
      workloads(objects).flatMap((workload) => {
        const { selector, template } = workload.spec
        const isEmpty = Object.keys(selector.matchLabels ?? {}).length === 0
        return when(
          isEmpty || !selects(selector, template.metadata?.labels ?? {}),
          workload,
          'does not select its own pods',
        )
      }),
    ),
    rule('rolling-update-strategy', (objects) =>
      workloads(objects).flatMap((workload) => {
        const { strategy, updateStrategy } = workload.spec
        return when(
          (strategy ?? updateStrategy)?.type !== 'RollingUpdate' && !isOnly(workload),
          workload,
          'does not update by rolling',
        )
      }),
    ),
    rule('only-one-of-what-may-be-one', (objects) =>
      workloads(objects)
        .filter(isOnly)
        .flatMap((workload) => {
          const { strategy, replicas } = workload.spec
          return [
            ...when(
              replicas !== 1,
              workload,
              `states ${replicas ?? 'no'} replicas: two would write the same`,
            ),
            ...when(strategy?.type !== 'Recreate', workload, 'has a second pod beside it in an update'),
          ]
        }),
    ),
    rule('headless-service', (objects) =>
      ofKind(objects, 'StatefulSet').flatMap((set) => {
        const service = ofKind(objects, 'Service').find(
          ({ metadata }) => metadata.name === set.spec.serviceName,
        )
        return when(service?.spec.clusterIP !== 'None', set, 'its serviceName is no headless Service')
      }),
    ),
  ]
}

function rule(name: string, check: Rule['check']): Rule {
  return { name, check }
}

function podRule(name: string, isWrong: (pod: Pod) => boolean, problem: string): Rule {
  return rule(name, (objects) =>
    pods(objects)
      .filter(isWrong)
      .map(({ owner }) => says(owner, problem)),
  )
}

function containerRule(
  name: string,
  isWrong: (container: Container, site: Site, pod: Pod) => boolean,
  problem: string,
): Rule {
  return rule(name, (objects, site) =>
    pods(objects).flatMap((pod) =>
      containersOf(pod.spec)
        .filter((container) => isWrong(container, site, pod))
        .map((container) => says(pod.owner, `${container.name} ${problem}`)),
    ),
  )
}

/** Of what two would write the same, and nobody drops the second copy. */
const isOnly = ({ metadata }: Workload): boolean => metadata.name === 'cut-follower'

const says = (object: Manifest, problem: string): Violation => ({ at: nameOf(object), problem })

const when = (isWrong: boolean, object: Manifest, problem: string): Violation[] =>
  isWrong ? [says(object, problem)] : []

function covers(
  { selector }: { readonly selector: Workload['spec']['selector'] },
  { spec }: Workload,
): boolean {
  return selects(selector, spec.template.metadata?.labels ?? {})
}

function isSelected(objects: readonly Manifest[], { spec }: Workload): boolean {
  const labels = spec.template.metadata?.labels ?? {}
  return ofKind(objects, 'Service').some(
    ({ spec: { selector } }) => selector !== undefined && selects({ matchLabels: selector }, labels),
  )
}

function isUnpinned(image: string): boolean {
  const [name = '', digest] = image.split('@')
  const tag = /:([^:/]+)$/.exec(name)?.[1]
  return digest === undefined && (tag === undefined || tag === 'latest')
}

/** A limit on the CPU may be left out: what is idle is given to whoever needs it, and throttling costs latency. */
function hasResources({ requests = {}, limits = {} }: Container['resources'] = {}): boolean {
  const has = (quantities: typeof requests, ...names: readonly string[]) =>
    names.every((name) => quantities[name] !== undefined)
  return has(requests, 'cpu', 'memory', 'ephemeral-storage') && has(limits, 'memory', 'ephemeral-storage')
}

const isSecretName = (name: string): boolean => SECRET_NAME.test(name) && !REFERENCE_NAME.test(name)

function probesOf(container: Container): readonly (readonly [string, Probe])[] {
  const { livenessProbe, readinessProbe, startupProbe } = container
  return Object.entries({ livenessProbe, readinessProbe, startupProbe }).flatMap(([name, probe]) =>
    probe === undefined ? [] : [[name, probe] as const],
  )
}

function isOpen({ ports = [] }: Container, { httpGet, tcpSocket }: Probe): boolean {
  const port: Port | undefined = (httpGet ?? tcpSocket)?.port
  return (
    port === undefined || ports.some(({ name, containerPort }) => port === name || port === containerPort)
  )
}

function asksTheSame(liveness: Probe | undefined, readiness: Probe | undefined): boolean {
  const question = ({ httpGet, tcpSocket, exec }: Probe): string => JSON.stringify([httpGet, tcpSocket, exec])
  return liveness !== undefined && readiness !== undefined && question(liveness) === question(readiness)
}
