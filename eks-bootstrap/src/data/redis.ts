import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as elasticache from 'aws-cdk-lib/aws-elasticache'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as secrets from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { fileURLToPath } from 'node:url'
import { type Environment } from '../environment.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { REDIS_VERSION } from '../versions.ts'

const TOKEN_LENGTH = 64
const ROTATION_MINUTES = 15

type RedisProps = {
  readonly environment: Environment
  readonly network: NetworkStack
  readonly dataKey: kms.IKey
  readonly logsKey: kms.IKey
}

/** Caches and channels: a primary and its replica in another zone. It holds nothing that cannot be rebuilt. */
export class Redis extends Construct {
  readonly group: elasticache.CfnReplicationGroup
  /** Where writes go: the primary, or the whole of a sharded group. */
  readonly host: string
  readonly token: secrets.Secret

  constructor(scope: Construct, id: string, props: RedisProps) {
    super(scope, id)
    const { environment, dataKey } = props
    this.token = new secrets.Secret(this, 'Token', {
      secretName: `bourse/${environment.name}/redis`,
      description: 'The AUTH token of Redis',
      encryptionKey: dataKey,
      generateSecretString: { passwordLength: TOKEN_LENGTH, excludePunctuation: true },
    })
    this.group = this.#group(props)
    const sharded = environment.data.redis.shards > 1
    this.host = sharded ? this.group.attrConfigurationEndPointAddress : this.group.attrPrimaryEndPointAddress
    this.#rotate(props)
  }

  #group({ environment, network, dataKey, logsKey }: RedisProps): elasticache.CfnReplicationGroup {
    const { nodeType, shards, replicasPerShard, snapshotRetentionDays } = environment.data.redis
    const replicationGroupId = `bourse-${environment.name}`
    const slowLog = new logs.LogGroup(this, 'SlowLog', {
      logGroupName: `/bourse/${environment.name}/redis-slow-log`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const subnets = new elasticache.CfnSubnetGroup(this, 'Subnets', {
      cacheSubnetGroupName: replicationGroupId,
      description: 'The data tier',
      subnetIds: network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds,
    })
    const sharded = shards > 1
    return new elasticache.CfnReplicationGroup(this, 'Group', {
      replicationGroupId,
      replicationGroupDescription: 'Caches and channels of the exchange',
      engine: 'redis',
      engineVersion: REDIS_VERSION,
      cacheNodeType: nodeType,
      clusterMode: sharded ? 'enabled' : 'disabled',
      ...(sharded
        ? { numNodeGroups: shards, replicasPerNodeGroup: replicasPerShard }
        : { numCacheClusters: 1 + replicasPerShard }),
      cacheParameterGroupName: sharded ? 'default.redis7.cluster.on' : 'default.redis7',
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [network.securityGroups.redis.securityGroupId],
      atRestEncryptionEnabled: true,
      kmsKeyId: dataKey.keyArn,
      transitEncryptionEnabled: true,
      authToken: this.token.secretValue.unsafeUnwrap(),
      snapshotRetentionLimit: snapshotRetentionDays,
      snapshotWindow: '04:00-05:00',
      preferredMaintenanceWindow: 'sun:06:30-sun:07:30',
      autoMinorVersionUpgrade: true,
      logDeliveryConfigurations: [
        {
          destinationType: 'cloudwatch-logs',
          logFormat: 'json',
          logType: 'slow-log',
          destinationDetails: { cloudWatchLogsDetails: { logGroup: slowLog.logGroupName } },
        },
      ],
    })
  }

  /** ElastiCache has no hosted rotation: ours sets the new token beside the old one, then alone. */
  #rotate({ environment, dataKey, logsKey }: RedisProps): void {
    const name = `bourse-${environment.name}-rotate-redis`
    const logGroup = new logs.LogGroup(this, 'RotationLog', {
      logGroupName: `/aws/lambda/${name}`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new iam.Role(this, 'RotationRole', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    })
    logGroup.grantWrite(role)
    const rotation = new NodejsFunction(this, 'RotationFunction', {
      functionName: name,
      role,
      logGroup,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      entry: fileURLToPath(new URL('rotate-redis-token.ts', import.meta.url)),
      depsLockFilePath: fileURLToPath(new URL('../../../package-lock.json', import.meta.url)),
      projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
      timeout: Duration.minutes(ROTATION_MINUTES),
      environment: { REPLICATION_GROUP_ID: this.group.ref },
      environmentEncryption: dataKey,
    })
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['elasticache:ModifyReplicationGroup', 'elasticache:DescribeReplicationGroups'],
        resources: [
          `arn:aws:elasticache:${rotation.env.region}:${rotation.env.account}:replicationgroup:bourse-${environment.name}`,
        ],
      }),
    )
    dataKey.grantEncryptDecrypt(role)
    this.token.addRotationSchedule('Rotation', {
      rotationLambda: rotation,
      automaticallyAfter: Duration.days(environment.data.secretRotationDays),
    })
  }
}
