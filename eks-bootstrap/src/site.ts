import { type Stage } from 'aws-cdk-lib'
import { NetworkStack } from './network/network-stack.ts'
import { KeysStack } from './security/keys-stack.ts'
import { type SiteProps } from './stack.ts'

export class Site {
  readonly network: NetworkStack
  constructor(stage: Stage, props: SiteProps) {
    const { keys } = new KeysStack(stage, props)
    this.network = new NetworkStack(stage, { ...props, logsKey: keys.logs })
  }
}
