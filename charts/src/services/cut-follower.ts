import { ServiceAccount } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import { inWave, labelsOf } from '../constructs/labels.ts'
import type { Placement } from '../constructs/placement.ts'
import { DATABASE_URL } from '../constructs/secret-reference.ts'
import { ServiceWorkload } from '../constructs/service-workload.ts'
import type { Surroundings } from '../constructs/surroundings.ts'
import type { Values } from '../values/schema.ts'

const NAME = 'cut-follower'
const STARTUP_SECONDS = 60
/** Nobody sends it anything. */
const PRE_STOP_SECONDS = 1
/** It is ready when it has read what was copied before it was there: the first time, the whole log. */
const READY_SECONDS_MAX = 86_400

export type CutFollowerProps = {
  readonly surroundings: Surroundings
  readonly values: Values['cutFollower']
  readonly kafka: Pick<Values['kafka'], 'replicationFactor' | 'minInsyncReplicas'>
  readonly placement: Placement
  /** Of the copies: `us-east-1` of `us-east-1.risk.in`. */
  readonly alias: string
}

/** The operator's `cut`, which follows another region's copies. There is one: another would wait for its end. */
export class CutFollower extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { surroundings, values, kafka, placement, alias }: CutFollowerProps,
  ) {
    super(scope, id)
    const serviceAccount = new ServiceAccount(this, 'Account', {
      metadata: { name: NAME, labels: labelsOf(NAME, 'consumer'), annotations: inWave('foundation') },
      automountToken: false,
    })
    const { resources, settings, terminationGraceSeconds } = values
    new ServiceWorkload(this, 'Workload', surroundings, {
      ...{ serviceAccount, resources, terminationGraceSeconds, placement },
      service: NAME,
      operatorCommand: ['cut', '--alias', alias, '--follow'],
      component: 'consumer',
      config: {
        ...surroundings.partitions,
        REPLICATION_FACTOR: String(kafka.replicationFactor),
        MIN_INSYNC_REPLICAS: String(kafka.minInsyncReplicas),
        ...settings,
      },
      secrets: { DATABASE_URL },
      startupSeconds: STARTUP_SECONDS,
      readySecondsMax: READY_SECONDS_MAX,
      preStopSeconds: PRE_STOP_SECONDS,
      surge: 'old first',
      replicas: 1,
      // `prepare` waits for what it writes first.
      wave: 'prepare',
      priorityClassName: 'bourse-core',
    })
  }
}
