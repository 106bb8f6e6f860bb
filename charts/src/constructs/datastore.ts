import { k8s } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { Resources } from '../values/schema.ts'
import { plainContainerSecurity, plainPodSecurity } from './hardening.ts'
import { NAME_LABEL, inWave, labelsOf } from './labels.ts'
import { plainResources, quantities } from './quantities.ts'
import { checksum } from './checksum.ts'

const GRACE_SECONDS = 30
const STARTUP_ATTEMPTS = 60

type Handler = Pick<k8s.Probe, 'exec' | 'httpGet' | 'tcpSocket'>

export type DatastoreProps = {
  readonly name: string
  readonly image: string
  /** The user that the image is made for. */
  readonly user: number
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, { readonly secret: string; readonly key: string }>>
  /** The first one is what clients use. */
  readonly ports: readonly (readonly [name: string, port: number])[]
  readonly data: { readonly path: string; readonly storage: string | null }
  /** Further folders that the image writes to. */
  readonly scratch?: readonly string[]
  /** Configuration: where it is mounted, and its files. */
  readonly files?: { readonly path: string; readonly texts: Readonly<Record<string, string>> }
  readonly readiness: Handler
  readonly liveness: Handler
  readonly resources: Resources
  /** Runs on the node of this one, so that a machine can lose its other nodes. */
  readonly beside?: string
}

export const tcp = (port: number): Handler => ({ tcpSocket: { port: k8s.IntOrString.fromNumber(port) } })
export const http = (path: string, port: number): Handler => ({
  httpGet: { path, port: k8s.IntOrString.fromNumber(port) },
})

/** One server with its data, for a machine without managed ones. It is not replicated. */
export class Datastore extends Construct {
  readonly #props: DatastoreProps
  readonly #labels: Record<string, string>

  constructor(scope: Construct, id: string, props: DatastoreProps) {
    super(scope, id)
    this.#props = props
    this.#labels = labelsOf(props.name, 'datastore')
    const { name, files } = props
    new k8s.KubeServiceAccount(this, 'Account', {
      metadata: this.#metadata(name),
      automountServiceAccountToken: false,
    })
    if (files !== undefined)
      new k8s.KubeConfigMap(this, 'Files', { metadata: this.#metadata(name), data: { ...files.texts } })
    this.#service('Service', name)
    this.#service('Pods', `${name}-pods`, 'None')
    this.#statefulSet()
    new k8s.KubePodDisruptionBudget(this, 'Budget', {
      metadata: this.#metadata(name),
      spec: {
        maxUnavailable: k8s.IntOrString.fromNumber(1),
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: { [NAME_LABEL]: name } },
      },
    })
  }

  #metadata(name: string): k8s.ObjectMeta {
    return { name, labels: this.#labels, annotations: inWave('data') }
  }

  #service(id: string, name: string, clusterIp?: string): void {
    new k8s.KubeService(this, id, {
      metadata: this.#metadata(name),
      spec: {
        ...(clusterIp === undefined ? {} : { clusterIp }),
        selector: { [NAME_LABEL]: this.#props.name },
        ports: this.#props.ports.slice(0, 1).map(([portName, port]) => ({
          name: portName,
          port,
          targetPort: k8s.IntOrString.fromNumber(port),
        })),
      },
    })
  }

  #statefulSet(): void {
    const { name, user, files, data, beside } = this.#props
    new k8s.KubeStatefulSet(this, 'StatefulSet', {
      metadata: this.#metadata(name),
      spec: {
        serviceName: `${name}-pods`,
        replicas: 1,
        selector: { matchLabels: { [NAME_LABEL]: name } },
        updateStrategy: { type: 'RollingUpdate' },
        template: {
          metadata: {
            labels: this.#labels,
            ...(files === undefined
              ? {}
              : { annotations: { 'bourse.dev/config-checksum': checksum(files.texts) } }),
          },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            priorityClassName: 'bourse-core',
            terminationGracePeriodSeconds: GRACE_SECONDS,
            securityContext: plainPodSecurity(user),
            ...(beside === undefined ? {} : { affinity: { podAffinity: besideOf(beside) } }),
            containers: [this.#container()],
            volumes: this.#volumes(),
          },
        },
        ...(data.storage === null ? {} : { volumeClaimTemplates: [claim(data.storage)] }),
      },
    })
  }

  #container(): k8s.Container {
    const { name, image, args, env = {}, secrets = {}, ports, readiness, liveness } = this.#props
    return {
      name,
      image,
      imagePullPolicy: 'IfNotPresent',
      ...(args === undefined ? {} : { args: [...args] }),
      env: [
        // First, since arguments and other variables may refer to them.
        ...Object.entries(secrets).map(([variable, { secret, key }]) => ({
          name: variable,
          valueFrom: { secretKeyRef: { name: secret, key } },
        })),
        ...Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
      ],
      ports: ports.map(([portName, port]) => ({ name: portName, containerPort: port })),
      startupProbe: { ...readiness, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: STARTUP_ATTEMPTS },
      readinessProbe: { ...readiness, periodSeconds: 5, timeoutSeconds: 5 },
      livenessProbe: { ...liveness, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
      resources: plainResources(this.#props.resources),
      securityContext: plainContainerSecurity,
      volumeMounts: this.#mounts(),
    }
  }

  #mounts(): k8s.VolumeMount[] {
    const { data, files } = this.#props
    return [
      { name: 'data', mountPath: data.path },
      ...this.#scratch().map(([volume, mountPath]) => ({ name: volume, mountPath })),
      ...(files === undefined ? [] : [{ name: 'files', mountPath: files.path, readOnly: true }]),
    ]
  }

  #volumes(): k8s.Volume[] {
    const { name, data, files } = this.#props
    const empty = (size: string) => ({ emptyDir: { sizeLimit: k8s.Quantity.fromString(size) } })
    return [
      ...(data.storage === null ? [{ name: 'data', ...empty('64Mi') }] : []),
      ...this.#scratch().map(([volume]) => ({ name: volume, ...empty('32Mi') })),
      ...(files === undefined ? [] : [{ name: 'files', configMap: { name } }]),
    ]
  }

  #scratch(): (readonly [volume: string, path: string])[] {
    return ['/tmp', ...(this.#props.scratch ?? [])].map((path) => [path.slice(1).replaceAll('/', '-'), path])
  }
}

const besideOf = (name: string): k8s.PodAffinity => ({
  requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { [NAME_LABEL]: name } } },
  ],
})

const claim = (storage: string): k8s.KubePersistentVolumeClaimProps => ({
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: quantities({ storage }) } },
})
