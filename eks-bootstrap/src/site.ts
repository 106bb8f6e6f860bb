import { Stack, type Stage } from 'aws-cdk-lib'
import { AddonsStack, type Facts } from './cluster/addons-stack.ts'
import { BrokerAddresses } from './cluster/broker-addresses.ts'
import { ClusterStack } from './cluster/cluster-stack.ts'
import { CostStack } from './cost/cost-stack.ts'
import { DataStack } from './data/data-stack.ts'
import { sessionsTableName } from './data/sessions.ts'
import { StorageStack } from './data/storage-stack.ts'
import { EdgeStack } from './edge/edge-stack.ts'
import { IdentityStack } from './edge/identity-stack.ts'
import { type Environment } from './environment.ts'
import { hasIntegrations, IntegrationsStack } from './integrations/integrations-stack.ts'
import { NetworkStack } from './network/network-stack.ts'
import { ObservabilityStack } from './observability/observability-stack.ts'
import { BackupStack, backUp } from './recovery/backup-stack.ts'
import { FailoverStack } from './recovery/failover-stack.ts'
import { StandbyDataStack } from './recovery/standby-data-stack.ts'
import { ZoneExperimentStack } from './recovery/zone-experiment-stack.ts'
import { DetectionStack } from './security/detection-stack.ts'
import { KeysStack } from './security/keys-stack.ts'
import { type Role, type SiteProps } from './stack.ts'

/** What both sites have: keys, network, storage, detection and a cluster. */
type Foundation = {
  readonly props: SiteProps
  readonly keys: KeysStack['keys']
  readonly network: NetworkStack
  readonly storage: StorageStack
  readonly cluster: ClusterStack
}

/** All stacks of one environment: the site that serves and, where configured, the one that waits. */
export function buildEnvironment(stage: Stage, environment: Environment): void {
  const standby = environment.features.standbyRegion ? foundation(stage, environment, 'standby') : undefined
  const primary = foundation(stage, environment, 'primary')
  const data = buildPrimary(stage, primary, standby)
  if (standby !== undefined) {
    const { subnetIds } = primary.network.vpc.selectSubnets({ subnetGroupName: 'data' })
    buildStandby(stage, standby, data, { logArn: data.log.cluster.attrArn, subnetIds })
  }
}

function foundation(stage: Stage, environment: Environment, role: Role): Foundation {
  const props = { environment, role }
  const { keys } = new KeysStack(stage, props)
  const network = new NetworkStack(stage, { ...props, logsKey: keys.logs })
  const storage = new StorageStack(stage, { ...props, network, key: keys.data })
  new DetectionStack(stage, { ...props, accessLogs: storage.accessLogs, logsKey: keys.logs })
  const cluster = new ClusterStack(stage, { ...props, network, keys })
  return { props, keys, network, storage, cluster }
}

function buildPrimary(stage: Stage, site: Foundation, standby: Foundation | undefined): DataStack {
  const { props, keys, network, storage, cluster } = site
  const { environment } = props
  const data = new DataStack(stage, { ...props, network, keys })
  const identity = new IdentityStack(stage, { ...props, logsKey: keys.logs })
  const edge = new EdgeStack(stage, {
    ...props,
    network,
    keys,
    identity,
    cluster: cluster.cluster,
    accessLogs: storage.accessLogs,
  })
  new AddonsStack(stage, {
    ...props,
    network,
    cluster,
    facts: {
      ...storageFacts(site),
      'database-host': data.aurora.proxy.endpoint,
      'database-reader-host': data.aurora.cluster.clusterReadEndpoint.hostname,
      'redis-host': data.redis.host,
      'sessions-table': data.sessions.table.tableName,
      'kafka-brokers': new BrokerAddresses(data, 'Brokers', { clusterArn: data.log.cluster.attrArn })
        .addresses,
      'oidc-issuer': identity.userPool.userPoolProviderUrl,
      'oidc-client': identity.client.userPoolClientId,
    },
  })
  const { alarms, topic } = new ObservabilityStack(stage, { ...props, edge, archive: storage.archive, keys })
  new CostStack(stage, { ...props, alarms: topic })
  const backups = new BackupStack(stage, { ...props, key: keys.backup, alarms: topic })
  for (const store of [data.aurora, data.sessions, storage.files]) backUp(store)
  new ZoneExperimentStack(stage, { ...props, stopAlarm: alarms[0], logsKey: keys.logs })
  if (hasIntegrations(environment.features)) {
    new IntegrationsStack(stage, { ...props, network, data, archive: storage.archive, keys })
  }
  // Copies need their destination first.
  if (standby !== undefined) {
    data.addStackDependency(Stack.of(standby.keys.data))
    storage.addStackDependency(standby.storage)
    const vault = new BackupStack(stage, { ...standby.props, key: standby.keys.backup })
    backups.addStackDependency(vault)
  }
  return data
}

function buildStandby(
  stage: Stage,
  site: Foundation,
  primary: DataStack,
  source: { readonly logArn: string; readonly subnetIds: readonly string[] },
): void {
  const { props, keys, network, storage, cluster } = site
  const data = new StandbyDataStack(stage, {
    ...props,
    network,
    keys,
    source,
  })
  data.addStackDependency(primary)
  new EdgeStack(stage, { ...props, network, keys, cluster: cluster.cluster, accessLogs: storage.accessLogs })
  new AddonsStack(stage, {
    ...props,
    network,
    cluster,
    facts: {
      ...storageFacts(site),
      'database-host': data.exchange.cluster.clusterEndpoint.hostname,
      'database-reader-host': data.exchange.cluster.clusterReadEndpoint.hostname,
      'redis-host': data.redis.host,
      'sessions-table': sessionsTableName(props.environment.name),
      'kafka-brokers': new BrokerAddresses(data, 'Brokers', { clusterArn: data.log.cluster.attrArn })
        .addresses,
    },
  })
  new FailoverStack(stage, { ...props, keys })
}

/** Facts every site has; the add-ons publish them for GitOps. */
function storageFacts({ props: { environment }, storage, cluster }: Foundation): Facts {
  const { account } = environment
  const { riskPartitions, matchingPartitions } = environment.data.kafka
  return {
    region: storage.regionName,
    'image-repository': `${account}.dkr.ecr.${storage.regionName}.amazonaws.com/bourse`,
    'cluster-name': cluster.cluster.clusterName,
    'archive-bucket': storage.archive.bucketName,
    'audit-bucket': storage.audit.bucketName,
    'snapshots-bucket': storage.snapshots.bucketName,
    'files-id': storage.files.fileSystemId,
    'risk-partitions': String(riskPartitions),
    'matching-partitions': String(matchingPartitions),
  }
}
