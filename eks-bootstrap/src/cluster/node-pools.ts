import { type Environment } from '../environment.ts'

/** Nodes are replaced at least this often, so that no patch waits longer. */
const NODE_AGE_MAX = '336h'
const SETTLE_BEFORE_CONSOLIDATION = '5m'
const DRAIN_MAX = '10m'
const ON_DEMAND_FIRST = 100
const SPOT_AFTER = 10
const CLASS_NAME = 'bourse'

type Manifest = Record<string, unknown>

type NodeClassProps = {
  readonly nodeRoleName: string
  readonly nodeSubnetIds: readonly string[]
  readonly podSubnetIds: readonly string[]
  readonly clusterSecurityGroupId: string
  readonly podSecurityGroupId: string
  readonly tags: Readonly<Record<string, string>>
}

/** Auto Mode's nodes stand in the application tier; their pods take addresses and rules of their own. */
export function nodeClass(props: NodeClassProps): Manifest {
  return {
    apiVersion: 'eks.amazonaws.com/v1',
    kind: 'NodeClass',
    metadata: { name: CLASS_NAME },
    spec: {
      role: props.nodeRoleName,
      subnetSelectorTerms: props.nodeSubnetIds.map((id) => ({ id })),
      securityGroupSelectorTerms: [{ id: props.clusterSecurityGroupId }],
      podSubnetSelectorTerms: props.podSubnetIds.map((id) => ({ id })),
      podSecurityGroupSelectorTerms: [{ id: props.podSecurityGroupId }],
      networkPolicy: 'DefaultAllow',
      networkPolicyEventLogs: 'Enabled',
      ephemeralStorage: { size: '60Gi' },
      tags: props.tags,
    },
  }
}

/**
 * Stateless capacity: on-demand nodes up to the base, whatever is above on Spot. The second pool falls back to
 * on-demand when no Spot is to be had, so a shortage costs money and not capacity.
 */
export function nodePools({
  onDemandVcpus,
  vcpusMax,
  spot,
  architectures,
}: Environment['cluster']['stateless']): Manifest[] {
  const base = pool('on-demand', ON_DEMAND_FIRST, onDemandVcpus, ['on-demand'], architectures)
  if (vcpusMax === onDemandVcpus) return [base]
  const capacity = spot ? ['spot', 'on-demand'] : ['on-demand']
  return [base, pool('burst', SPOT_AFTER, vcpusMax - onDemandVcpus, capacity, architectures)]
}

/** Volumes of pods: encrypted, made where the pod stands, tagged so that the daily backups choose them. */
export function storageClass(tags: Readonly<Record<string, string>>): Manifest {
  const specifications = Object.entries({ ...tags, Backup: 'daily' }).map(([key, value], index) => [
    `tagSpecification_${index + 1}`,
    `${key}=${value}`,
  ])
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'exchange', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'ebs.csi.eks.amazonaws.com',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    parameters: { type: 'gp3', encrypted: 'true', ...Object.fromEntries(specifications) },
  }
}

function pool(
  name: string,
  weight: number,
  vcpus: number,
  capacityTypes: readonly string[],
  architectures: readonly string[],
): Manifest {
  const among = (key: string, values: readonly string[]) => ({ key, operator: 'In', values })
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name },
    spec: {
      weight,
      limits: { cpu: String(vcpus) },
      disruption: {
        consolidationPolicy: 'WhenEmptyOrUnderutilized',
        consolidateAfter: SETTLE_BEFORE_CONSOLIDATION,
        budgets: [{ nodes: '10%' }],
      },
      template: {
        metadata: { labels: { 'bourse.dev/pool': name } },
        spec: {
          nodeClassRef: { group: 'eks.amazonaws.com', kind: 'NodeClass', name: CLASS_NAME },
          expireAfter: NODE_AGE_MAX,
          terminationGracePeriod: DRAIN_MAX,
          requirements: [
            among('karpenter.sh/capacity-type', capacityTypes),
            among('kubernetes.io/arch', architectures),
            among('eks.amazonaws.com/instance-category', ['c', 'm', 'r']),
            { key: 'eks.amazonaws.com/instance-generation', operator: 'Gt', values: ['5'] },
          ],
        },
      },
    },
  }
}
