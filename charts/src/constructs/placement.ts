import type { k8s } from 'cdk8s-plus-28'
import { NAME_LABEL } from './labels.ts'

export type Placement = Pick<k8s.PodSpec, 'topologySpreadConstraints' | 'nodeSelector' | 'tolerations'>

export type PlacementProps = {
  readonly name: string
  /** `DoNotSchedule`: rather none than two in one place. */
  readonly zones: 'DoNotSchedule' | 'ScheduleAnyway'
  readonly hosts: 'DoNotSchedule' | 'ScheduleAnyway'
  /** Label and taint of the nodes that these pods alone use. */
  readonly nodes: string | null
  /** How long a pod stays bound to a node that nobody hears of. */
  readonly leaveLostNodeSeconds: number
}

/**
 * Spreads a workload's pods over zones and hosts, each revision by itself, so that a rolling update does not count the
 * pods that go. Nodes whose taints keep the pod away do not count either: they would forbid the rest.
 */
export function placement({ name, zones, hosts, nodes, leaveLostNodeSeconds }: PlacementProps): Placement {
  const spread = (topologyKey: string, whenUnsatisfiable: string): k8s.TopologySpreadConstraint => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable,
    nodeTaintsPolicy: 'Honor',
    labelSelector: { matchLabels: { [NAME_LABEL]: name } },
    matchLabelKeys: ['pod-template-hash'],
  })
  const lost = ['not-ready', 'unreachable'].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: leaveLostNodeSeconds,
  }))
  return {
    topologySpreadConstraints: [
      spread('topology.kubernetes.io/zone', zones),
      spread('kubernetes.io/hostname', hosts),
    ],
    ...(nodes === null ? {} : { nodeSelector: { [nodes]: 'true' } }),
    tolerations: [
      ...lost,
      ...(nodes === null ? [] : [{ key: nodes, operator: 'Equal', value: 'true', effect: 'NoSchedule' }]),
    ],
  }
}
