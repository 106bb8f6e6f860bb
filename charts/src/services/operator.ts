import { ServiceAccount, k8s } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import { NAMESPACE, inWave, labelsOf } from '../constructs/labels.ts'
import { OperatorCronJob, OperatorJob, type OperatorJobProps } from '../constructs/operator-jobs.ts'
import { DATABASE_URL, TOKEN_KEYS } from '../constructs/secret-reference.ts'
import { PORTS } from '../constructs/service-workload.ts'
import type { Surroundings } from '../constructs/surroundings.ts'
import type { Values } from '../values/schema.ts'

const KEYS_FOLDER = '/etc/bourse/token-keys'
const SIGNING_KEY = 'signing-key.json'
const MADE_SECRETS = ['bourse-database', 'bourse-redis', TOKEN_KEYS]
const PREPARE_SECONDS = 900
const RECONCILE_SECONDS = 300

const account = (scope: Construct, name: string, automountToken = false) =>
  new ServiceAccount(scope, `Account-${name}`, {
    metadata: { name, labels: labelsOf(name, 'job'), annotations: inWave('foundation') },
    automountToken,
  })

export type OperatorProps = {
  readonly surroundings: Surroundings
  readonly values: Values['operator']
  readonly kafka: Pick<Values['kafka'], 'replicationFactor' | 'minInsyncReplicas'>
  /** The inputs' first records are the cut's to write; and nobody trades, so there is nothing to compare or to try. */
  readonly inStandbyRegion: boolean
}

/** Makes topics and tables before the services start, and compares the books from time to time. */
export class Operator extends Construct {
  constructor(scope: Construct, id: string, { surroundings, values, kafka, inStandbyRegion }: OperatorProps) {
    super(scope, id)
    const { image, pullPolicy, databaseCa, partitions } = surroundings
    const common = {
      ...{ image, pullPolicy, databaseCa },
      resources: values.resources,
      serviceAccount: account(this, 'operator'),
      secrets: { DATABASE_URL },
    }
    new OperatorJob(this, 'Prepare', {
      ...common,
      command: 'prepare',
      wave: 'prepare',
      settings: {
        ...surroundings.kafka,
        ...partitions,
        REPLICATION_FACTOR: String(kafka.replicationFactor),
        MIN_INSYNC_REPLICAS: String(kafka.minInsyncReplicas),
        ...(inStandbyRegion ? { STANDBY_REGION: 'true' } : {}),
      },
      timeoutSeconds: PREPARE_SECONDS,
    })
    if (inStandbyRegion) return
    new OperatorCronJob(this, 'Reconcile', {
      ...common,
      command: 'reconcile',
      settings: surroundings.kafka,
      schedule: values.reconcileSchedule,
      timeoutSeconds: RECONCILE_SECONDS,
    })
    // For the Job that verifies a release; whoever delivers runs it.
    account(this, 'smoke')
  }
}

type JobSurroundings = Pick<OperatorJobProps, 'image' | 'pullPolicy' | 'resources'>

/** Makes passwords and keys in the cluster itself, once: no manifest ever holds one. */
export class GeneratedSecrets extends Construct {
  constructor(scope: Construct, id: string, { image, pullPolicy, resources }: JobSurroundings) {
    super(scope, id)
    const metadata = {
      name: 'secrets',
      labels: labelsOf('secrets', 'job'),
      annotations: inWave('foundation'),
    }
    const serviceAccount = account(this, 'secrets', true)
    const apiGroups = ['']
    const resourceTypes = ['secrets']
    new k8s.KubeRole(this, 'Role', {
      metadata,
      rules: [
        // What is created has no name yet that a rule could name.
        { apiGroups, resources: resourceTypes, verbs: ['create'] },
        { apiGroups, resources: resourceTypes, verbs: ['get'], resourceNames: MADE_SECRETS },
      ],
    })
    new k8s.KubeRoleBinding(this, 'Binding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'secrets' },
      subjects: [{ kind: 'ServiceAccount', name: 'secrets', namespace: NAMESPACE }],
    })
    new OperatorJob(this, 'Job', {
      ...{ image, pullPolicy, resources, serviceAccount },
      command: 'secrets',
      wave: 'data',
      settings: { NAMESPACE, DATABASE_HOST: 'postgres', REDIS_HOST: 'redis' },
      usesToken: true,
      timeoutSeconds: PREPARE_SECONDS,
    })
  }
}

export type DemoMarketProps = JobSurroundings & {
  readonly tokens: Values['tokens']
  readonly matchingPartitions: string
}

/** Symbols to trade and two people with money, for whoever tries it out. */
export class DemoMarket extends Construct {
  constructor(scope: Construct, id: string, { tokens, matchingPartitions, ...job }: DemoMarketProps) {
    super(scope, id)
    new OperatorJob(this, 'Job', {
      ...job,
      command: 'demo-market',
      wave: 'demo',
      serviceAccount: account(this, 'demo-market'),
      settings: {
        BOURSE_URL: `http://gateway:${PORTS.http}`,
        SIGNING_KEY_FILE: `${KEYS_FOLDER}/${SIGNING_KEY}`,
        JWT_ISSUER: tokens.issuer,
        JWT_AUDIENCE: tokens.audience,
        MATCHING_PARTITIONS: matchingPartitions,
      },
      secretFolder: { path: KEYS_FOLDER, secret: TOKEN_KEYS, keys: [SIGNING_KEY] },
      timeoutSeconds: PREPARE_SECONDS,
    })
  }
}
