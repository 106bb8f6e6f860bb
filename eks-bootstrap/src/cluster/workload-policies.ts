import * as iam from 'aws-cdk-lib/aws-iam'
import { kafkaArn } from '../data/log-cluster.ts'
import { type Environment } from '../environment.ts'
import { type Region } from '../regions.ts'
import { keyAlias } from '../security/keys-stack.ts'

type Kafka = {
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
  readonly group?: string
}

type Workload = {
  readonly kafka?: Kafka
  readonly buckets?: { readonly reads?: readonly string[]; readonly writes?: readonly string[] }
  readonly extra?: (place: Place) => readonly iam.PolicyStatement[]
}

export type Place = { readonly environment: Environment; readonly region: Region }

const DEAD_LETTERS = 'dead-letters.*'
const TOPICS = ['risk.in', 'orders.in', 'risk.out', 'orders.out', 'replies', DEAD_LETTERS]

/** Metrics travel as log lines; CloudWatch reads them out. */
export const METRICS_LOG_GROUP = '/bourse/metrics'

/**
 * What each service may do in AWS: the topics of its arrows in the flow, its buckets, and nothing else. Passwords come
 * through External Secrets, so only that operator reads them.
 */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  gateway: {
    kafka: { writes: ['risk.in'], reads: ['replies'] },
    extra: (place) => [assumeSessionRole(place)],
  },
  identity: { extra: (place) => [assumeSessionRole(place)] },
  operator: {
    kafka: {
      writes: ['risk.in'],
      reads: ['risk.in', 'risk.out', 'orders.in', 'orders.out', DEAD_LETTERS],
      group: 'operator',
    },
    buckets: { reads: ['snapshots'] },
    extra: (place) => [administerTopics(place)],
  },
  'risk-engine': {
    kafka: {
      reads: ['risk.in'],
      writes: ['risk.in', 'orders.in', 'risk.out', 'replies'],
      group: 'risk-engine',
    },
    buckets: { reads: ['snapshots'], writes: ['snapshots'] },
  },
  'matching-engine': {
    kafka: { reads: ['orders.in'], writes: ['orders.out', 'risk.in', 'orders.in'], group: 'matching-engine' },
    buckets: { reads: ['snapshots'], writes: ['snapshots'] },
  },
  settlement: { kafka: { reads: ['risk.out', 'orders.out'], writes: [DEAD_LETTERS], group: 'settlement' } },
  'market-data': { kafka: { reads: ['orders.out', 'risk.out'], group: 'market-data' } },
  archive: {
    kafka: { reads: ['risk.out', 'orders.out', DEAD_LETTERS], writes: [DEAD_LETTERS], group: 'archive' },
    buckets: { writes: ['archive', 'audit'] },
  },
}

/** The operators' service accounts: namespace, name and statements. */
export const OPERATORS = [
  { namespace: 'keda', name: 'keda-operator', statements: (place: Place) => lagReader(place) },
  {
    namespace: 'external-secrets',
    name: 'external-secrets',
    statements: (place: Place) => secretReader(place),
  },
  { namespace: 'observability', name: 'collector', statements: (place: Place) => telemetryWriter(place) },
  { namespace: 'amazon-cloudwatch', name: 'cloudwatch-agent', statements: (place: Place) => agent(place) },
  {
    namespace: 'kube-system',
    name: 'efs-csi-controller-sa',
    statements: (place: Place) => fileMounter(place),
  },
] as const

export function workloadStatements(workload: Workload, place: Place): readonly iam.PolicyStatement[] {
  const { kafka, buckets, extra } = workload
  return [
    ...(kafka === undefined ? [] : kafkaStatements(kafka, place)),
    ...(buckets === undefined ? [] : bucketStatements(buckets, place)),
    ...(extra?.(place) ?? []),
  ]
}

function kafkaStatements({ reads = [], writes = [], group }: Kafka, place: Place): iam.PolicyStatement[] {
  const topics = (names: readonly string[]) => names.map((name) => arn(place, 'topic', name))
  const statements = [
    allow(['kafka-cluster:Connect', 'kafka-cluster:WriteDataIdempotently'], [arn(place, 'cluster', '')]),
  ]
  const described = [...new Set([...reads, ...writes])]
  statements.push(allow(['kafka-cluster:DescribeTopic'], topics(described)))
  if (reads.length > 0) statements.push(allow(['kafka-cluster:ReadData'], topics(reads)))
  if (writes.length > 0) statements.push(allow(['kafka-cluster:WriteData'], topics(writes)))
  if (group !== undefined) {
    const actions = ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup']
    statements.push(allow(actions, [arn(place, 'group', group)]))
  }
  return statements
}

