import { z } from 'zod'
import { contains, overlaps, parseCidr, usableAddresses } from './network/cidr.ts'
import { Region } from './regions.ts'

const AccountId = z.string().regex(/^\d{12}$/, 'an account id has twelve digits')
const RoleArn = z.string().regex(/^arn:aws:iam::\d{12}:role\/.+$/, 'not the ARN of a role')
const Cidr = z.string().refine(isCidr, 'not an IPv4 block')
const ThreeCidrs = z.tuple([Cidr, Cidr, Cidr])
const Percent = z.number().min(0).max(100)

/** A network ACL takes 20 rules a direction: these, the one that allows the rest, and AWS's own. */
export const DENIED_CIDRS_MAX = 18

const Network = z.strictObject({
  vpcCidr: Cidr,
  /** One block a zone, in the order of the region's zones. */
  subnets: z.strictObject({
    public: ThreeCidrs,
    application: ThreeCidrs,
    pods: ThreeCidrs,
    data: ThreeCidrs,
  }),
  natGateways: z.int().min(1).max(3),
  /** Ports on which pods may reach the internet: HTTPS and mail submission. */
  internetEgressPorts: z.array(z.int().min(1).max(65535)).min(1),
  /** Coarse denylist at the subnet's edge. */
  deniedCidrs: z.array(Cidr).max(DENIED_CIDRS_MAX),
  interfaceEndpoints: z.array(
    z.enum([
      'secretsmanager',
      'logs',
      'ecr.api',
      'ecr.dkr',
      'sts',
      'kms',
      'ssm',
      'monitoring',
      'xray',
      'eks-auth',
    ]),
  ),
})

const Cluster = z.strictObject({
  adminRoleArns: z.array(RoleArn).min(1),
  viewerRoleArns: z.array(RoleArn),
  /** Engines: on-demand nodes of their own, spread over racks or packed closely, the same count in each zone. */
  engines: z.strictObject({
    instanceType: z.string(),
    nodesPerZone: z.int().min(1).max(7),
    nodesPerZoneMax: z.int().min(1).max(7),
    placement: z.enum(['spread', 'cluster']),
  }),
  /** Stateless services: this many vCPUs stay on-demand, Spot may add the rest. */
  stateless: z.strictObject({
    onDemandVcpus: z.int().min(2),
    vcpusMax: z.int().min(2),
    spot: z.boolean(),
    architectures: z.array(z.enum(['arm64', 'amd64'])).min(1),
  }),
  podsMax: z.int().min(10),
})

const Data = z.strictObject({
  aurora: z.strictObject({
    instanceType: z.string(),
    readersMin: z.int().min(1).max(15),
    readersMax: z.int().min(1).max(15),
    readerCpuPercent: Percent,
    readerConnections: z.int().min(1),
    backupRetentionDays: z.int().min(1).max(35),
  }),
  redis: z.strictObject({
    nodeType: z.string(),
    /** Shards above 1 turn cluster mode on. */
    shards: z.int().min(1).max(90),
    replicasPerShard: z.int().min(1).max(5),
    snapshotRetentionDays: z.int().min(1).max(35),
  }),
  kafka: z.strictObject({
    instanceType: z.string(),
    brokersPerZone: z.int().min(1).max(10),
    volumeGib: z.int().min(1).max(16384),
    tieredStorage: z.boolean(),
    /** Partitions of risk.in and orders.in; fixed once the exchange is created. */
    riskPartitions: z.int().min(2),
    matchingPartitions: z.int().min(2),
  }),
  secretRotationDays: z.int().min(30).max(90),
  auditRetentionYears: z.int().min(1),
  /** The epoch of the exchange that the tables of the catalogue are of: its folder in the archive bucket. A cut begins the next. */
  tablesEpoch: z.int().min(1),
  /** Object lock and vault lock that even the root user cannot lift. Dev does without, to be destroyable. */
  immutable: z.boolean(),
})

