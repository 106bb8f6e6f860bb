import { type Construct } from 'constructs'
import { type NetworkStack } from '../network/network-stack.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { Aurora } from './aurora.ts'
import { growDisks, LogCluster } from './log-cluster.ts'
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
    growDisks(this, this.log, this.config.data.kafka.volumeGib)
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
}
