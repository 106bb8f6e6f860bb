import { type Stage } from 'aws-cdk-lib'
import { AddonsStack } from './cluster/addons-stack.ts'
import { ClusterStack } from './cluster/cluster-stack.ts'
import { DataStack } from './data/data-stack.ts'
import { StorageStack } from './data/storage-stack.ts'
import { EdgeStack } from './edge/edge-stack.ts'
import { IdentityStack } from './edge/identity-stack.ts'
import { NetworkStack } from './network/network-stack.ts'
import { KeysStack } from './security/keys-stack.ts'
import { type SiteProps } from './stack.ts'

export class Site {
  readonly network: NetworkStack
  constructor(stage: Stage, props: SiteProps) {
    const { keys } = new KeysStack(stage, props)
    const network = this.network = new NetworkStack(stage, { ...props, logsKey: keys.logs })
    const storage = new StorageStack(stage, { ...props, network: this.network, key: keys.data })
    new DataStack(stage, { ...props, network: this.network, keys })
    const cluster = new ClusterStack(stage, { ...props, network: this.network, keys })
    const identity = new IdentityStack(stage, props)
    new EdgeStack(stage, { ...props, network, cluster: cluster.cluster, accessLogs: storage.accessLogs, keys, identity })
    new AddonsStack(stage, { ...props, network, cluster, facts: {} })
  }
}
