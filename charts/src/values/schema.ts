import { z } from 'zod'
import { bytesOf, coresOf } from '../constructs/quantities.ts'

/** Also what runs in production's recovery region: a standby that follows, and what serves after a failover. */
export const ENVIRONMENTS = [
  ...(['minimal', 'local', 'dev', 'staging', 'production'] as const),
  ...(['production-recovery', 'production-standby'] as const),
] as const
export type EnvironmentName = (typeof ENVIRONMENTS)[number]

/** A tag may be given another content; a digest may not. */
const DIGEST = /@sha256:[0-9a-f]{64}$/
const PINNED: readonly EnvironmentName[] = [
  'staging',
  'production',
  'production-recovery',
  'production-standby',
]

const cpu = z.string().regex(/^(\d+m|\d+)$/, 'must be whole cores or millicores: 2 or 250m')
const bytes = z.string().regex(/^\d+(Mi|Gi)$/, 'must be in Mi or Gi: 256Mi')
const promDuration = z.string().regex(/^\d+[sm]$/, 'must be in seconds or minutes: 5m')
const cidr = z.cidrv4()
const count = (min: number) => z.int().min(min)
const milliseconds = z.int().min(100).max(600_000)

const resources = z
  .strictObject({
    requests: z.strictObject({ cpu, memory: bytes, ephemeralStorage: bytes }),
    limits: z.strictObject({ cpu, memory: bytes, ephemeralStorage: bytes }),
  })
  .describe('What a container is given, and what it may use at most.')

/** Further settings of a service, by the names its config.ts reads. */
const settings = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string())

const workload = {
  resources,
  settings,
  preStopSeconds: count(1).describe('how long a pod works on, as if nothing were, after its end was decided'),
  shutdownGraceMs: milliseconds.describe('SHUTDOWN_GRACE_MS: what closing may take'),
  terminationGraceSeconds: count(1).describe('from the end of a pod being decided to SIGKILL'),
}

const scaleDown = z.strictObject({
  pods: count(1).describe('how many pods go at once'),
  periodSeconds: count(1).max(1800),
  stabilizationSeconds: count(0).max(3600),
})

const lagScaling = z.strictObject({
  minReplicas: count(1),
  maxReplicas: count(1),
  lagPerReplica: count(1).describe('records of lag that justify one replica'),
  scaleDown,
})

const gatewayScaling = z.strictObject({
  minReplicas: count(1),
  maxReplicas: count(1),
  cpuPercent: z.int().min(1).max(100),
  memoryPercent: z.int().min(1).max(100),
  resourceWindow: promDuration.describe('over which CPU and memory are averaged'),
  requestsPerSecond: count(1).describe('that one pod is to serve'),
  requestWindow: promDuration,
  upPercent: z.int().min(1).max(1000),
  downPercent: z.int().min(1).max(100),
  cooldownSeconds: count(1).max(1800).describe('between two steps in one direction'),
})

const server = { image: z.string().min(1), resources }
const stored = { ...server, storage: bytes }

const inCluster = z.strictObject({
  kafka: z.strictObject({ ...stored, heapMebibytes: count(128) }),
  postgres: z.strictObject(stored),
  redis: z.strictObject(server),
  prometheus: z.strictObject({ ...stored, scrapeSeconds: count(1) }).nullable(),
})

const aws = z.strictObject({
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/),
  secretStore: z.string().describe('ClusterSecretStore of Secrets Manager'),
  parameterStore: z.string().describe('ClusterSecretStore of Parameter Store'),
  factsPath: z.string().startsWith('/').describe('where the estate wrote its facts'),
  databaseSecret: z.string().describe('JSON with username, password, dbname'),
  redisSecret: z.string().describe('the token'),
})

const ingress = z.strictObject({
  className: z.enum(['traefik', 'alb']),
  host: z.string().min(1),
  certificateArn: z.string().startsWith('arn:').nullable().describe('of ACM, for class alb'),
  tlsSecret: z.string().nullable().describe('for class traefik; without one the controller uses its own'),
})

