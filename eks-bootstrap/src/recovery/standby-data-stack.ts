import { RemovalPolicy } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as msk from 'aws-cdk-lib/aws-msk'
import * as rds from 'aws-cdk-lib/aws-rds'
import { type Construct } from 'constructs'
import { AURORA_ENGINE, AURORA_PARAMETERS, globalClusterName } from '../data/aurora.ts'
import { growDisks, kafkaArn, LogCluster } from '../data/log-cluster.ts'
import { Redis } from '../data/redis.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { AURORA_POSTGRESQL_VERSION } from '../versions.ts'
import { StandbyExchangeDatabase } from './standby-exchange.ts'

const READERS = 2

type StandbyDataStackProps = SiteProps & {
  readonly network: NetworkStack
  readonly keys: KeysStack['keys']
  /** The log that is copied, and the data tier it stands in. */
  readonly source: { readonly logArn: string; readonly subnetIds: readonly string[] }
}

/**
 * The stores of the recovery region. The log has copies of the inputs, which end at different points; `bourse cut`
 * makes them one state as they come, and an exchange follows that: engines, a database of its own and a cache, which
 * serve after a failover. The copy of the lost exchange's database is a second behind and may know what the cut
 * drops: it is evidence.
 */
export class StandbyDataStack extends BourseStack {
  readonly log: LogCluster
  readonly redis: Redis
  readonly exchange: StandbyExchangeDatabase

  constructor(scope: Construct, props: StandbyDataStackProps) {
    super(scope, 'Data', {
      ...props,
      description:
        'Replicated log, database and cache of the exchange that follows, and the copy of the lost one',
      dataClassification: 'restricted',
    })
    const { network, keys } = props
    const shared = { environment: this.config, network, dataKey: keys.data, logsKey: keys.logs }
    this.log = new LogCluster(this, 'Log', shared)
    growDisks(this, this.log, this.config.data.kafka.volumeGib)
    this.redis = new Redis(this, 'Redis', shared)
    this.exchange = new StandbyExchangeDatabase(this, 'StandbyExchange', shared)
    this.#copyOfDatabase(props)
    this.#replicate(props)
  }

