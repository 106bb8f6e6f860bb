import { createRequire } from 'node:module'
import { connect, type PrivateConnectivity } from './private-connectivity.ts'

type Event = {
  readonly RequestType: 'Create' | 'Update' | 'Delete'
  readonly ResourceProperties: { readonly ClusterArn: string }
}

/** As much of AWS's client as is used here. */
type KafkaModule = {
  readonly Kafka: new () => {
    describeClusterV2(input: { readonly ClusterArn: string }): Promise<Description>
    updateConnectivity(input: object): Promise<unknown>
  }
}
type Description = {
  readonly ClusterInfo?: {
    readonly State?: string
    readonly CurrentVersion?: string
    readonly Provisioned?: { readonly BrokerNodeGroupInfo?: { readonly ConnectivityInfo?: ConnectivityInfo } }
  }
}
type ConnectivityInfo = {
  readonly VpcConnectivity?: {
    readonly ClientAuthentication?: { readonly Sasl?: { readonly Iam?: { readonly Enabled?: boolean } } }
  }
}

const WANTED: ConnectivityInfo = {
  VpcConnectivity: { ClientAuthentication: { Sasl: { Iam: { Enabled: true } } } },
}

/** Names the resource; the work is `isComplete`'s. */
export async function onEvent({ ResourceProperties }: Event): Promise<{ PhysicalResourceId: string }> {
  return { PhysicalResourceId: `${ResourceProperties.ClusterArn}/private-connectivity` }
}

/** Called again until it is done. The connectivity goes with the cluster, so deleting has nothing to do. */
export async function isComplete({
  RequestType,
  ResourceProperties,
}: Event): Promise<{ IsComplete: boolean }> {
  if (RequestType === 'Delete') return { IsComplete: true }
  return { IsComplete: await connect(awsConnectivity(ResourceProperties.ClusterArn)) }
}

function awsConnectivity(ClusterArn: string): PrivateConnectivity {
  // The client that Lambda's runtime brings: nothing to install, nothing to bundle.
  const { Kafka } = createRequire('/var/runtime/')('@aws-sdk/client-kafka') as KafkaModule
  const client = new Kafka()
  return {
    look: async () => {
      const { ClusterInfo } = await client.describeClusterV2({ ClusterArn })
      const info = ClusterInfo?.Provisioned?.BrokerNodeGroupInfo?.ConnectivityInfo
      return {
        state: ClusterInfo?.State ?? 'unknown',
        version: ClusterInfo?.CurrentVersion ?? '',
        enabled: info?.VpcConnectivity?.ClientAuthentication?.Sasl?.Iam?.Enabled === true,
      }
    },
    enable: async (CurrentVersion) => {
      await client.updateConnectivity({ ClusterArn, CurrentVersion, ConnectivityInfo: WANTED })
    },
  }
}