const Edge = z.strictObject({
  domainName: z.string().min(3),
  /** An existing public hosted zone of this name, delegated from its parent. */
  hostedZoneId: z.string().regex(/^Z[A-Z0-9]+$/, 'not a hosted zone id'),
  /** Who may speak to the load balancer: everyone, or CloudFront's addresses alone. */
  loadBalancerSources: z.enum(['internet', 'cloudfront']),
  requestsPerFiveMinutesPerAddress: z.int().min(10),
  deniedCountries: z.array(z.string().regex(/^[A-Z]{2}$/)),
  googleClientSecretName: z.string().optional(),
  /** How the two regions share traffic. Order entry has one log, hence one region at a time: `failover`. */
  routing: z.enum(['failover', 'latency', 'weighted']),
  /** The recovery region's share under `weighted`. */
  recoveryWeightPercent: Percent,
  callbackUrls: z.array(z.url()).min(1),
})

const Operations = z.strictObject({
  alarmEmail: z.email(),
  alarmPhone: z.string().regex(/^\+\d{8,15}$/, 'E.164, such as +12025550100'),
  /** An HTTPS integration URL of PagerDuty (or whoever pages); its secrecy is PagerDuty's key in it. */
  pagerUrl: z.url().optional(),
  logLevel: z.enum(['DEBUG', 'INFO', 'WARN']),
  logRetentionDays: z.union([z.literal(7), z.literal(30), z.literal(90), z.literal(365)]),
  traceSamplingPercent: Percent,
  budgetUsdMonthly: z.int().min(1),
})

const Features = z.strictObject({
  standbyRegion: z.boolean(),
  apiGateway: z.boolean(),
  globalAccelerator: z.boolean(),
  globalTables: z.boolean(),
  dax: z.boolean(),
  redshift: z.boolean(),
  openSearch: z.boolean(),
  eventBus: z.boolean(),
  orderQueue: z.boolean(),
  tradeStream: z.boolean(),
  tcpLoadBalancer: z.boolean(),
  shieldAdvanced: z.boolean(),
})
export type Features = z.infer<typeof Features>

const GitOps = z.strictObject({
  repositoryUrl: z.url(),
  revision: z.string().min(1),
  namespace: z.string().min(1),
})

/** One environment: what differs between them, and nothing else. */
export const Environment = z
  .strictObject({
    name: z.enum(['dev', 'staging', 'production']),
    account: AccountId,
    primaryRegion: Region,
    recoveryRegion: Region,
    project: z.string().min(1),
    costCenter: z.string().min(1),
    network: Network,
    cluster: Cluster,
    data: Data,
    edge: Edge,
    operations: Operations,
    features: Features,
    gitOps: GitOps,
  })
  .superRefine((environment, context) => {
    for (const message of contradictions(environment)) context.addIssue({ code: 'custom', message })
  })
export type Environment = z.infer<typeof Environment>

/** Reads an environment, or throws naming every contradiction, both values in each. */
export function parseEnvironment(value: unknown): Environment {
  const result = Environment.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const problems = result.error.issues.map(
    ({ path, message, input }) => `${path.join('.') || 'environment'}: ${message}${given(input)}`,
  )
  throw new Error(`bad configuration\n  ${problems.join('\n  ')}`)
}

/** The value that was refused; of lists the length, of larger things nothing. */
function given(input: unknown): string {
  if (Array.isArray(input)) return `, not ${input.length}`
  if (typeof input === 'object' || typeof input === 'undefined') return ''
  return `, not ${JSON.stringify(input)}`
}

function contradictions(environment: Environment): string[] {
  return [
    ...networkContradictions(environment),
    ...dataContradictions(environment),
    ...operationContradictions(environment),
  ]
}