const shape = z.strictObject({
  image: z.string().min(1).describe('of every service; in staging and production by digest'),
  development: z
    .boolean()
    .describe('services run from source in a development image and start again when a file changes'),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  partitions: z.strictObject({ risk: count(2), matching: count(2) }),
  kafka: z.strictObject({
    brokers: z.string().regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, 'must be host:port, separated by commas'),
    security: z.enum(['plaintext', 'tls', 'aws-iam']),
    replicationFactor: count(1),
    minInsyncReplicas: count(1),
  }),
  tokens: z.strictObject({
    issuer: z.string().min(1),
    audience: z.string().min(1),
    jwksUrl: z.url().nullable().describe("the issuer's keys; null: those that the secrets Job made"),
  }),
  gateway: z.strictObject({
    ...workload,
    image: z.string().min(1).nullable().describe('of the active slot alone; null: the one of every service'),
    active: z.enum(['blue', 'green']).describe('the slot that serves'),
    idle: z
      .strictObject({
        image: z.string().min(1),
        minReplicas: count(1)
          .optional()
          .describe(
            'that neither slot goes below: as many as the slot that serves has when they change places',
          ),
      })
      .nullable()
      .describe('what stands in the other slot'),
    scaling: gatewayScaling,
  }),
  riskEngine: z.strictObject({ ...workload, scaling: lagScaling }),
  matchingEngine: z.strictObject({ ...workload, scaling: lagScaling }),
  settlement: z.strictObject({ ...workload, scaling: lagScaling }),
  marketData: z.strictObject({ ...workload, scaling: lagScaling }),
  archive: z.strictObject({
    ...workload,
    url: z
      .string()
      .regex(/^s3:\/\/[a-z0-9.-]+\/\S+$/, 'must be s3://bucket/prefix')
      .nullable()
      .describe('where the inputs are archived; null: nowhere, and the service is left out'),
    scaling: lagScaling,
  }),
  standbyRegion: z
    .strictObject({
      alias: z
        .string()
        .regex(/^[\w-]+$/, "must be the replicator's alias: us-east-1 of us-east-1.risk.in")
        .describe('under which the inputs of the region that serves are copied here'),
    })
    .nullable()
    .describe(
      'what is rendered follows an exchange in another region: the cut, engines and readers, and nobody to trade with',
    ),
  cutFollower: z
    .strictObject({ resources, settings, terminationGraceSeconds: workload.terminationGraceSeconds })
    .describe('makes the cut of the copies, where `standbyRegion` is given'),
  analytics: z.strictObject({
    ...workload,
    url: z
      .string()
      .regex(/^s3:\/\/[a-z0-9.-]+\/\S+$/, 'must be s3://bucket/prefix')
      .nullable()
      .describe('where the tables `trades` and `events` are; null: nowhere, and the service is left out'),
    scaling: lagScaling,
  }),
  operator: z.strictObject({
    resources,
    reconcileSchedule: z.string().regex(/^(\S+ ){4}\S+$/, 'must have five fields, as cron'),
    demoMarket: z.boolean(),
  }),
  features: z
    .strictObject({ keda: z.boolean(), prometheusOperator: z.boolean(), externalSecrets: z.boolean() })
    .describe('whose custom resources the cluster knows'),
  prometheusUrl: z.url().nullable().describe('where KEDA asks'),
  databaseConnections: z
    .strictObject({
      writer: count(1).describe('that its endpoint takes, of a proxy before it what that may open'),
      reader: count(1)
        .nullable()
        .describe('that one reader takes: the others may be lost. null: the writer is read'),
    })
    .describe('limits of the database, which the pools of all pods together stay below'),
  inCluster: inCluster.nullable().describe('datastores as StatefulSets, for machines without AWS'),
  aws: aws.nullable(),
  ingress: ingress.nullable(),
  nodePort: z.int().min(30_000).max(32_767).nullable().describe('of the public API on every node'),
  network: z.strictObject({
    clients: z.array(cidr).describe('from where the public API is reached, the ingress controller aside'),
    healthChecks: z.array(cidr).describe("of the load balancer, which asks the gateway's operations port"),
    apiServer: z.array(cidr).describe('for the Job that makes the secrets'),
    dns: z.array(cidr).describe('of resolvers that are no pods of kube-system'),
    datastores: z.array(cidr).describe('where MSK, Aurora and ElastiCache are'),
    https: z.array(cidr).describe("where AWS's interfaces and the token issuer are"),
    monitoring: z.string().nullable().describe('namespace of the Prometheus that scrapes'),
  }),
  scheduling: z.strictObject({
    engineNodes: z.string().nullable().describe('label and taint of the nodes that only engines use'),
    engineZones: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
    leaveLostNodeSeconds: count(0),
  }),
  quota: z.strictObject({ cpu, memory: bytes, pods: count(1) }),
})

