import { nameOf, ofKind, pods, selects, type Manifest, type NetworkPolicy, type Pod } from './manifest.ts'
import {
  isElsewhere,
  isEverything,
  isService,
  maySend,
  mayTake,
  numberOf,
  opens,
  podsOf,
  policiesOf,
  portsOf,
} from './network-edges.ts'
import type { Rule, Violation } from './rule.ts'

const DNS_PORT = 53

/** Who may talk to whom, and whether anybody is there to answer. */
export const networkRules: readonly Rule[] = [
  {
    name: 'default-deny',
    check: (objects, { namespace }) => {
      const isDefault = ({ spec, metadata }: NetworkPolicy): boolean =>
        metadata.namespace === namespace &&
        isEverything(spec.podSelector) &&
        !spec.ingress?.length &&
        !spec.egress?.length
      const denied = new Set(
        ofKind(objects, 'NetworkPolicy')
          .filter(isDefault)
          .flatMap(({ spec }) => spec.policyTypes ?? []),
      )
      const missing = ['Ingress', 'Egress'].filter((type) => !denied.has(type))
      return missing.map((type) => ({
        at: `Namespace/${namespace}`,
        problem: `${type} is not denied by default`,
      }))
    },
  },
  {
    name: 'non-isolated-pod',
    check: (objects) =>
      pods(objects).flatMap((pod) => {
        const types = policiesOf(objects, pod)
          .filter(({ spec }) => !isEverything(spec.podSelector))
          .flatMap(({ spec }) => spec.policyTypes ?? ['Ingress'])
        return types.includes('Egress')
          ? []
          : [says(pod.owner, 'no NetworkPolicy of its own says whom it may reach')]
      }),
  },
  {
    name: 'network-policy-allows-all',
    check: (objects) =>
      ofKind(objects, 'NetworkPolicy')
        .filter(({ spec }) =>
          [...(spec.ingress ?? []).map(({ from }) => from), ...(spec.egress ?? []).map(({ to }) => to)].some(
            (peers) => !peers?.length,
          ),
        )
        .map((policy) => says(policy, 'has a rule without a peer: it lets in or out whoever')),
  },
  {
    name: 'service-port-has-edge',
    check: (objects) =>
      ofKind(objects, 'Service').flatMap((service) =>
        podsOf(objects, service).flatMap((pod) =>
          service.spec.ports
            .map(({ port, targetPort = port }) => numberOf(pod, targetPort))
            .filter((port) => port !== undefined && !isReachable(objects, pod, port))
            .map((port) =>
              says(service, `no NetworkPolicy lets anybody reach ${nameOf(pod.owner)} on ${String(port)}`),
            ),
        ),
      ),
  },
  {
    name: 'edge-has-open-port',
    check: (objects) =>
      ofKind(objects, 'NetworkPolicy').flatMap((policy) => [
        ...closedPorts(objects, policy),
        ...unansweredPorts(objects, policy),
      ]),
  },
  {
    name: 'edge-has-both-ends',
    check: (objects) =>
      pods(objects).flatMap((sender) =>
        pods(objects).flatMap((receiver) => halfEdges(objects, sender, receiver)),
      ),
  },
  {
    name: 'selector-matches',
    check: (objects) => [
      ...ofKind(objects, 'Service')
        .filter((service) => podsOf(objects, service).length === 0)
        .map((service) => says(service, 'selects no pod')),
      ...[
        ...ofKind(objects, 'PodDisruptionBudget').map((each) => ({ each, selector: each.spec.selector })),
        ...ofKind(objects, 'NetworkPolicy').map((each) => ({ each, selector: each.spec.podSelector })),
      ]
        .filter(({ selector }) => !pods(objects).some(({ labels }) => selects(selector, labels)))
        .map(({ each }) => says(each, 'selects no pod')),
    ],
  },
  {
    name: 'target-ports-exist',
    check: (objects) =>
      ofKind(objects, 'Service').flatMap((service) =>
        podsOf(objects, service).flatMap((pod) =>
          service.spec.ports
            .filter(({ port, targetPort = port }) => numberOf(pod, targetPort) === undefined)
            .map(({ port, targetPort = port }) =>
              says(service, `${nameOf(pod.owner)} has no port ${targetPort}`),
            ),
        ),
      ),
  },
  {
    name: 'service-monitor-port',
    check: (objects) =>
      ofKind(objects, 'ServiceMonitor').flatMap((monitor) => {
        const services = ofKind(objects, 'Service').filter(({ metadata }) =>
          selects(monitor.spec.selector, metadata.labels ?? {}),
        )
        if (services.length === 0) return [says(monitor, 'selects no Service')]
        return monitor.spec.endpoints
          .filter(
            ({ port }) =>
              !services.every(({ spec }) =>
                spec.ports.some(({ name }) => name !== undefined && name === port),
              ),
          )
          .map(({ port = 'undefined' }) =>
            says(monitor, `a Service that it selects has no port named ${port}`),
          )
      }),
  },
  {
    name: 'ingress-backend',
    check: (objects) =>
      ofKind(objects, 'Ingress').flatMap((ingress) =>
        (ingress.spec.rules ?? [])
          .flatMap(({ http }) => http?.paths ?? [])
          .filter(
            ({ backend: { service } }) =>
              !isService(objects, service?.name, service?.port.name ?? service?.port.number),
          )
          .map(({ backend }) =>
            says(ingress, `there is no Service ${backend.service?.name ?? ''} with that port`),
          ),
      ),
  },
  {
    name: 'ingress-tls',
    check: (objects, { strict }) =>
      ofKind(objects, 'Ingress')
        .filter(
          ({ spec, metadata }) =>
            strict &&
            !spec.tls?.length &&
            metadata.annotations?.['alb.ingress.kubernetes.io/certificate-arn'] === undefined,
        )
        .map((ingress) => says(ingress, 'is served without TLS')),
  },
  {
    name: 'service-type',
    check: (objects) =>
      ofKind(objects, 'Service')
        .filter(({ spec: { type = 'ClusterIP' } }) => type !== 'ClusterIP')
        .map((service) => says(service, `${String(service.spec.type)} opens a port beside the Ingress`)),
  },
]

