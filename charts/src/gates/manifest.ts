/**
 * What the rules read of rendered objects. Only the fields that a rule looks at are named; that everything else is right
 * is the schemas' business.
 */
export type Labels = Readonly<Record<string, string>>

export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
    readonly annotations?: Labels
  }
}

export type SecurityContext = {
  readonly privileged?: boolean
  readonly allowPrivilegeEscalation?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly procMount?: string
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly seccompProfile?: { readonly type: string }
  readonly appArmorProfile?: { readonly type: string }
  readonly seLinuxOptions?: { readonly type?: string; readonly user?: string; readonly role?: string }
  readonly windowsOptions?: { readonly hostProcess?: boolean }
  readonly sysctls?: readonly { readonly name: string }[]
}

export type Port = string | number

type Handler = {
  readonly httpGet?: { readonly host?: string; readonly path?: string; readonly port: Port }
  readonly tcpSocket?: { readonly host?: string; readonly port: Port }
  readonly exec?: { readonly command: readonly string[] }
  readonly sleep?: { readonly seconds: number }
}

export type Probe = Handler & { readonly periodSeconds?: number }

type KeyReference = { readonly name: string; readonly key: string; readonly optional?: boolean }

export type EnvVariable = {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly configMapKeyRef?: KeyReference
    readonly secretKeyRef?: KeyReference
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

type Quantities = Readonly<Record<string, string | number>>

export type Container = {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy?: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly ports?: readonly {
    readonly name?: string
    readonly containerPort: number
    readonly hostPort?: number
  }[]
  readonly env?: readonly EnvVariable[]
  readonly envFrom?: readonly {
    readonly configMapRef?: { readonly name: string }
    readonly secretRef?: { readonly name: string }
  }[]
  readonly volumeMounts?: readonly {
    readonly name: string
    readonly mountPath: string
    readonly subPath?: string
  }[]
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities }
  readonly securityContext?: SecurityContext
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly startupProbe?: Probe
  readonly lifecycle?: { readonly preStop?: Handler; readonly postStart?: Handler }
}

export type Volume = {
  readonly name: string
  readonly secret?: {
    readonly secretName: string
    readonly optional?: boolean
    readonly items?: readonly { readonly key: string; readonly path: string }[]
  }
  readonly configMap?: {
    readonly name: string
    readonly optional?: boolean
    readonly items?: readonly { readonly key: string }[]
  }
  readonly persistentVolumeClaim?: { readonly claimName: string }
}

export type PodSpec = {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
  readonly securityContext?: SecurityContext
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly serviceAccount?: string
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly priorityClassName?: string
  readonly terminationGracePeriodSeconds?: number
  readonly nodeSelector?: Labels
  readonly topologySpreadConstraints?: readonly { readonly topologyKey: string }[]
  readonly affinity?: { readonly podAntiAffinity?: object }
  readonly restartPolicy?: string
}

export type PodTemplate = {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels }
  readonly spec: PodSpec
}

