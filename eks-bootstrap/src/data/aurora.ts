import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as rds from 'aws-cdk-lib/aws-rds'
import * as secrets from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { keyAlias } from '../security/keys-stack.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { AURORA_POSTGRESQL_VERSION } from '../versions.ts'

const DATABASE = 'bourse'
const SCALE_COOLDOWN_SECONDS = 60
const SCALE_IN_COOLDOWN_SECONDS = 300

export const AURORA_ENGINE = rds.DatabaseClusterEngine.auroraPostgres({
  version: rds.AuroraPostgresEngineVersion.of(
    AURORA_POSTGRESQL_VERSION,
    AURORA_POSTGRESQL_VERSION.split('.')[0] as string,
    { s3Import: true, s3Export: true },
  ),
})

/** TLS or nothing; slow statements are logged, without their parameters. */
export const AURORA_PARAMETERS = {
  'rds.force_ssl': '1',
  ssl_min_protocol_version: 'TLSv1.2',
  log_min_duration_statement: '500',
  log_parameter_max_length: '0',
}

export type AuroraProps = {
  readonly environment: Environment
  readonly network: NetworkStack
  readonly dataKey: kms.IKey
  readonly logsKey: kms.IKey
}

type Machines = Pick<
  rds.DatabaseClusterProps,
  'writer' | 'readers' | 'serverlessV2MinCapacity' | 'serverlessV2MaxCapacity'
>

type ClusterProps = AuroraProps & {
  /** Unique in the region; its logs are found by it. */
  readonly clusterIdentifier: string
  readonly secretName: string
  readonly replicaRegions?: secrets.ReplicaRegion[]
  /** Given what every instance has. */
  readonly machines: (every: InstanceOptions) => Machines
}

type InstanceOptions = Required<
  Pick<
    rds.ClusterInstanceOptions,
    'enablePerformanceInsights' | 'performanceInsightEncryptionKey' | 'autoMinorVersionUpgrade'
  >
>

