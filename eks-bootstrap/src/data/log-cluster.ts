import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as msk from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { KAFKA_VERSION } from '../versions.ts'

export const ZONES = 3
const STORAGE_TARGET_PERCENT = 60
const STORAGE_GROWTH = 4

/**
 * What the log protocol needs of its brokers. Retention is unlimited because records are deleted only below every
 * reader's position; frames are at most 512 KiB, and a record carries one with room to spare: as much as the topics
 * are made with.
 */
export const BROKER_PROPERTIES = {
  'auto.create.topics.enable': 'false',
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
  'message.max.bytes': '2097152',
  'replica.fetch.max.bytes': '2097152',
  'log.retention.ms': '-1',
  'log.cleanup.policy': 'delete',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '3000',
  'offsets.topic.replication.factor': '3',
} as const

type LogClusterProps = {
  readonly environment: Environment
  readonly network: NetworkStack
  readonly dataKey: kms.IKey
  readonly logsKey: kms.IKey
}

/** The log: brokers in three zones, TLS and IAM only, disks that grow by themselves. */
export class LogCluster extends Construct {
  readonly cluster: msk.CfnCluster
  readonly name: string

  constructor(scope: Construct, id: string, props: LogClusterProps) {
    super(scope, id)
    const { environment, network, dataKey } = props
    const { kafka } = environment.data
    this.name = `bourse-${environment.name}`
    const configuration = new msk.CfnConfiguration(this, 'Configuration', {
      name: `${this.name}-${KAFKA_VERSION.replaceAll('.', '-')}`,
      kafkaVersionsList: [KAFKA_VERSION],
      serverProperties: Object.entries(BROKER_PROPERTIES)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n'),
    })
    this.cluster = new msk.CfnCluster(this, 'Cluster', {
      clusterName: this.name,
      kafkaVersion: KAFKA_VERSION,
      numberOfBrokerNodes: ZONES * kafka.brokersPerZone,
      configurationInfo: {
        arn: configuration.attrArn,
        revision: configuration.attrLatestRevisionRevision as never,
      },
      brokerNodeGroupInfo: {
        instanceType: kafka.instanceType,
        clientSubnets: network.vpc.selectSubnets({ subnetGroupName: 'data' }).subnetIds,
        securityGroups: [network.securityGroups.kafka.securityGroupId],
        storageInfo: { ebsStorageInfo: { volumeSize: kafka.volumeGib } },
        connectivityInfo: { publicAccess: { type: 'DISABLED' } },
      },
      clientAuthentication: {
        sasl: { iam: { enabled: true }, scram: { enabled: false } },
        unauthenticated: { enabled: false },
      },
      encryptionInfo: {
        encryptionAtRest: { dataVolumeKmsKeyId: dataKey.keyArn },
        encryptionInTransit: { clientBroker: 'TLS', inCluster: true },
      },
      enhancedMonitoring: 'PER_TOPIC_PER_BROKER',
      openMonitoring: {
        prometheus: { jmxExporter: { enabledInBroker: true }, nodeExporter: { enabledInBroker: true } },
      },
      loggingInfo: {
        brokerLogs: { cloudWatchLogs: { enabled: true, logGroup: this.#logGroup(props).logGroupName } },
      },
      ...(kafka.tieredStorage ? { storageMode: 'TIERED' } : {}),
    })
    this.cluster.applyRemovalPolicy(environment.data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY)
  }

  /** `arn:…:topic/<cluster>/<uuid>/<name>` for policies; the cluster's uuid is a wildcard, its name is not. */
  arnOf(kind: 'topic' | 'group' | 'transactional-id', name: string): string {
    return kafkaArn(Stack.of(this), this.name, kind, name)
  }

  #logGroup({ environment, logsKey }: LogClusterProps): logs.LogGroup {
    return new logs.LogGroup(this, 'BrokerLogs', {
      logGroupName: `/bourse/${environment.name}/kafka`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
  }
}

export function kafkaArn(
  { account, region }: { readonly account: string; readonly region: string },
  clusterName: string,
  kind: 'cluster' | 'topic' | 'group' | 'transactional-id',
  name: string,
): string {
  const suffix = kind === 'cluster' ? '' : `/${name}`
  return `arn:aws:kafka:${region}:${account}:${kind}/${clusterName}/*${suffix}`
}

/** Grows the brokers' disks before they fill: a log without retention only grows. */
export function growDisks(scope: Construct, { cluster }: LogCluster, volumeGib: number): void {
  new scaling.ScalableTarget(scope, 'BrokerDisks', {
    serviceNamespace: scaling.ServiceNamespace.KAFKA,
    scalableDimension: 'kafka:broker-storage:VolumeSize',
    resourceId: cluster.attrArn,
    minCapacity: 1,
    maxCapacity: volumeGib * STORAGE_GROWTH,
  }).scaleToTrackMetric('Utilization', {
    predefinedMetric: scaling.PredefinedMetric.KAFKA_BROKER_STORAGE_UTILIZATION,
    targetValue: STORAGE_TARGET_PERCENT,
    disableScaleIn: true,
    scaleOutCooldown: Duration.hours(6),
  })
}
