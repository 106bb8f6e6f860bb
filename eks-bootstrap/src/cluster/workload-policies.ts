import * as iam from 'aws-cdk-lib/aws-iam'
import { kafkaArn } from '../data/log-cluster.ts'
import { type Environment, type Features } from '../environment.ts'
import { alarmTopicArn, heartbeatTopicArn } from '../observability/alarm-topic.ts'
import { type Region } from '../regions.ts'
import { keyAlias, type Purpose } from '../security/keys-stack.ts'
import { type Role } from '../stack.ts'

type Kafka = {
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
  readonly group?: string
  /** Of the same service while it follows in the recovery region. */
  readonly standbyGroup?: string
  /** What its client calls itself, when not by the service's name. */
  readonly clientId?: string
}

type Folders = { readonly reads?: readonly string[]; readonly writes?: readonly string[] }

type Workload = {
  /** Of one site alone. @default of both */
  readonly only?: Role
  readonly kafka?: Kafka
  /** Folders in the bucket `audit`, with patterns: what is written there is under lock in production, in both regions. */
  readonly audit?: Folders
  /** Folders in the bucket `archive`, which is asked as tables. */
  readonly archive?: Folders
  readonly extra?: (place: Place) => readonly iam.PolicyStatement[]
  /** What a flag of the primary site adds. */
  readonly features?: Partial<Record<keyof Features, (place: Place) => readonly iam.PolicyStatement[]>>
}

export type Place = { readonly environment: Environment; readonly region: Region }

const DEAD_LETTERS = 'dead-letters.*'
/** Each begins with a record that names it, written by whoever creates it. */
const LOGS = ['risk.in', 'orders.in', 'risk.out', 'orders.out']
/** What every pod waits for before it starts: that each is there. */
const AWAITED = [...LOGS, 'replies']
const TOPICS = [...AWAITED, DEAD_LETTERS]
const INPUTS = ['risk.in', 'orders.in']
/** What the replicator names its copies, behind the source's alias. */
const INPUT_COPIES = ['*.risk.in', '*.orders.in']

/** The archive of the inputs has a folder for each epoch: every recovery begins another. */
const INPUT_ARCHIVE = 'epoch-*/inputs'
/** So have the tables. */
const TABLES = ['epoch-*/events', 'epoch-*/trades']

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
    features: { dax: readCache, orderQueue: takeOrders },
  },
  identity: { extra: (place) => [assumeSessionRole(place)], features: { dax: readCache } },
  operator: {
    kafka: { writes: LOGS, reads: [...LOGS, ...INPUT_COPIES, DEAD_LETTERS] },
    // When everything else is lost, it cuts what was archived.
    audit: { reads: [INPUT_ARCHIVE] },
    extra: (place) => [administerTopics(place, TOPICS), seeEngineGroups(place)],
    features: { openSearch: (place) => [search(place, ['Get', 'Post'])] },
  },
  'cut-follower': {
    only: 'standby',
    kafka: { reads: [...INPUTS, ...INPUT_COPIES], writes: INPUTS, clientId: 'operator' },
    extra: (place) => [administerTopics(place, INPUTS)],
  },
  'risk-engine': {
    kafka: {
      reads: ['risk.in'],
      writes: ['risk.in', 'orders.in', 'risk.out', 'replies'],
      group: 'risk-engine',
      standbyGroup: 'risk-engine-standby-region',
    },
  },
  'matching-engine': {
    kafka: {
      reads: ['orders.in'],
      writes: ['orders.out', 'risk.in', 'orders.in'],
      group: 'matching-engine',
      standbyGroup: 'matching-engine-standby-region',
    },
  },
  settlement: { kafka: { reads: ['risk.out', 'orders.out'], group: 'settlement' } },
  'market-data': {
    kafka: { reads: ['orders.out', 'risk.out'], group: 'market-data' },
    features: { eventBus: publishEvents },
  },
  archive: {
    kafka: { reads: ['risk.in', 'orders.in'], group: 'archive' },
    audit: { reads: [INPUT_ARCHIVE], writes: [INPUT_ARCHIVE] },
    features: { tradeStream: streamTrades, openSearch: (place) => [search(place, ['Post', 'Put'])] },
  },
  analytics: {
    kafka: { reads: ['risk.out', 'orders.out'], group: 'analytics' },
    archive: { reads: TABLES, writes: TABLES },
  },
}

