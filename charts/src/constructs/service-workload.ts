import { Duration } from 'cdk8s'
import {
  ConfigMap,
  Deployment,
  DeploymentStrategy,
  Env,
  EnvFieldPaths,
  EnvValue,
  Handler,
  type IServiceAccount,
  LabelSelector,
  PercentOrAbsolute,
  Probe,
  Service,
  Volume,
  k8s,
} from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import { type Resources } from '../values/schema.ts'
import { checksum } from './checksum.ts'
import { completePod, containerSecurity, podSecurity, type PriorityClassName } from './hardening.ts'
import { type Component, SLOT_LABEL, type WAVE, WORKLOAD_LABEL, inWave, labelsOf } from './labels.ts'
import { monitorOps } from './ops-monitor.ts'
import { type Placement } from './placement.ts'
import {
  databaseCaVariable,
  mountDatabaseCa,
  mountPasswords,
  mountTmp,
  passwordVariables,
} from './pod-parts.ts'
import { containerResources } from './quantities.ts'
import { type SecretReference, namedSecret, secretVariables } from './secret-reference.ts'
import type { Surroundings } from './surroundings.ts'

export const PORTS = { http: 8080, ops: 8081 } as const

const LIVE_PERIOD_S = 10
const READY_PERIOD_S = 3
const STARTUP_PERIOD_S = 2

export type ServiceWorkloadProps = {
  /** The name that Services and policies select. */
  readonly service: string
  /**
   * A command of the operator, which reads no settings but its own. @default the service's own process: the folder of its
   * name in services/
   */
  readonly operatorCommand?: readonly string[]
  readonly component: Component
  /** Blue or green, for a service of which two versions may stand side by side. */
  readonly slot?: string
  /** @default that of the surroundings */
  readonly image?: string
  readonly serviceAccount: IServiceAccount
  /** Settings by the names that the service's config.ts reads. */
  readonly config: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, SecretReference>>
  /** Secrets whose keys are files: the path of the folder, and the Secret's name. */
  readonly secretFolders?: Readonly<
    Record<string, { readonly secret: string; readonly keys: readonly string[] }>
  >
  /** Whether the public API is served here. */
  readonly isPublic?: boolean
  readonly resources: Resources
  /** Before SIGTERM. Whoever sends it work hears of its end meanwhile, and who comes in its place starts. */
  readonly preStopSeconds: number
  /** @default it has no such setting */
  readonly shutdownGraceMs?: number
  readonly terminationGraceSeconds: number
  /** How long a process may take until it answers at all. Then it is started again. */
  readonly startupSeconds: number
  /**
   * How many pods a rolling update may add: `1` or `25%`. It never takes one away before another is ready; of what there
   * may be only one the old pod goes `first`.
   */
  readonly surge: number | `${number}%` | 'old first'
  /** When Argo CD applies the pods. @default services */
  readonly wave?: keyof typeof WAVE
  /** How long it may take until it is ready. Then a rollout counts as failed. @default ten minutes */
  readonly readySecondsMax?: number
  readonly priorityClassName: PriorityClassName
  readonly placement: Placement
  /** Left out where an autoscaler owns it. */
  readonly replicas: number | 'autoscaled'
}

/** A service of Bourse: its Deployment, settings, operations port, monitor and disruption budget. */
export class ServiceWorkload extends Construct {
  readonly name: string
  readonly deployment: Deployment
  /** What its pods are selected by. */
  readonly selector: Readonly<Record<string, string>>
  readonly #props: ServiceWorkloadProps
  readonly #surroundings: Surroundings

  constructor(scope: Construct, id: string, surroundings: Surroundings, props: ServiceWorkloadProps) {
    super(scope, id)
    const { service, component, slot } = props
    this.#props = props
    this.#surroundings = surroundings
    this.name = slot === undefined ? service : `${service}-${slot}`
    const own = { 'app.kubernetes.io/name': service, ...(slot === undefined ? {} : { [SLOT_LABEL]: slot }) }
    this.selector = own
    const labels = { ...labelsOf(service, component), ...own }

    const data = this.#data()
    const config = new ConfigMap(this, 'Config', {
      metadata: { name: this.name, labels, annotations: inWave('foundation') },
      data,
    })
    this.deployment = this.#deployment(labels, checksum(data))
    this.#addContainer(config)
    completePod(
      this.deployment,
      { priorityClassName: props.priorityClassName, ...props.placement },
      props.resources,
    )
    if (props.replicas === 'autoscaled') this.deployment.markHasAutoscaler()
    if (surroundings.scraped !== 'no') this.#operations(labels)
    this.#budget(labels)
  }

  #data(): Record<string, string> {
    const { development, logLevel, kafka } = this.#surroundings
    const { operatorCommand: command, shutdownGraceMs, secrets, config } = this.#props
    return {
      NODE_ENV: development ? 'development' : 'production',
      // Every waiting Kafka client holds one of libuv's threads.
      UV_THREADPOOL_SIZE: '16',
      PORT: String(PORTS.ops),
      ...(command === undefined ? { LOG_LEVEL: logLevel } : {}),
      ...(shutdownGraceMs === undefined ? {} : { SHUTDOWN_GRACE_MS: String(shutdownGraceMs) }),
      ...kafka,
      ...databaseCaVariable(this.#databaseCa),
      ...passwordVariables(secrets),
      ...config,
    }
  }