function networkContradictions({ network, cluster }: Environment): string[] {
  const found: string[] = []
  const vpc = parseCidr(network.vpcCidr)
  const subnets = Object.entries(network.subnets).flatMap(([tier, blocks]) =>
    blocks.map((block) => ({ tier, cidr: parseCidr(block) })),
  )
  for (const { tier, cidr } of subnets) {
    if (!contains(vpc, cidr)) found.push(`${tier} subnet ${cidr.text} is outside the VPC's ${vpc.text}`)
  }
  subnets.forEach((a, index) => {
    for (const b of subnets.slice(index + 1)) {
      if (overlaps(a.cidr, b.cidr)) {
        found.push(`${a.tier} subnet ${a.cidr.text} overlaps ${b.tier} subnet ${b.cidr.text}`)
      }
    }
  })
  // With one zone lost, the two others hold every pod.
  const podAddresses = network.subnets.pods.map((block) => usableAddresses(parseCidr(block)))
  const withoutLargest = podAddresses.reduce((sum, size) => sum + size, 0) - Math.max(...podAddresses)
  if (withoutLargest < cluster.podsMax) {
    found.push(`podsMax ${cluster.podsMax} exceeds the ${withoutLargest} pod addresses of two zones`)
  }
  if (cluster.engines.nodesPerZone > cluster.engines.nodesPerZoneMax) {
    found.push(
      `engines.nodesPerZone ${cluster.engines.nodesPerZone} exceeds nodesPerZoneMax ${cluster.engines.nodesPerZoneMax}`,
    )
  }
  if (cluster.stateless.onDemandVcpus > cluster.stateless.vcpusMax) {
    found.push(
      `stateless.onDemandVcpus ${cluster.stateless.onDemandVcpus} exceeds vcpusMax ${cluster.stateless.vcpusMax}`,
    )
  }
  return found
}

function dataContradictions({ name, data, network }: Environment): string[] {
  const found: string[] = []
  const { readersMin, readersMax } = data.aurora
  if (readersMin > readersMax) found.push(`aurora.readersMin ${readersMin} exceeds readersMax ${readersMax}`)
  if (data.kafka.tieredStorage && data.kafka.instanceType.includes('.t3.')) {
    found.push(`kafka.tieredStorage is true, and ${data.kafka.instanceType} does not offer it`)
  }
  if (name !== 'production') return found
  if (network.natGateways !== 3)
    found.push(`production needs a NAT gateway a zone: 3, not ${network.natGateways}`)
  if (data.aurora.backupRetentionDays !== 35) {
    found.push(`production restores to any point of 35 days, not ${data.aurora.backupRetentionDays}`)
  }
  if (data.auditRetentionYears < 7) {
    found.push(`production keeps the audit for 7 years, not ${data.auditRetentionYears}`)
  }
  if (!data.immutable) found.push('production needs data.immutable true, not false')
  return found
}

function operationContradictions({ name, operations, features, ...rest }: Environment): string[] {
  const found: string[] = []
  if (rest.primaryRegion === rest.recoveryRegion) {
    found.push(`recoveryRegion ${rest.recoveryRegion} is the primaryRegion ${rest.primaryRegion}`)
  }
  // CloudFront takes its certificate and its web ACL from us-east-1 alone, and they belong to the primary site.
  if (rest.primaryRegion !== 'us-east-1') {
    found.push(`primaryRegion is ${rest.primaryRegion}, and CloudFront's certificate needs us-east-1`)
  }
  if (features.standbyRegion && !features.globalTables) {
    found.push(
      'features.standbyRegion is true and globalTables false: the second region would have no sessions table',
    )
  }
  if (features.standbyRegion && rest.data.aurora.instanceType.startsWith('t')) {
    found.push(
      `features.standbyRegion is true, and a global database does not run on ${rest.data.aurora.instanceType}`,
    )
  }
  if (features.standbyRegion && rest.data.kafka.instanceType.includes('.t3.')) {
    found.push(
      `features.standbyRegion is true, and a log is not copied from ${rest.data.kafka.instanceType}: no private connectivity`,
    )
  }
  if (name !== 'production') return found
  if (operations.logLevel === 'DEBUG') found.push('production logs at INFO or WARN, not DEBUG')
  if (!features.standbyRegion) found.push('production needs features.standbyRegion true, not false')
  if (operations.traceSamplingPercent < 5 || operations.traceSamplingPercent > 10) {
    found.push(`production traces 5 to 10 % of requests, not ${operations.traceSamplingPercent} %`)
  }
  return found
}

function isCidr(text: string): boolean {
  try {
    return parseCidr(text).size > 0
  } catch {
    return false
  }
}
