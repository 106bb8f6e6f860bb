import { type Environment } from '../environment.ts'
import { PROMETHEUS_VOLUMES_GIB } from '../cluster/prometheus-values.ts'
import { ZONES } from '../data/log-cluster.ts'
import { HOURS_PER_MONTH, PRICES, type PriceName } from './prices.ts'
import { type Workload } from './workload.ts'

/** The part of a template that costs: its resources by logical id. */
export type TemplateResources = Readonly<
  Record<string, { readonly Type: string; readonly Properties?: Properties }>
>
type Properties = Readonly<Record<string, unknown>>

export type Line = {
  readonly service: string
  readonly price: PriceName
  readonly quantity: number
  readonly usdMonthly: number
}

type Input = {
  readonly environment: Environment
  /** By stack; the standby's begin with `Standby`. */
  readonly templates: ReadonlyMap<string, TemplateResources>
  readonly workload: Workload
}

const BACKUP_GB = 100
const DATABASE_GB = 200
const FILES_GB = 10
const CONFIG_ITEMS = 2000
const GUARD_MILLIONS = 2
const CUSTOM_METRICS = 50
const LB_CAPACITY_PER_THOUSAND_RPS = 40
const WAREHOUSE_HOURS_A_DAY = 1
/** In the second region: the cut, settlement and market data as they are at the least, Prometheus and the operators. */
const STANDBY_VCPUS = 6
const SERVERLESS = 'db.serverless'

/** What the templates and the load cost a month at list price, on demand, line by line. */
export function estimate(input: Input): readonly Line[] {
  const lines = [...fixedLines(input), ...loadLines(input)]
  return lines.filter(({ quantity }) => quantity > 0)
}

export function total(lines: readonly Line[]): number {
  return lines.reduce((sum, { usdMonthly }) => sum + usdMonthly, 0)
}

/** What stands there whatever the load: counted in the templates. */
function fixedLines({ environment, templates }: Input): Line[] {
  const all = [...templates.values()].flatMap((resources) => Object.values(resources))
  const of = (type: string) =>
    all.filter(({ Type }) => Type === type).map(({ Properties = {} }) => Properties)
  const count = (type: string) => of(type).length
  const interfaceEndpoints = of('AWS::EC2::VPCEndpoint').filter(
    ({ VpcEndpointType }) => VpcEndpointType === 'Interface',
  )
  const { engines } = environment.cluster
  const engineNodes = sum(of('AWS::EKS::Nodegroup'), ({ ScalingConfig }) =>
    field(ScalingConfig, 'DesiredSize'),
  )
  const brokers = of('AWS::MSK::Cluster')
  const { kafka, redis } = environment.data
  return [
    line('EKS', 'eks cluster', count('AWS::EKS::Cluster') * HOURS_PER_MONTH),
    line('Engine nodes', `ec2 ${engines.instanceType}` as PriceName, engineNodes * HOURS_PER_MONTH),
    line('Engine nodes', 'ebs gp3', engineNodes * 50),
    line('Prometheus', 'ebs gp3', count('AWS::EKS::Cluster') * PROMETHEUS_VOLUMES_GIB),
    ...databaseLines(of, environment),
    line(
      'Redis',
      `redis ${redis.nodeType}` as PriceName,
      redisNodes(of('AWS::ElastiCache::ReplicationGroup')) * HOURS_PER_MONTH,
    ),
    line(
      'MSK',
      `kafka ${kafka.instanceType}` as PriceName,
      sum(brokers, ({ NumberOfBrokerNodes }) => Number(NumberOfBrokerNodes)) * HOURS_PER_MONTH,
    ),
    line('MSK', 'kafka storage', brokers.length * ZONES * kafka.brokersPerZone * kafka.volumeGib),
    line('MSK Replicator', 'kafka replicator', count('AWS::MSK::Replicator') * HOURS_PER_MONTH),
    line('NAT', 'nat gateway', count('AWS::EC2::NatGateway') * HOURS_PER_MONTH),
    line('VPC endpoints', 'endpoint zone', interfaceEndpoints.length * ZONES * HOURS_PER_MONTH),
    line(
      'Load balancers',
      'load balancer',
      count('AWS::ElasticLoadBalancingV2::LoadBalancer') * HOURS_PER_MONTH,
    ),
    line('WAF', 'waf acl', count('AWS::WAFv2::WebACL')),
    line(
      'WAF',
      'waf rule',
      sum(of('AWS::WAFv2::WebACL'), ({ Rules }) => (Rules as unknown[]).length),
    ),
    line('Route 53', 'route53 check', count('AWS::Route53::HealthCheck')),
    line('KMS', 'kms key', count('AWS::KMS::Key')),
    line('Secrets Manager', 'secret', count('AWS::SecretsManager::Secret')),
    line('CloudWatch', 'cloudwatch alarm', count('AWS::CloudWatch::Alarm')),
    line('CloudWatch', 'cloudwatch dashboard', count('AWS::CloudWatch::Dashboard')),
    line('CloudWatch', 'cloudwatch metric', count('AWS::EKS::Cluster') * CUSTOM_METRICS),
    line('Config', 'config item', (count('AWS::Config::ConfigurationRecorder') * CONFIG_ITEMS) / 1000),
    line('Config', 'config evaluation', (count('AWS::Config::ConfigRule') * 100) / 1000),
    line('GuardDuty', 'guardduty events', count('AWS::GuardDuty::Detector') * GUARD_MILLIONS),
    line('Security Hub', 'security hub check', (count('AWS::SecurityHub::Hub') * 10_000) / 1000),
    line('EFS', 'efs storage', count('AWS::EFS::FileSystem') * FILES_GB),
    line('Backup', 'backup storage', count('AWS::Backup::BackupVault') * BACKUP_GB),
    ...optionalLines(count, of),
  ]
}

