import { k8s } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { Edge, Peer } from '../edges.ts'
import { NAME_LABEL, inWave } from './labels.ts'

const NAMESPACE_LABEL = 'kubernetes.io/metadata.name'

export type NetworkPoliciesProps = {
  readonly edges: readonly Edge[]
  /** Resolvers that are no pods of kube-system. */
  readonly dns: readonly string[]
}

/** Refuses every connection, allows names to be resolved, and then one policy for each name that an edge touches. */
export class NetworkPolicies extends Construct {
  constructor(scope: Construct, id: string, { edges, dns }: NetworkPoliciesProps) {
    super(scope, id)
    this.#policy('default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    this.#policy('dns', { podSelector: {}, policyTypes: ['Egress'], egress: [dnsRule(dns)] })
    for (const name of new Set(edges.flatMap(({ from, to }) => [...podName(from), ...podName(to)]).sort())) {
      const ingress = edges.filter(({ to }) => podName(to).includes(name))
      const egress = edges.filter(({ from }) => podName(from).includes(name))
      this.#policy(name, {
        podSelector: { matchLabels: { [NAME_LABEL]: name } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: ingress.map((edge) => ({ from: peers(edge.from), ports: ports(edge) })),
        egress: egress.map((edge) => ({ to: peers(edge.to), ports: ports(edge) })),
      })
    }
  }

  #policy(name: string, spec: k8s.NetworkPolicySpec): void {
    new k8s.KubeNetworkPolicy(this, name, {
      metadata: { name, annotations: inWave('foundation') },
      spec,
    })
  }
}

function dnsRule(addresses: readonly string[]): k8s.NetworkPolicyEgressRule {
  return {
    to: [
      {
        namespaceSelector: { matchLabels: { [NAMESPACE_LABEL]: 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
      ...addresses.map((cidr) => ({ ipBlock: { cidr } })),
    ],
    ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port: k8s.IntOrString.fromNumber(53) })),
  }
}

const podName = (peer: Peer): string[] => ('pods' in peer ? [peer.pods] : [])

function peers(peer: Peer): k8s.NetworkPolicyPeer[] {
  if ('pods' in peer) return [{ podSelector: { matchLabels: { [NAME_LABEL]: peer.pods } } }]
  if ('addresses' in peer) return peer.addresses.map((cidr) => ({ ipBlock: { cidr } }))
  return [{ namespaceSelector: { matchLabels: { [NAMESPACE_LABEL]: peer.namespace } } }]
}

const ports = ({ ports: numbers }: Edge): k8s.NetworkPolicyPort[] =>
  numbers.map((port) => ({ protocol: 'TCP', port: k8s.IntOrString.fromNumber(port) }))
