import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling'
import { Duration } from 'aws-cdk-lib'
import { type Construct } from 'constructs'
import { type NetworkStack } from '../network/network-stack.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { Aurora } from './aurora.ts'
import { LogCluster, storageScaling } from './log-cluster.ts'
import { ReplicationSource } from './replication-source.ts'
import { Redis } from './redis.ts'
import { Sessions } from './sessions.ts'

type DataStackProps = SiteProps & { readonly network: NetworkStack; readonly keys: KeysStack['keys'] }

/** The stores of the primary site: the log, the book of record, the caches and the sessions. */
export class DataStack extends BourseStack {
  readonly log: LogCluster
  readonly aurora: Aurora
  readonly redis: Redis
  readonly sessions: Sessions

  constructor(scope: Construct, props: DataStackProps) {
    super(scope, 'Data', {
      ...props,
      description: 'MSK, Aurora PostgreSQL, ElastiCache Redis and DynamoDB',
      dataClassification: 'restricted',
    })
    const { network, keys } = props
    const shared = { environment: this.config, network, dataKey: keys.data, logsKey: keys.logs }
    this.log = new LogCluster(this, 'Log', shared)
    this.#growDisks()
    if (this.config.features.standbyRegion) {
      const { cluster } = this.log
      new ReplicationSource(this, 'ReplicationSource', {
        cluster,
        environment: this.config,
        logsKey: keys.logs,
      })
    }
    this.aurora = new Aurora(this, 'Aurora', shared)
    this.redis = new Redis(this, 'Redis', shared)
    this.sessions = new Sessions(this, 'Sessions', { environment: this.config, dataKey: keys.data })
  }

  #growDisks(): void {
    const { maxCapacity, targetPercent } = storageScaling(this.config.data.kafka.volumeGib)
    new scaling.ScalableTarget(this, 'BrokerDisks', {
      serviceNamespace: scaling.ServiceNamespace.KAFKA,
      scalableDimension: 'kafka:broker-storage:VolumeSize',
      resourceId: this.log.cluster.attrArn,
      minCapacity: 1,
      maxCapacity,
    }).scaleToTrackMetric('Utilization', {
      predefinedMetric: scaling.PredefinedMetric.KAFKA_BROKER_STORAGE_UTILIZATION,
      targetValue: targetPercent,
      disableScaleIn: true,
      scaleOutCooldown: Duration.hours(6),
    })
  }
}