type Of = (type: string) => readonly Properties[]

function databaseLines(of: Of, { data: { aurora } }: Environment): Line[] {
  const instances = of('AWS::RDS::DBInstance')
  const serverless = instances.filter(({ DBInstanceClass }) => DBInstanceClass === SERVERLESS)
  const clusters = of('AWS::RDS::DBCluster')
  // At its floor, which the writes of an exchange that follows do not leave.
  const capacity = sum(clusters, ({ ServerlessV2ScalingConfiguration: scaling }) =>
    field(scaling ?? {}, 'MinCapacity'),
  )
  return [
    line(
      'Aurora',
      `aurora db.${aurora.instanceType}` as PriceName,
      (instances.length - serverless.length) * HOURS_PER_MONTH,
    ),
    line('Aurora', 'aurora capacity unit', serverless.length * capacity * HOURS_PER_MONTH),
    line('Aurora', 'aurora storage', clusters.length * DATABASE_GB),
    line(
      'RDS Proxy',
      'rds proxy vcpu',
      of('AWS::RDS::DBProxy').length * 2 * (1 + aurora.readersMin) * HOURS_PER_MONTH,
    ),
  ]
}

function optionalLines(count: (type: string) => number, of: (type: string) => readonly Properties[]): Line[] {
  const daxNodes = sum(of('AWS::DAX::Cluster'), ({ ReplicationFactor }) => Number(ReplicationFactor))
  const rpus = sum(of('AWS::RedshiftServerless::Workgroup'), ({ BaseCapacity }) => Number(BaseCapacity))
  const searchNodes = sum(
    of('AWS::OpenSearchService::Domain'),
    ({ ClusterConfig }) =>
      field(ClusterConfig, 'InstanceCount') + field(ClusterConfig, 'DedicatedMasterCount'),
  )
  const shards = sum(of('AWS::Kinesis::Stream'), ({ ShardCount }) => Number(ShardCount))
  return [
    line('API Gateway', 'api gateway cache', count('AWS::ApiGateway::RestApi') * HOURS_PER_MONTH),
    line(
      'Global Accelerator',
      'global accelerator',
      count('AWS::GlobalAccelerator::Accelerator') * HOURS_PER_MONTH,
    ),
    line('Shield Advanced', 'shield advanced', Math.min(1, count('AWS::Shield::Protection'))),
    line('DAX', 'dax dax.r5.large', daxNodes * HOURS_PER_MONTH),
    line('OpenSearch', 'opensearch m6g.large.search', searchNodes * HOURS_PER_MONTH),
    line('Redshift', 'redshift rpu', rpus * WAREHOUSE_HOURS_A_DAY * 30),
    line('Kinesis', 'kinesis shard', shards * HOURS_PER_MONTH),
  ]
}