function bucketStatements(
  { reads = [], writes = [] }: NonNullable<Workload['buckets']>,
  { environment, region }: Place,
): iam.PolicyStatement[] {
  const bucket = (noun: string) =>
    `arn:aws:s3:::bourse-${environment.name}-${noun}-${environment.account}-${region}`
  const statements = []
  if (reads.length > 0) {
    statements.push(
      allow(
        ['s3:GetObject'],
        reads.map((noun) => `${bucket(noun)}/*`),
      ),
    )
    statements.push(allow(['s3:ListBucket'], reads.map(bucket)))
  }
  if (writes.length > 0) {
    statements.push(
      allow(
        ['s3:PutObject', 's3:AbortMultipartUpload'],
        writes.map((noun) => `${bucket(noun)}/*`),
      ),
    )
  }
  return [...statements, useDataKey({ environment, region }, 's3', ['kms:Decrypt', 'kms:GenerateDataKey'])]
}

function assumeSessionRole({ environment: { name, account } }: Place): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['sts:AssumeRole', 'sts:TagSession'],
    resources: [`arn:aws:iam::${account}:role/${sessionRoleName(name)}`],
    conditions: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['userId'] } },
  })
}

/** The role a service takes for one user: it sees that user's sessions alone. */
export function sessionRoleName(environmentName: string): string {
  return `bourse-${environmentName}-user-sessions`
}

/** Topics are made by a person's command and never by a broker. */
function administerTopics(place: Place): iam.PolicyStatement {
  const actions = [
    'CreateTopic',
    'AlterTopic',
    'DescribeTopicDynamicConfiguration',
    'AlterTopicDynamicConfiguration',
  ]
  return allow(
    actions.map((action) => `kafka-cluster:${action}`),
    TOPICS.map((topic) => arn(place, 'topic', topic)),
  )
}

function lagReader(place: Place): iam.PolicyStatement[] {
  return [
    allow(['kafka-cluster:Connect'], [arn(place, 'cluster', '')]),
    allow(['kafka-cluster:DescribeTopic'], [arn(place, 'topic', '*')]),
    allow(['kafka-cluster:DescribeGroup'], [arn(place, 'group', '*')]),
  ]
}

function secretReader(place: Place): iam.PolicyStatement[] {
  const { name, account } = place.environment
  const secret = `arn:aws:secretsmanager:${place.region}:${account}:secret:bourse/${name}/*`
  return [
    allow(['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], [secret]),
    allow(
      ['ssm:GetParameter', 'ssm:GetParameters'],
      [`arn:aws:ssm:${place.region}:${account}:parameter/bourse/${name}/*`],
    ),
    useDataKey(place, 'secretsmanager', ['kms:Decrypt']),
  ]
}

/** X-Ray takes segments and metrics take data points without a resource to name. */
function telemetryWriter(place: Place): iam.PolicyStatement[] {
  const sampling = ['xray:GetSamplingRules', 'xray:GetSamplingTargets']
  return [
    allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords', ...sampling], ['*']),
    putMetrics('Bourse'),
    writeLogs(place, METRICS_LOG_GROUP),
  ]
}

/** The CloudWatch agent and its log shipper: nodes keep their own credentials out of pods' reach. */
function agent(place: Place): iam.PolicyStatement[] {
  return [
    putMetrics('ContainerInsights', 'CWAgent'),
    writeLogs(place, `/aws/containerinsights/bourse-${place.environment.name}-exchange/*`),
    allow(['ec2:DescribeTags', 'ec2:DescribeVolumes', 'ec2:DescribeInstances'], ['*']),
  ]
}

function putMetrics(...namespaces: readonly string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['cloudwatch:PutMetricData'],
    resources: ['*'],
    conditions: { StringEquals: { 'cloudwatch:namespace': [...namespaces] } },
  })
}

function writeLogs({ environment, region }: Place, logGroup: string): iam.PolicyStatement {
  const actions = [
    'CreateLogGroup',
    'CreateLogStream',
    'DescribeLogStreams',
    'PutLogEvents',
    'PutRetentionPolicy',
  ]
  return allow(
    actions.map((action) => `logs:${action}`),
    [`arn:aws:logs:${region}:${environment.account}:log-group:${logGroup}:*`],
  )
}

function fileMounter({ environment, region }: Place): iam.PolicyStatement[] {
  const files = `arn:aws:elasticfilesystem:${region}:${environment.account}`
  return [
    allow(
      ['elasticfilesystem:DescribeAccessPoints', 'elasticfilesystem:DescribeFileSystems'],
      [`${files}:file-system/*`],
    ),
    allow(['elasticfilesystem:DescribeMountTargets'], [`${files}:file-system/*`]),
    allow(['ec2:DescribeAvailabilityZones'], ['*']),
  ]
}

/** The key by its alias: other keys of the account stay closed, and only this service's calls pass. */
function useDataKey(
  { environment, region }: Place,
  service: string,
  actions: readonly string[],
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: [...actions],
    resources: [`arn:aws:kms:${region}:${environment.account}:key/*`],
    conditions: {
      'ForAnyValue:StringEquals': { 'kms:ResourceAliases': keyAlias(environment.name, 'data') },
      StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
    },
  })
}

function arn({ environment, region }: Place, kind: 'cluster' | 'topic' | 'group', name: string): string {
  return kafkaArn({ account: environment.account, region }, `bourse-${environment.name}`, kind, name)
}

function allow(actions: readonly string[], resources: readonly string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions: [...actions], resources: [...resources] })
}