  get #databaseCa(): Surroundings['databaseCa'] {
    const readsDatabase = Object.keys(this.#props.secrets).some((name) => name.startsWith('DATABASE_'))
    return readsDatabase ? this.#surroundings.databaseCa : null
  }

  #deployment(labels: Record<string, string>, configChecksum: string): Deployment {
    const { replicas, serviceAccount, surge, terminationGraceSeconds, readySecondsMax } = this.#props
    const deployment = new Deployment(this, 'Deployment', {
      metadata: { name: this.name, labels, annotations: inWave(this.#props.wave ?? 'services') },
      podMetadata: { labels, annotations: { 'bourse.dev/config-checksum': configChecksum } },
      // The selector that cdk8s would make changes with the construct's path; a Deployment's may not.
      select: false,
      ...(replicas === 'autoscaled' ? {} : { replicas }),
      strategy: strategyOf(surge),
      serviceAccount,
      automountServiceAccountToken: false,
      securityContext: podSecurity,
      terminationGracePeriod: Duration.seconds(terminationGraceSeconds),
      ...(readySecondsMax === undefined ? {} : { progressDeadline: Duration.seconds(readySecondsMax) }),
    })
    deployment.select(LabelSelector.of({ labels: this.selector }))
    return deployment
  }

  #addContainer(config: ConfigMap): void {
    const { service, image = this.#surroundings.image, resources, secrets, startupSeconds } = this.#props
    const { operatorCommand: command } = this.#props
    const folder = command === undefined ? service : 'operator'
    const { development } = this.#surroundings
    const probe = (path: string, periodS: number, failureThreshold: number) =>
      Probe.fromHttpGet(path, {
        port: PORTS.ops,
        periodSeconds: Duration.seconds(periodS),
        timeoutSeconds: Duration.seconds(5),
        failureThreshold,
      })
    const container = this.deployment.addContainer({
      name: service,
      image,
      imagePullPolicy: this.#surroundings.pullPolicy,
      command: [...(development ? watched(folder) : started(folder)), ...(command ?? [])],
      ports: [
        ...(this.#props.isPublic === true ? [{ name: 'http', number: PORTS.http }] : []),
        { name: 'ops', number: PORTS.ops },
      ],
      envFrom: [Env.fromConfigMap(config)],
      envVariables: {
        ...(command === undefined ? { INSTANCE: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAME) } : {}),
        ...secretVariables(this, secrets),
      },
      startup: probe('/live', STARTUP_PERIOD_S, Math.ceil(startupSeconds / STARTUP_PERIOD_S)),
      liveness: probe('/live', LIVE_PERIOD_S, 3),
      readiness: probe('/ready', READY_PERIOD_S, 2),
      lifecycle: { preStop: Handler.fromCommand(['sleep', String(this.#props.preStopSeconds)]) },
      resources: containerResources(resources),
      securityContext: { ...containerSecurity, readOnlyRootFilesystem: !development },
    })
    mountTmp(this, container)
    mountDatabaseCa(this, this.#databaseCa, container)
    mountPasswords(this, secrets, container)
    for (const [path, { secret, keys }] of Object.entries(this.#props.secretFolders ?? {})) {
      const items = Object.fromEntries(keys.map((key) => [key, { path: key }]))
      const source = namedSecret(this, secret)
      container.mount(path, Volume.fromSecret(this, `Volume-${secret}`, source, { name: secret, items }), {
        readOnly: true,
      })
    }
  }

  /** Without an address of its own, so that its name resolves to every pod, ready or not. */
  #operations(labels: Record<string, string>): void {
    const service = new Service(this, 'Ops', {
      metadata: {
        name: `${this.name}-ops`,
        labels: { ...labels, [WORKLOAD_LABEL]: this.name },
        annotations: inWave('services'),
      },
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: [{ name: 'ops', port: PORTS.ops, targetPort: PORTS.ops }],
    })
    for (const [key, value] of Object.entries(this.selector)) service.selectLabel(key, value)
    if (this.#surroundings.scraped === 'by monitors') monitorOps(this, this.name, labels)
  }

  /** One pod at a time may be evicted, and one that does not work at any time. */
  #budget(labels: Record<string, string>): void {
    new k8s.KubePodDisruptionBudget(this, 'Budget', {
      metadata: { name: this.name, labels, annotations: inWave('services') },
      spec: {
        maxUnavailable: k8s.IntOrString.fromNumber(1),
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: { ...this.selector } },
      },
    })
  }
}

function strategyOf(surge: ServiceWorkloadProps['surge']): DeploymentStrategy {
  if (surge === 'old first') return DeploymentStrategy.recreate()
  const maxSurge =
    typeof surge === 'number'
      ? PercentOrAbsolute.absolute(surge)
      : PercentOrAbsolute.percent(Number.parseInt(surge))
  return DeploymentStrategy.rollingUpdate({ maxSurge, maxUnavailable: PercentOrAbsolute.absolute(0) })
}

const started = (folder: string) => ['node', '--enable-source-maps', `services/${folder}/dist/main.js`]

const watched = (folder: string) => [
  ...['node', '--watch', '--conditions=@bourse/source', '--import', 'tsx'],
  `services/${folder}/src/main.ts`,
]