export type Values = z.infer<typeof shape>
export type Resources = z.infer<typeof resources>
export type GatewayScaling = z.infer<typeof gatewayScaling>
export type LagScaling = z.infer<typeof lagScaling>

/** What a values file may say: the schema that editors read. A file says a part of it, so nothing is required. */
export const valuesShape = shape

type Drain = {
  readonly preStopSeconds: number
  readonly shutdownGraceMs: number
  readonly settings: Readonly<Record<string, string>>
}

/** How long a pod works after its end was decided: so long a balancer must leave it the requests it has. */
export const drainSecondsOf = ({ preStopSeconds, shutdownGraceMs, settings }: Drain): number =>
  preStopSeconds + Math.ceil((Number(settings['DRAIN_DELAY_MS'] ?? 0) + shutdownGraceMs) / 1000)

type Check = (values: Values) => readonly [path: string, message: string][]

type Partitions = Values['partitions']
type NameOf<Part> = { [Name in keyof Values]: Values[Name] extends Part ? Name : never }[keyof Values]
type LogServiceName = NameOf<{ readonly scaling: LagScaling }>
type Bound = (partitions: Partitions) => readonly [count: number, what: string]

const ofEverything: Bound = ({ risk, matching }) => [risk + matching, 'the sum of partitions']
const ofMatching: Bound = ({ matching }) => [matching, 'partitions.matching']

/** How many partitions there are to share. The compiler asks it of every service that is scaled by lag. */
const SHARED: Readonly<Record<LogServiceName, Bound>> = {
  riskEngine: ({ risk }) => [risk, 'partitions.risk'],
  matchingEngine: ofMatching,
  settlement: ofEverything,
  marketData: ofMatching,
  archive: ofEverything,
  analytics: ofEverything,
}

const needsAtMost: Check = (values) =>
  Object.entries(SHARED).flatMap(([name, shared]) => {
    const { maxReplicas } = values[name as LogServiceName].scaling
    const [limit, what] = shared(values.partitions)
    return maxReplicas <= limit
      ? []
      : [
          [
            `${name}.scaling.maxReplicas`,
            `is ${maxReplicas}, but ${what} is ${limit}: a further replica would have nothing to do`,
          ] as const,
        ]
  })

type Scaled = Values[NameOf<{ readonly scaling: object }>]

/** Every part of the values that is scaled. */
const workloadsOf = (values: Values): readonly (readonly [name: string, workload: Scaled])[] =>
  Object.entries(values).filter((entry): entry is [string, Scaled] => {
    const [, part] = entry
    return typeof part === 'object' && part !== null && 'scaling' in part
  })

const minimumBelowMaximum: Check = (values) =>
  workloadsOf(values)
    .filter(([, { scaling }]) => scaling.minReplicas > scaling.maxReplicas)
    .map(([name, { scaling }]) => [
      `${name}.scaling.minReplicas`,
      `is ${scaling.minReplicas}, more than maxReplicas ${scaling.maxReplicas}`,
    ])

const graceOutlivesDrain: Check = (values) =>
  workloadsOf(values)
    .map(([name, workload]) => ({
      name,
      given: workload.terminationGraceSeconds,
      needed: drainSecondsOf(workload),
    }))
    .filter(({ given, needed }) => given <= needed)
    .map(({ name, given, needed }) => [
      `${name}.terminationGraceSeconds`,
      `is ${given}, but the preStop hook, DRAIN_DELAY_MS and shutdownGraceMs may take ${needed}`,
    ])