const roleAt = ({ environment, region }: Place): Role =>
  region === environment.primaryRegion ? 'primary' : 'standby'

/** Those of a site, by their names. */
export const workloadsAt = (place: Place): readonly (readonly [name: string, workload: Workload])[] =>
  Object.entries(WORKLOADS).filter(([, { only }]) => only === undefined || only === roleAt(place))

/** The operators' service accounts: namespace, name and statements. */
export const OPERATORS = [
  { namespace: 'keda', name: 'keda-operator', statements: (place: Place) => lagReader(place) },
  {
    namespace: 'external-secrets',
    name: 'external-secrets',
    statements: (place: Place) => secretReader(place),
  },
  { namespace: 'observability', name: 'collector', statements: (place: Place) => telemetryWriter(place) },
  { namespace: 'observability', name: 'alertmanager', statements: (place: Place) => alarmRaiser(place) },
  { namespace: 'amazon-cloudwatch', name: 'cloudwatch-agent', statements: (place: Place) => agent(place) },
  {
    namespace: 'kube-system',
    name: 'efs-csi-controller-sa',
    statements: (place: Place) => fileMounter(place),
  },
] as const

export function workloadStatements(
  name: string,
  workload: Workload,
  place: Place,
): readonly iam.PolicyStatement[] {
  const { kafka, audit, archive, extra, features = {} } = workload
  const { primaryRegion, features: flags } = place.environment
  const added = Object.entries(features).filter(
    ([flag]) => place.region === primaryRegion && flags[flag as keyof Features],
  )
  return [
    ...(kafka === undefined ? [] : kafkaStatements(name, kafka, place)),
    ...(audit === undefined ? [] : bucketStatements('audit', audit, place)),
    ...(archive === undefined ? [] : bucketStatements('archive', archive, place)),
    ...(extra?.(place) ?? []),
    ...added.flatMap(([, statements]) => statements(place)),
  ]
}

function kafkaStatements(
  name: string,
  { reads = [], writes = [], group, standbyGroup, clientId = name }: Kafka,
  place: Place,
): iam.PolicyStatement[] {
  const topics = (names: readonly string[]) => names.map((topic) => arn(place, 'topic', topic))
  const connecting = ['kafka-cluster:Connect']
  if (writes.length > 0) connecting.push('kafka-cluster:WriteDataIdempotently')
  const statements = [allow(connecting, [arn(place, 'cluster', '')])]
  const described = [...new Set([...AWAITED, ...reads, ...writes])]
  statements.push(allow(['kafka-cluster:DescribeTopic'], topics(described)))
  if (reads.length > 0) statements.push(allow(['kafka-cluster:ReadData'], topics(reads)))
  if (writes.length > 0) statements.push(allow(['kafka-cluster:WriteData'], topics(writes)))
  // The client asks who coordinates its group's name, also where it follows partitions outside any group.
  if (reads.length > 0)
    statements.push(allow(['kafka-cluster:DescribeGroup'], [arn(place, 'group', `${clientId}*`)]))
  const joined = [group, roleAt(place) === 'standby' ? standbyGroup : undefined].filter(
    (each) => each !== undefined,
  )
  if (joined.length > 0)
    statements.push(
      allow(
        ['kafka-cluster:AlterGroup'],
        joined.map((each) => arn(place, 'group', each)),
      ),
    )
  return statements
}