const says = (object: Manifest, problem: string): Violation => ({ at: nameOf(object), problem })

function isReachable(objects: readonly Manifest[], pod: Pod, port: number): boolean {
  return policiesOf(objects, pod).some(({ spec }) =>
    (spec.ingress ?? []).some(({ ports }) => opens(pod, ports, port)),
  )
}

/** Ports that a policy lets others reach and that its pods do not open. */
function closedPorts(objects: readonly Manifest[], policy: NetworkPolicy): readonly Violation[] {
  const targets = pods(objects).filter(({ labels }) => selects(policy.spec.podSelector, labels))
  const ports = (policy.spec.ingress ?? []).flatMap(({ ports = [] }) => ports)
  return ports.flatMap(({ port }) =>
    port === undefined || targets.some((pod) => numberOf(pod, port) !== undefined)
      ? []
      : [says(policy, `lets others reach port ${port}, which none of its pods opens`)],
  )
}

/** Ports of our own pods that a policy lets its pods reach and that nobody opens. */
function unansweredPorts(objects: readonly Manifest[], policy: NetworkPolicy): readonly Violation[] {
  return (policy.spec.egress ?? []).flatMap(({ to = [], ports = [] }) =>
    to.flatMap((peer) => {
      if (peer.podSelector === undefined || isElsewhere(peer)) return []
      const answering = pods(objects).filter(({ labels }) => selects(peer.podSelector ?? {}, labels))
      if (answering.length === 0)
        return [says(policy, `lets its pods reach ${JSON.stringify(peer.podSelector)}, which is no pod`)]
      return ports
        .filter(
          ({ port }) =>
            port !== undefined &&
            port !== DNS_PORT &&
            !answering.some((pod) => numberOf(pod, port) !== undefined),
        )
        .map(({ port }) => says(policy, `lets its pods reach port ${String(port)}, which nobody opens`))
    }),
  )
}

/** An edge is let out at its one end and in at its other: half an edge is a mistake. */
function halfEdges(objects: readonly Manifest[], sender: Pod, receiver: Pod): readonly Violation[] {
  const [from, to] = [nameOf(sender.owner), nameOf(receiver.owner)]
  return portsOf(receiver).flatMap((port) => {
    const isSent = maySend(objects, sender, receiver, port)
    if (isSent === mayTake(objects, receiver, sender, port)) return []
    const problem = isSent
      ? `may not take from ${from} what that may send`
      : `may take from ${from} what that may not send`
    return [{ at: to, problem: `${problem} on port ${port}` }]
  })
}
