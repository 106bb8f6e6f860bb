import { type Stage } from 'aws-cdk-lib'
import { DataStack } from './data/data-stack.ts'
import { StorageStack } from './data/storage-stack.ts'
import { NetworkStack } from './network/network-stack.ts'
import { KeysStack } from './security/keys-stack.ts'
import { type SiteProps } from './stack.ts'

export class Site {
  readonly network: NetworkStack
  constructor(stage: Stage, props: SiteProps) {
    const { keys } = new KeysStack(stage, props)
    this.network = new NetworkStack(stage, { ...props, logsKey: keys.logs })
    new StorageStack(stage, { ...props, network: this.network, key: keys.data })
    new DataStack(stage, { ...props, network: this.network, keys })
  }
}
