import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as dax from 'aws-cdk-lib/aws-dax'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as events from 'aws-cdk-lib/aws-events'
import * as eventschemas from 'aws-cdk-lib/aws-eventschemas'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as opensearch from 'aws-cdk-lib/aws-opensearchservice'
import * as redshift from 'aws-cdk-lib/aws-redshiftserverless'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import type * as kms from 'aws-cdk-lib/aws-kms'
import { type Construct } from 'constructs'
import { cacheName } from '../cluster/workload-policies.ts'
import { type DataStack } from '../data/data-stack.ts'
import { type Features } from '../environment.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { PORT } from '../network/security-groups.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { TradeStream } from './trade-stream.ts'

type IntegrationsStackProps = SiteProps & {
  readonly network: NetworkStack
  readonly data: DataStack
  readonly archive: s3.IBucket
  readonly keys: KeysStack['keys']
}

const RECEIVES_MAX = 5
const QUEUE_DAYS = 14
const WAREHOUSE_RPUS = 8
const SEARCH_DISK_GIB = 50
const EVENT_ARCHIVE_DAYS = 30

/** The flags that put something into this stack. */
const FLAGS = ['dax', 'redshift', 'openSearch', 'eventBus', 'orderQueue', 'tradeStream'] as const

export function hasIntegrations(features: Features): boolean {
  return FLAGS.some((flag) => features[flag])
}

/** Services that an exchange runs well without, for who wants them: each behind its flag. */
export class IntegrationsStack extends BourseStack {
  readonly #network: NetworkStack
  readonly #keys: KeysStack['keys']

  constructor(scope: Construct, props: IntegrationsStackProps) {
    super(scope, 'Integrations', {
      ...props,
      description: 'Optional stores and channels, each behind its flag',
      dataClassification: 'confidential',
    })
    this.#network = props.network
    this.#keys = props.keys
    const { features } = this.config
    if (features.dax) this.#dax(props.data)
    if (features.redshift) this.#warehouse(props.archive)
    if (features.openSearch) this.#search()
    if (features.eventBus) this.#eventBus()
    if (features.orderQueue) this.#orderQueue(props.keys.messages)
    if (features.tradeStream) {
      const { archive, keys } = props
      new TradeStream(this, 'TradeStream', {
        environment: this.config,
        archive,
        key: keys.data,
        logsKey: keys.logs,
      })
    }
  }

  /** Microseconds for repeated reads of sessions; its clients need AWS's own library. */
  #dax({ sessions }: DataStack): void {
    const role = new iam.Role(this, 'DaxRole', { assumedBy: new iam.ServicePrincipal('dax.amazonaws.com') })
    sessions.table.grantReadWriteData(role)
    const subnetIds = this.#network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds
    const subnets = new dax.CfnSubnetGroup(this, 'DaxSubnets', { subnetIds })
    new dax.CfnCluster(this, 'Dax', {
      clusterName: cacheName(this.config.name),
      nodeType: 'dax.r5.large',
      replicationFactor: 3,
      iamRoleArn: role.roleArn,
      subnetGroupName: subnets.ref,
      securityGroupIds: [this.#securityGroup('Dax', PORT.dax).securityGroupId],
      sseSpecification: { sseEnabled: true },
      clusterEndpointEncryptionType: 'TLS',
    })
  }