  #copyOfDatabase({ network, keys }: StandbyDataStackProps): void {
    const identifier = this.localName('standby')
    const subnets = new rds.CfnDBSubnetGroup(this, 'AuroraSubnets', {
      dbSubnetGroupDescription: 'The data tier',
      subnetIds: network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds,
    })
    const parameters = new rds.ParameterGroup(this, 'AuroraParameters', {
      engine: AURORA_ENGINE,
      parameters: AURORA_PARAMETERS,
    })
    const cluster = new rds.CfnDBCluster(this, 'Aurora', {
      dbClusterIdentifier: identifier,
      globalClusterIdentifier: globalClusterName(this.config.name),
      engine: 'aurora-postgresql',
      engineVersion: AURORA_POSTGRESQL_VERSION,
      dbSubnetGroupName: subnets.ref,
      dbClusterParameterGroupName: parameters.bindToCluster({}).parameterGroupName,
      vpcSecurityGroupIds: [network.securityGroups.aurora.securityGroupId],
      storageEncrypted: true,
      kmsKeyId: keys.data.keyArn,
      enableIamDatabaseAuthentication: true,
      backupRetentionPeriod: this.config.data.aurora.backupRetentionDays,
      copyTagsToSnapshot: true,
      deletionProtection: true,
      enableCloudwatchLogsExports: ['postgresql'],
    })
    cluster.applyRemovalPolicy(RemovalPolicy.RETAIN)
    const monitoringRole = new iam.Role(this, 'AuroraMonitoring', {
      assumedBy: new iam.ServicePrincipal('monitoring.rds.amazonaws.com'),
      managedPolicies: [
        iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonRDSEnhancedMonitoringRole'),
      ],
    })
    for (let index = 1; index <= READERS; index++) {
      new rds.CfnDBInstance(this, `Aurora-${index}`, {
        dbInstanceIdentifier: `${identifier}-${index}`,
        dbClusterIdentifier: cluster.ref,
        dbInstanceClass: `db.${new ec2.InstanceType(this.config.data.aurora.instanceType).toString()}`,
        engine: 'aurora-postgresql',
        autoMinorVersionUpgrade: true,
        publiclyAccessible: false,
        enablePerformanceInsights: true,
        performanceInsightsKmsKeyId: keys.data.keyArn,
        monitoringInterval: 60,
        monitoringRoleArn: monitoringRole.roleArn,
      })
    }
  }

  /**
   * The inputs of the engines, from their beginnings, under the source's alias: what engines write they write again, and
   * the names without it are the recovered exchange's own. Topic settings are not copied: with LogAppendTime the
   * copies would have the copy's time. Nor are groups: their offsets are of other topics than the recovered ones.
   */
  #replicate({ network, source }: StandbyDataStackProps): void {
    const targetArn = this.log.cluster.attrArn
    const replicator = new msk.CfnReplicator(this, 'Replicator', {
      replicatorName: this.localName('log'),
      serviceExecutionRoleArn: this.#replicatorRole().roleArn,
      kafkaClusters: [
        // Read through private connectivity, which has no security group of ours.
        {
          amazonMskCluster: { mskClusterArn: source.logArn },
          vpcConfig: { subnetIds: [...source.subnetIds] },
        },
        {
          amazonMskCluster: { mskClusterArn: targetArn },
          vpcConfig: {
            subnetIds: network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds,
            securityGroupIds: [network.securityGroups.kafka.securityGroupId],
          },
        },
      ],
      replicationInfoList: [
        {
          sourceKafkaClusterArn: source.logArn,
          targetKafkaClusterArn: targetArn,
          targetCompressionType: 'NONE',
          topicReplication: {
            topicsToReplicate: ['risk\\.in', 'orders\\.in'],
            copyTopicConfigurations: false,
            copyAccessControlListsForTopics: false,
            detectAndCopyNewTopics: true,
            startingPosition: { type: 'EARLIEST' },
            topicNameConfiguration: { type: 'PREFIXED_WITH_SOURCE_CLUSTER_ALIAS' },
          },
          consumerGroupReplication: {
            consumerGroupsToReplicate: [],
            detectAndCopyNewConsumerGroups: false,
            synchroniseConsumerGroupOffsets: false,
          },
        },
      ],
    })
    replicator.applyRemovalPolicy(RemovalPolicy.DESTROY)
  }

  #replicatorRole(): iam.Role {
    const role = new iam.Role(this, 'ReplicatorRole', {
      assumedBy: new iam.ServicePrincipal('kafka.amazonaws.com'),
    })
    const everywhere = [this.config.primaryRegion, this.regionName]
    const arns = (kind: 'cluster' | 'topic' | 'group') =>
      everywhere.map((region) =>
        kafkaArn({ account: this.account, region }, `bourse-${this.config.name}`, kind, '*'),
      )
    const cluster = [
      'Connect',
      'DescribeCluster',
      'AlterCluster',
      'WriteDataIdempotently',
      'DescribeClusterDynamicConfiguration',
    ]
    const topic = [
      'CreateTopic',
      'DescribeTopic',
      'AlterTopic',
      'ReadData',
      'WriteData',
      'DescribeTopicDynamicConfiguration',
      'AlterTopicDynamicConfiguration',
    ]
    const group = ['DescribeGroup', 'AlterGroup']
    const allow = (actions: string[], resources: string[]) =>
      role.addToPolicy(
        new iam.PolicyStatement({ actions: actions.map((action) => `kafka-cluster:${action}`), resources }),
      )
    allow(cluster, arns('cluster'))
    allow(topic, arns('topic'))
    allow(group, arns('group'))
    return role
  }
}
