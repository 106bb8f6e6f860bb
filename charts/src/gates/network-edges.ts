import {
  containersOf,
  ofKind,
  pods,
  selects,
  workloads,
  type Labels,
  type Manifest,
  type NetworkPolicy,
  type Pod,
  type PolicyPeer,
  type PolicyPort,
  type Port,
  type Selector,
  type Service,
} from './manifest.ts'

export const isEverything = ({ matchLabels = {}, matchExpressions = [] }: Selector): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0

/** Only what runs for long is behind a Service. */
export function podsOf(objects: readonly Manifest[], { spec: { selector } }: Service): readonly Pod[] {
  const owners = new Set<Manifest>(workloads(objects))
  return selector === undefined
    ? []
    : pods(objects).filter(
        ({ owner, labels }) => owners.has(owner) && selects({ matchLabels: selector }, labels),
      )
}

export const policiesOf = (
  objects: readonly Manifest[],
  { labels }: { readonly labels: Labels },
): readonly NetworkPolicy[] =>
  ofKind(objects, 'NetworkPolicy').filter(({ spec }) => selects(spec.podSelector, labels))

export const portsOf = ({ spec }: Pod): readonly number[] =>
  containersOf(spec).flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort))

/** The number of a port, by its name or itself; undefined when no container opens it. */
export function numberOf({ spec }: Pod, wanted: Port): number | undefined {
  const ports = containersOf(spec).flatMap(({ ports = [] }) => ports)
  return ports.find(({ name, containerPort }) => name === wanted || containerPort === wanted)?.containerPort
}

export function opens(pod: Pod, ports: readonly PolicyPort[] | undefined, port: number): boolean {
  return (
    ports === undefined ||
    ports.some((each) => each.port === undefined || each.port === port || numberOf(pod, each.port) === port)
  )
}

/** Whether the sender's own policies let it send to the receiver. */
export function maySend(objects: readonly Manifest[], sender: Pod, receiver: Pod, port: number): boolean {
  return egressOf(objects, sender).some(
    ({ to = [], ports }) =>
      opens(receiver, ports, port) && to.some((peer) => isAmongOurs(peer, receiver.labels)),
  )
}

/** Whether the receiver's policies let it take from the sender. */
export function mayTake(objects: readonly Manifest[], receiver: Pod, sender: Pod, port: number): boolean {
  return ingressOf(objects, receiver).some(
    ({ from = [], ports }) =>
      opens(receiver, ports, port) && from.some((peer) => isAmongOurs(peer, sender.labels)),
  )
}

/** Whether a pod may send to addresses outside the cluster's pods. */
export const maySendOutside = (objects: readonly Manifest[], sender: Pod, port: number): boolean =>
  egressOf(objects, sender).some(
    ({ to = [], ports }) => opens(sender, ports, port) && to.some(({ ipBlock }) => ipBlock !== undefined),
  )

/** Whether a pod may take from another namespace, or from addresses that are no pods'. */
export const mayTakeFrom = (
  objects: readonly Manifest[],
  receiver: Pod,
  port: number,
  where: 'namespaceSelector' | 'ipBlock',
): boolean =>
  ingressOf(objects, receiver).some(
    ({ from = [], ports }) => opens(receiver, ports, port) && from.some((peer) => peer[where] !== undefined),
  )

export const egressOf = (objects: readonly Manifest[], pod: Pod) =>
  policiesOf(objects, pod).flatMap(({ spec }) => spec.egress ?? [])

const ingressOf = (objects: readonly Manifest[], pod: Pod) =>
  policiesOf(objects, pod).flatMap(({ spec }) => spec.ingress ?? [])

function isAmongOurs(peer: PolicyPeer, labels: Labels): boolean {
  return peer.podSelector !== undefined && !isElsewhere(peer) && selects(peer.podSelector, labels)
}

/** In another namespace, or outside the cluster. */
export const isElsewhere = ({ namespaceSelector, ipBlock }: PolicyPeer): boolean =>
  namespaceSelector !== undefined || ipBlock !== undefined

export function isService(
  objects: readonly Manifest[],
  name: string | undefined,
  wanted: Port | undefined,
): boolean {
  return ofKind(objects, 'Service').some(
    ({ metadata, spec }) =>
      metadata.name === name && spec.ports.some((each) => each.name === wanted || each.port === wanted),
  )
}