  /** Serverless, reading the archive in place through the catalogue. */
  #warehouse(archive: s3.IBucket): void {
    const role = new iam.Role(this, 'WarehouseRole', {
      assumedBy: new iam.CompositePrincipal(
        new iam.ServicePrincipal('redshift.amazonaws.com'),
        new iam.ServicePrincipal('redshift-serverless.amazonaws.com'),
      ),
    })
    archive.grantRead(role, 'epoch-*/trades/*')
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [
          'GetDatabase',
          'GetDatabases',
          'GetTable',
          'GetTables',
          'GetPartition',
          'GetPartitions',
          'BatchGetPartition',
        ].map((action) => `glue:${action}`),
        resources: [
          'catalog',
          `database/bourse_${this.config.name}`,
          `table/bourse_${this.config.name}/*`,
        ].map((resource) => `arn:aws:glue:${this.regionName}:${this.account}:${resource}`),
      }),
    )
    const namespace = new redshift.CfnNamespace(this, 'Warehouse', {
      namespaceName: this.localName('warehouse'),
      dbName: 'bourse',
      manageAdminPassword: true,
      adminPasswordSecretKmsKeyId: this.#keys.data.keyArn,
      kmsKeyId: this.#keys.data.keyArn,
      iamRoles: [role.roleArn],
      logExports: ['useractivitylog', 'userlog', 'connectionlog'],
    })
    new redshift.CfnWorkgroup(this, 'WarehouseCapacity', {
      workgroupName: this.localName('warehouse'),
      namespaceName: namespace.ref,
      baseCapacity: WAREHOUSE_RPUS,
      // With it, the catalogue would be asked for from the data tier, which has no way there.
      enhancedVpcRouting: false,
      publiclyAccessible: false,
      subnetIds: this.#network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds,
      securityGroupIds: [this.#securityGroup('Warehouse', PORT.redshift).securityGroupId],
      configParameters: [{ parameterKey: 'require_ssl', parameterValue: 'true' }],
    }).addResourceDependency(namespace)
  }

  #search(): void {
    const logGroup = (kind: string) =>
      new logs.LogGroup(this, `Search-${kind}`, {
        logGroupName: `/bourse/${this.config.name}/search-${kind}`,
        retention: this.config.operations.logRetentionDays,
        encryptionKey: this.#keys.logs,
        removalPolicy: RemovalPolicy.DESTROY,
      })
    const policy = new logs.ResourcePolicy(this, 'SearchWritesLogs', {
      policyStatements: [
        new iam.PolicyStatement({
          principals: [new iam.ServicePrincipal('es.amazonaws.com')],
          actions: ['logs:PutLogEvents', 'logs:CreateLogStream'],
          resources: [
            `arn:aws:logs:${this.regionName}:${this.account}:log-group:/bourse/${this.config.name}/search-*:*`,
          ],
        }),
      ],
    })
    const domain = new opensearch.Domain(this, 'Search', {
      domainName: this.localName('search'),
      version: opensearch.EngineVersion.OPENSEARCH_2_19,
      vpc: this.#network.vpc,
      vpcSubnets: [{ subnetGroupName: 'data' }],
      securityGroups: [this.#securityGroup('Search', PORT.https)],
      zoneAwareness: { enabled: true, availabilityZoneCount: 3 },
      capacity: {
        dataNodes: 3,
        dataNodeInstanceType: 'm6g.large.search',
        masterNodes: 3,
        masterNodeInstanceType: 'm6g.large.search',
        multiAzWithStandbyEnabled: false,
      },
      ebs: { volumeSize: SEARCH_DISK_GIB, volumeType: ec2.EbsDeviceVolumeType.GP3 },
      encryptionAtRest: { enabled: true, kmsKey: this.#keys.data },
      nodeToNodeEncryption: true,
      enforceHttps: true,
      tlsSecurityPolicy: opensearch.TLSSecurityPolicy.TLS_1_2_PFS,
      logging: {
        slowSearchLogEnabled: true,
        slowSearchLogGroup: logGroup('slow-searches'),
        slowIndexLogEnabled: true,
        slowIndexLogGroup: logGroup('slow-indexing'),
        appLogEnabled: true,
        appLogGroup: logGroup('application'),
      },
      suppressLogsResourcePolicy: true,
      accessPolicies: [
        new iam.PolicyStatement({
          principals: [new iam.AccountRootPrincipal()],
          actions: ['es:ESHttpGet', 'es:ESHttpPost', 'es:ESHttpPut'],
          resources: [`arn:aws:es:${this.regionName}:${this.account}:domain/${this.localName('search')}/*`],
        }),
      ],
      removalPolicy: RemovalPolicy.DESTROY,
    })
    domain.node.addDependency(policy)
  }

  /**
   * What outsiders subscribe to: the bus, its schemas discovered from traffic, and a month to replay. Encrypted with AWS's
   * own key, for there is no discovery on a bus with a key of ours.
   */
  #eventBus(): void {
    const bus = new events.EventBus(this, 'Bus', {
      eventBusName: this.localName('events'),
      description: 'Public events of the exchange',
    })
    bus.archive('Archive', {
      archiveName: this.localName('events'),
      retention: Duration.days(EVENT_ARCHIVE_DAYS),
      eventPattern: { account: [this.account] },
    })
    new eventschemas.CfnRegistry(this, 'Schemas', { registryName: this.localName('events') })
    new eventschemas.CfnDiscoverer(this, 'Discovery', { sourceArn: bus.eventBusArn, crossAccount: false })
  }

  /** Orders from partners who can only enqueue; a consumer hands them to the gateway under their own ids. */
  #orderQueue(encryptionMasterKey: kms.IKey): void {
    const queue = { fifo: true, encryption: sqs.QueueEncryption.KMS, encryptionMasterKey, enforceSSL: true }
    const deadLetters = new sqs.Queue(this, 'RefusedOrders', {
      ...queue,
      queueName: `${this.localName('orders-refused')}.fifo`,
      retentionPeriod: Duration.days(QUEUE_DAYS),
    })
    new sqs.Queue(this, 'Orders', {
      ...queue,
      queueName: `${this.localName('orders')}.fifo`,
      contentBasedDeduplication: false,
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      visibilityTimeout: Duration.seconds(30),
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: RECEIVES_MAX },
    })
  }

  /** Reached by pods on one port, and reaching nothing. */
  #securityGroup(id: string, port: number): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, `${id}Group`, {
      vpc: this.#network.vpc,
      description: `${id}: ${port} from pods`,
      allowAllOutbound: false,
    })
    const pods = this.#network.securityGroups.pods
    group.addIngressRule(pods, ec2.Port.tcp(port), `${port} from pods`)
    new ec2.CfnSecurityGroupEgress(this, `${id}FromPods`, {
      groupId: pods.securityGroupId,
      destinationSecurityGroupId: group.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description: `${port} to ${id}`,
    })
    return group
  }
}