/** Nobody deletes: what writes may not even overwrite, for it asks for names that are free. */
function bucketStatements(
  name: 'audit' | 'archive',
  { reads = [], writes = [] }: Folders,
  { environment, region }: Place,
): iam.PolicyStatement[] {
  const bucket = `arn:aws:s3:::bourse-${environment.name}-${name}-${environment.account}-${region}`
  const objects = (folders: readonly string[]) => folders.map((folder) => `${bucket}/${folder}/*`)
  const statements = []
  if (reads.length > 0) {
    statements.push(allow(['s3:GetObject'], objects(reads)))
    statements.push(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [bucket],
        conditions: { StringLike: { 's3:prefix': reads.map((folder) => `${folder}/*`) } },
      }),
    )
  }
  if (writes.length > 0) statements.push(allow(['s3:PutObject'], objects(writes)))
  const actions = writes.length > 0 ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt']
  return [...statements, useKey({ environment, region }, 'data', 's3', actions)]
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
function administerTopics(place: Place, topics: readonly string[]): iam.PolicyStatement {
  const actions = [
    'CreateTopic',
    'AlterTopic',
    'DescribeTopicDynamicConfiguration',
    'AlterTopicDynamicConfiguration',
  ]
  return allow(
    actions.map((action) => `kafka-cluster:${action}`),
    topics.map((topic) => arn(place, 'topic', topic)),
  )
}

/** Before a cut is opened: nothing that an engine committed may be there. */
function seeEngineGroups(place: Place): iam.PolicyStatement {
  const groups = ['risk-engine', 'matching-engine'].map((name) => arn(place, 'group', name))
  return allow(['kafka-cluster:DescribeGroup'], groups)
}

/** DAX knows no leading keys: who reads through it is trusted with every user's sessions. */
function readCache({ environment: { name, account }, region }: Place): iam.PolicyStatement[] {
  const actions = ['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].map((verb) => `dax:${verb}`)
  return [allow(actions, [`arn:aws:dax:${region}:${account}:cache/${cacheName(name)}`])]
}

/** As DAX allows it: twenty characters. */
export function cacheName(environmentName: string): string {
  return `bourse-${environmentName}`.slice(0, 20)
}

function takeOrders(place: Place): iam.PolicyStatement[] {
  const { name, account } = place.environment
  const actions = [
    'ReceiveMessage',
    'DeleteMessage',
    'ChangeMessageVisibility',
    'GetQueueAttributes',
    'GetQueueUrl',
  ]
  return [
    allow(
      actions.map((action) => `sqs:${action}`),
      [`arn:aws:sqs:${place.region}:${account}:bourse-${name}-orders.fifo`],
    ),
    useKey(place, 'messages', 'sqs', ['kms:Decrypt']),
  ]
}

function publishEvents({ environment: { name, account }, region }: Place): iam.PolicyStatement[] {
  return [
    allow(['events:PutEvents'], [`arn:aws:events:${region}:${account}:event-bus/bourse-${name}-events`]),
  ]
}

function streamTrades(place: Place): iam.PolicyStatement[] {
  const { name, account } = place.environment
  return [
    allow(
      ['kinesis:PutRecord', 'kinesis:PutRecords', 'kinesis:DescribeStreamSummary', 'kinesis:ListShards'],
      [`arn:aws:kinesis:${place.region}:${account}:stream/bourse-${name}-trades`],
    ),
    useKey(place, 'data', 'kinesis', ['kms:GenerateDataKey']),
  ]
}

function search(
  { environment: { name, account }, region }: Place,
  verbs: readonly string[],
): iam.PolicyStatement {
  return allow(
    verbs.map((verb) => `es:ESHttp${verb}`),
    [`arn:aws:es:${region}:${account}:domain/bourse-${name}-search/*`],
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
    useKey(place, 'data', 'secretsmanager', ['kms:Decrypt']),
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

function alarmRaiser(place: Place): iam.PolicyStatement[] {
  const { environment, region } = place
  const topics = [alarmTopicArn(environment, region), heartbeatTopicArn(environment, region)]
  return [
    allow(['sns:Publish'], topics),
    useKey(place, 'messages', 'sns', ['kms:Decrypt', 'kms:GenerateDataKey']),
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
function useKey(
  { environment, region }: Place,
  purpose: Purpose,
  service: string,
  actions: readonly string[],
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: [...actions],
    resources: [`arn:aws:kms:${region}:${environment.account}:key/*`],
    conditions: {
      'ForAnyValue:StringEquals': { 'kms:ResourceAliases': keyAlias(environment.name, purpose) },
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