export type Selector = {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export type Workload = Manifest & {
  readonly spec: {
    readonly replicas?: number
    readonly selector: Selector
    readonly serviceName?: string
    readonly strategy?: { readonly type?: string; readonly rollingUpdate?: { readonly maxSurge?: Port } }
    readonly updateStrategy?: { readonly type?: string }
    readonly template: PodTemplate
    readonly volumeClaimTemplates?: readonly Manifest[]
  }
}

type JobSpec = {
  readonly template: PodTemplate
  readonly ttlSecondsAfterFinished?: number
  readonly backoffLimit?: number
  readonly activeDeadlineSeconds?: number
}

export type Job = Manifest & { readonly spec: JobSpec }

export type CronJob = Manifest & {
  readonly spec: {
    readonly startingDeadlineSeconds?: number
    readonly concurrencyPolicy?: string
    readonly jobTemplate: { readonly spec: JobSpec }
  }
}

export type Service = Manifest & {
  readonly spec: {
    readonly type?: string
    readonly clusterIP?: string
    readonly selector?: Labels
    readonly ports: readonly { readonly name?: string; readonly port: number; readonly targetPort?: Port }[]
  }
}

export type PolicyPeer = {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
  readonly ipBlock?: { readonly cidr: string }
}
export type PolicyPort = { readonly port?: Port; readonly protocol?: string }

export type NetworkPolicy = Manifest & {
  readonly spec: {
    readonly podSelector: Selector
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly {
      readonly from?: readonly PolicyPeer[]
      readonly ports?: readonly PolicyPort[]
    }[]
    readonly egress?: readonly {
      readonly to?: readonly PolicyPeer[]
      readonly ports?: readonly PolicyPort[]
    }[]
  }
}

type Target = { readonly apiVersion?: string; readonly kind?: string; readonly name: string }

export type HorizontalPodAutoscaler = Manifest & {
  readonly spec: {
    readonly scaleTargetRef: Target
    readonly minReplicas?: number
    readonly maxReplicas: number
  }
}

export type ScaledObject = Manifest & {
  readonly spec: {
    readonly scaleTargetRef: Target
    readonly minReplicaCount?: number
    readonly maxReplicaCount?: number
    readonly fallback?: { readonly replicas: number; readonly behavior?: string }
    readonly triggers: readonly {
      readonly type: string
      readonly metadata: Labels
      readonly authenticationRef?: { readonly name: string; readonly kind?: string }
    }[]
  }
}

export type PodDisruptionBudget = Manifest & {
  readonly spec: {
    readonly selector: Selector
    readonly maxUnavailable?: Port
    readonly minAvailable?: Port
    readonly unhealthyPodEvictionPolicy?: string
  }
}

export type ServiceMonitor = Manifest & {
  readonly spec: { readonly selector: Selector; readonly endpoints: readonly { readonly port?: string }[] }
}

export type Ingress = Manifest & {
  readonly spec: {
    readonly ingressClassName?: string
    readonly tls?: readonly object[]
    readonly rules?: readonly {
      readonly http?: {
        readonly paths: readonly {
          readonly backend: {
            readonly service?: {
              readonly name: string
              readonly port: { readonly name?: string; readonly number?: number }
            }
          }
        }[]
      }
    }[]
  }
}

export type Role = Manifest & {
  readonly rules: readonly {
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

export type RoleBinding = Manifest & {
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly kind: string; readonly name: string }[]
}

export type ConfigMap = Manifest & { readonly data?: Labels; readonly binaryData?: Labels }
export type Secret = Manifest & { readonly data?: Labels; readonly stringData?: Labels }
export type ServiceAccount = Manifest & { readonly automountServiceAccountToken?: boolean }

export type ExternalSecret = Manifest & {
  readonly spec: {
    readonly target?: { readonly name?: string; readonly template?: { readonly data?: Labels } }
    readonly data?: readonly { readonly secretKey: string }[]
  }
}

type Kinds = {
  readonly Deployment: Workload
  readonly StatefulSet: Workload
  readonly DaemonSet: Workload
  readonly Job: Job
  readonly CronJob: CronJob
  readonly Service: Service
  readonly NetworkPolicy: NetworkPolicy
  readonly HorizontalPodAutoscaler: HorizontalPodAutoscaler
  readonly ScaledObject: ScaledObject
  readonly PodDisruptionBudget: PodDisruptionBudget
  readonly ServiceMonitor: ServiceMonitor
  readonly Ingress: Ingress
  readonly Role: Role
  readonly ClusterRole: Role
  readonly RoleBinding: RoleBinding
  readonly ClusterRoleBinding: RoleBinding
  readonly ConfigMap: ConfigMap
  readonly Secret: Secret
  readonly ServiceAccount: ServiceAccount
  readonly ExternalSecret: ExternalSecret
  readonly PriorityClass: Manifest
  readonly PrometheusRule: Manifest
  readonly Namespace: Manifest
}

/** The objects of a kind, typed. */
export function ofKind<Kind extends keyof Kinds>(
  objects: readonly Manifest[],
  kind: Kind,
): readonly Kinds[Kind][] {
  return objects.filter((object): object is Kinds[Kind] => object.kind === kind)
}

export const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`

/** Deployments and StatefulSets: what runs for as long as the exchange does. */
export const workloads = (objects: readonly Manifest[]): readonly Workload[] => [
  ...ofKind(objects, 'Deployment'),
  ...ofKind(objects, 'StatefulSet'),
  ...ofKind(objects, 'DaemonSet'),
]

export type Pod = {
  readonly owner: Manifest
  readonly labels: Labels
  readonly annotations: Labels
  readonly spec: PodSpec
}

/** Every pod template, whatever makes pods of it. */
export function pods(objects: readonly Manifest[]): readonly Pod[] {
  const pod = (owner: Manifest, { metadata, spec }: PodTemplate): Pod => ({
    owner,
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
    spec,
  })
  return [
    ...workloads(objects).map((owner) => pod(owner, owner.spec.template)),
    ...ofKind(objects, 'Job').map((owner) => pod(owner, owner.spec.template)),
    ...ofKind(objects, 'CronJob').map((owner) => pod(owner, owner.spec.jobTemplate.spec.template)),
  ]
}

/** Containers of a pod in the order in which they start. */
export const containersOf = ({ initContainers = [], containers }: PodSpec): readonly Container[] => [
  ...initContainers,
  ...containers,
]

/** Whether labels are selected; a selector without conditions selects everything. */
export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const isIn = value !== undefined && values.includes(value)
      return operator === 'In' ? isIn : !isIn
    })
  )
}