/** What grows with the load. */
function loadLines({ environment, templates, workload }: Input): Line[] {
  const { stateless } = environment.cluster
  const onDemand = Math.min(workload.vcpus, stateless.onDemandVcpus)
  const burst = workload.vcpus - onDemand
  const standby = templates.has('StandbyData') ? 1 : 0
  const objectsGb = workload.archiveGb + workload.tablesGb
  const apiRequests = environment.features.apiGateway ? workload.requestsMillion : 0
  return [
    line('Stateless nodes', 'ec2 vcpu on-demand', (onDemand + standby * STANDBY_VCPUS) * HOURS_PER_MONTH),
    line('Stateless nodes', stateless.spot ? 'ec2 vcpu spot' : 'ec2 vcpu on-demand', burst * HOURS_PER_MONTH),
    line('EKS Auto Mode', 'eks auto mode vcpu', (workload.vcpus + standby * STANDBY_VCPUS) * HOURS_PER_MONTH),
    line('Aurora', 'aurora requests', (1 + standby) * workload.databaseRequestsMillion),
    line('Aurora', 'aurora replicated writes', standby * workload.databaseRequestsMillion),
    line('MSK Replicator', 'kafka replicated', standby * workload.logRecordsGb),
    line('Transfer', 'region transfer', standby * (workload.logRecordsGb + objectsGb)),
    // Two copies of every record cross a zone, and so do two thirds of the reads.
    line('Transfer', 'zone transfer', (1 + standby) * workload.logRecordsGb * 4),
    line('DynamoDB', 'dynamodb reads', 5),
    line('DynamoDB', 'dynamodb writes', 2),
    // A year of it, in both regions.
    line('S3', 's3 storage', objectsGb * 3 * (1 + standby)),
    line('S3', 's3 glacier instant', objectsGb * 9 * (1 + standby)),
    line('NAT', 'nat data', workload.logGb),
    line(
      'Load balancers',
      'load balancer capacity',
      (workload.requestsPerSecond / 1000) * LB_CAPACITY_PER_THOUSAND_RPS * HOURS_PER_MONTH * duty(workload),
    ),
    line('CloudFront', 'cloudfront data', workload.edgeGb),
    // Order entry may go to the load balancer directly; a tenth of the requests comes through CloudFront.
    line('CloudFront', 'cloudfront requests', workload.requestsMillion / 10),
    line('WAF', 'waf requests', workload.requestsMillion),
    line('Cognito', 'cognito user', workload.users),
    line('CloudWatch', 'cloudwatch logs', workload.logGb),
    line('GuardDuty', 'guardduty flow logs', workload.logGb),
    line(
      'X-Ray',
      'xray traces',
      Math.min(workload.requestsMillion, 100) * (environment.operations.traceSamplingPercent / 100),
    ),
    line('API Gateway', 'api gateway requests', apiRequests),
  ]
}

/** The part of the month that runs at the full rate. */
function duty({ requestsMillion, requestsPerSecond }: Workload): number {
  return (requestsMillion * 1e6) / (requestsPerSecond * HOURS_PER_MONTH * 3600)
}

function redisNodes(groups: readonly Properties[]): number {
  return sum(groups, ({ NumCacheClusters, NumNodeGroups, ReplicasPerNodeGroup }) =>
    NumNodeGroups === undefined
      ? Number(NumCacheClusters)
      : Number(NumNodeGroups) * (1 + Number(ReplicasPerNodeGroup)),
  )
}

function line(service: string, name: PriceName, quantity: number): Line {
  const listed = PRICES[name]
  if (quantity > 0 && listed === undefined) throw new Error(`no price for ${name}`)
  return { service, price: name, quantity, usdMonthly: quantity * (listed?.usd ?? 0) }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sofar, item) => sofar + of(item), 0)
}

function field(value: unknown, name: string): number {
  return Number((value as Readonly<Record<string, unknown>>)[name] ?? 0)
}