const enginesHaveFollowers: Check = (values) =>
  (['riskEngine', 'matchingEngine'] as const)
    .filter((name) => values[name].scaling.minReplicas < 2)
    .map((name) => [
      `${name}.scaling.minReplicas`,
      'must be at least 2: a shard needs an owner and a follower',
    ])

const oneHome: Check = ({
  inCluster: inside,
  aws: cloud,
  tokens,
  kafka,
  features,
  prometheusUrl,
  network,
}) => [
  ...((inside === null) === (cloud === null)
    ? [['inCluster', 'exactly one of inCluster and aws must be given'] as [string, string]]
    : []),
  ...(inside === null && tokens.jwksUrl === null
    ? [['tokens.jwksUrl', 'must be given: no Job makes keys on AWS'] as [string, string]]
    : []),
  ...(kafka.security === 'aws-iam' && cloud === null
    ? [['kafka.security', 'aws-iam needs aws'] as [string, string]]
    : []),
  ...(features.keda && prometheusUrl === null
    ? [['prometheusUrl', 'must be given: KEDA asks it how busy the gateway is'] as [string, string]]
    : []),
  ...(cloud !== null && network.datastores.length === 0
    ? [['network.datastores', 'must name where MSK, Aurora and ElastiCache are'] as [string, string]]
    : []),
]

const replicasOfTheLog: Check = ({ kafka }) =>
  kafka.minInsyncReplicas > kafka.replicationFactor
    ? [['kafka.minInsyncReplicas', `is more than replicationFactor ${kafka.replicationFactor}`]]
    : []

/** The copies' names begin with the region that they come from. */
const standbyIsElsewhere: Check = ({ standbyRegion, aws: cloud }) =>
  standbyRegion === null
    ? []
    : cloud === null
      ? [['standbyRegion', 'needs aws: copies come from another region']]
      : standbyRegion.alias === cloud.region
        ? [['standbyRegion.alias', `is ${cloud.region}, where this cluster is: it would follow itself`]]
        : []

/** A release is refused before it begins, not when half of its pods are there. */
const slotsHaveRoom: Check = ({ gateway: { idle, scaling, resources: of }, quota }) => {
  const each = idle?.minReplicas ?? 0
  const path = 'gateway.idle.minReplicas'
  const both = [
    ['cores', 2 * each * coresOf(of.requests.cpu), coresOf(quota.cpu)],
    ['bytes', 2 * each * bytesOf(of.limits.memory), bytesOf(quota.memory)],
    ['pods', 2 * each, quota.pods],
  ] as const
  return [
    ...(each > scaling.maxReplicas
      ? [[path, `is ${each}, more than scaling.maxReplicas ${scaling.maxReplicas}`] as [string, string]]
      : []),
    ...both
      .filter(([, needed, limit]) => needed > limit)
      .map(([unit, needed, limit]): [string, string] => [
        path,
        `is ${each}: two slots of it need ${needed} ${unit}, and the quota is ${limit}`,
      ]),
  ]
}

const CHECKS: readonly Check[] = [
  needsAtMost,
  minimumBelowMaximum,
  graceOutlivesDrain,
  enginesHaveFollowers,
  oneHome,
  replicasOfTheLog,
  standbyIsElsewhere,
  slotsHaveRoom,
]

/** The whole of an environment's values, with the rules between them. */
export const valuesSchema = (environment: EnvironmentName) =>
  shape.superRefine((values, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: path.split('.'), message })
    for (const check of CHECKS) for (const [path, message] of check(values)) problem(path, message)
    if (!PINNED.includes(environment)) return
    const images = {
      image: values.image,
      'gateway.image': values.gateway.image,
      'gateway.idle.image': values.gateway.idle?.image,
    }
    for (const [path, image] of Object.entries(images))
      if (typeof image === 'string' && !DIGEST.test(image))
        problem(path, `${image} must end in @sha256:<digest>: ${environment} runs what was tested, not a tag`)
  })