/** Where an exchange keeps its books: encrypted, restorable to any second, in the data tier, with credentials of its own. */
export function exchangeDatabase(scope: Construct, props: ClusterProps): rds.DatabaseCluster {
  const { environment, network, dataKey, logsKey, clusterIdentifier, secretName, replicaRegions, machines } =
    props
  const { aurora, immutable } = environment.data
  const logGroup = new logs.LogGroup(scope, 'Logs', {
    logGroupName: `/aws/rds/cluster/${clusterIdentifier}/postgresql`,
    retention: environment.operations.logRetentionDays,
    encryptionKey: logsKey,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const cluster = new rds.DatabaseCluster(scope, 'Cluster', {
    clusterIdentifier,
    engine: AURORA_ENGINE,
    defaultDatabaseName: DATABASE,
    credentials: rds.Credentials.fromGeneratedSecret('bourse_owner', {
      secretName,
      encryptionKey: dataKey,
      ...(replicaRegions === undefined ? {} : { replicaRegions }),
    }),
    ...machines({
      enablePerformanceInsights: true,
      performanceInsightEncryptionKey: dataKey,
      autoMinorVersionUpgrade: true,
    }),
    vpc: network.vpc,
    vpcSubnets: { subnetGroupName: 'data' },
    securityGroups: [network.securityGroups.aurora],
    storageEncrypted: true,
    storageEncryptionKey: dataKey,
    iamAuthentication: true,
    parameters: AURORA_PARAMETERS,
    backup: { retention: Duration.days(aurora.backupRetentionDays), preferredWindow: '05:00-06:00' },
    preferredMaintenanceWindow: 'sun:06:30-sun:07:30',
    copyTagsToSnapshot: true,
    deletionProtection: immutable,
    removalPolicy: immutable ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
    cloudwatchLogsExports: ['postgresql'],
    monitoringInterval: Duration.seconds(60),
  })
  cluster.node.addDependency(logGroup)
  return cluster
}

type RotationProps = Pick<AuroraProps, 'environment' | 'network'> & {
  readonly credentials: secrets.ISecret
  readonly functionName: string
}

export function rotateDatabasePassword({
  environment,
  network,
  credentials,
  functionName,
}: RotationProps): void {
  credentials.addRotationSchedule('Rotation', {
    automaticallyAfter: Duration.days(environment.data.secretRotationDays),
    hostedRotation: secrets.HostedRotation.postgreSqlSingleUser({
      functionName,
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'application' },
      securityGroups: [network.securityGroups.jobs],
      excludeCharacters: ' %+~`#$&*()|[]{}:;<>?!\'/@"\\',
    }),
  })
}

/** The book of record: a writer, readers that scale, a proxy that keeps connections through a failover. */
export class Aurora extends Construct {
  readonly cluster: rds.DatabaseCluster
  readonly proxy: rds.DatabaseProxy
  readonly credentials: secrets.ISecret

  constructor(scope: Construct, id: string, props: AuroraProps) {
    super(scope, id)
    this.cluster = this.#cluster(props)
    this.credentials = this.cluster.secret as secrets.ISecret
    this.proxy = this.#proxy(props)
    this.#scaleReaders(props.environment)
    const functionName = `bourse-${props.environment.name}-rotate-aurora`
    rotateDatabasePassword({ ...props, credentials: this.credentials, functionName })
    if (props.environment.features.standbyRegion) this.#global(props.environment)
  }

  #cluster(props: AuroraProps): rds.DatabaseCluster {
    const { environment } = props
    const { aurora } = environment.data
    return exchangeDatabase(this, {
      ...props,
      clusterIdentifier: `bourse-${environment.name}`,
      secretName: `bourse/${environment.name}/aurora`,
      ...(environment.features.standbyRegion ? { replicaRegions: [this.#secretReplica(environment)] } : {}),
      machines: (every) => {
        const instance = { instanceType: new ec2.InstanceType(aurora.instanceType), ...every }
        return {
          writer: rds.ClusterInstance.provisioned('Writer', instance),
          readers: Array.from({ length: aurora.readersMin }, (_, index) =>
            rds.ClusterInstance.provisioned(`Reader${index + 1}`, {
              ...instance,
              promotionTier: index === 0 ? 1 : 2,
            }),
          ),
        }
      },
    })
  }

  /** With which the copy in the second region is read: its roles are copies too. */
  #secretReplica({ account, name, recoveryRegion }: Environment): secrets.ReplicaRegion {
    const alias = `arn:aws:kms:${recoveryRegion}:${account}:${keyAlias(name, 'data')}`
    return { region: recoveryRegion, encryptionKey: kms.Key.fromKeyArn(this, 'SecretReplicaKey', alias) }
  }

  #proxy({ environment, network }: AuroraProps): rds.DatabaseProxy {
    return new rds.DatabaseProxy(this, 'Proxy', {
      dbProxyName: `bourse-${environment.name}`,
      proxyTarget: rds.ProxyTarget.fromCluster(this.cluster),
      secrets: [this.credentials],
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'data' },
      securityGroups: [network.securityGroups.proxy],
      requireTLS: true,
      // Services sign in with the password that External Secrets hands them: `true` would refuse it.
      iamAuth: false,
      idleClientTimeout: Duration.minutes(10),
      maxConnectionsPercent: 90,
    })
  }

  /** From the least to the most readers when either their CPU or their connections pass the mark. */
  #scaleReaders({ data: { aurora } }: Environment): void {
    const target = new scaling.ScalableTarget(this, 'Readers', {
      serviceNamespace: scaling.ServiceNamespace.RDS,
      scalableDimension: 'rds:cluster:ReadReplicaCount',
      resourceId: `cluster:${this.cluster.clusterIdentifier}`,
      minCapacity: aurora.readersMin,
      maxCapacity: aurora.readersMax,
    })
    target.node.addDependency(this.cluster)
    const cooldowns = {
      scaleOutCooldown: Duration.seconds(SCALE_COOLDOWN_SECONDS),
      scaleInCooldown: Duration.seconds(SCALE_IN_COOLDOWN_SECONDS),
    }
    target.scaleToTrackMetric('Cpu', {
      predefinedMetric: scaling.PredefinedMetric.RDS_READER_AVERAGE_CPU_UTILIZATION,
      targetValue: aurora.readerCpuPercent,
      ...cooldowns,
    })
    target.scaleToTrackMetric('Connections', {
      predefinedMetric: scaling.PredefinedMetric.RDS_READER_AVERAGE_DATABASE_CONNECTIONS,
      targetValue: aurora.readerConnections,
      ...cooldowns,
    })
  }

  #global({ name }: Environment): void {
    new rds.CfnGlobalCluster(this, 'Global', {
      globalClusterIdentifier: globalClusterName(name),
      sourceDbClusterIdentifier: this.cluster.clusterArn,
      deletionProtection: true,
    })
  }
}

export function globalClusterName(environmentName: string): string {
  return `bourse-${environmentName}-global`
}
