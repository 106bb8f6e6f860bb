import {
  containersOf,
  nameOf,
  ofKind,
  pods,
  workloads,
  type Container,
  type Manifest,
  type Pod,
  type ScaledObject,
  type Service,
} from './manifest.ts'
import { egressOf, maySend, maySendOutside, mayTakeFrom, numberOf, podsOf } from './network-edges.ts'
import type { Rule, Violation } from './rule.ts'
import { variablesOf } from './service-environments.ts'

const DNS_PORT = 53
const API_SERVER_PORT = 443
const OPS_PORT = 'ops'
const SCHEME_PORTS: Readonly<Record<string, number>> = {
  ...{ 'http:': 80, 'https:': 443, 'postgres:': 5432, 'redis:': 6379, 'rediss:': 6379 },
}
/** What a Secret holds is known to the cluster alone; where it leads is not: by its variable's name. */
const SECRET_ADDRESSES: readonly (readonly [variable: RegExp, host: string, port: number])[] = [
  [/^DATABASE_(?:READ_)?URL$/, 'postgres', 5432],
  [/^REDIS_URL$/, 'redis', 6379],
]

/** Where EKS gives a pod the credentials of its ServiceAccount; tokens for MSK are signed with them. */
const POD_IDENTITY_AGENT: Address = { host: '169.254.170.23', port: 80 }

type Address = { readonly host: string; readonly port: number }

/** Whether everybody reaches what he is told to talk to. A policy that is too tight passes every other rule. */
export const reachabilityRules: readonly Rule[] = [
  {
    name: 'addresses-reachable',
    check: (objects, { isLocal }) =>
      pods(objects).flatMap((pod) =>
        containersOf(pod.spec).flatMap((container) =>
          addressesOf(container, objects, isLocal)
            .filter((address) => !reaches(objects, pod, address))
            .map(({ host, port }) =>
              says(pod.owner, `${container.name} may not reach ${host} on port ${port}`),
            ),
        ),
      ),
  },
  {
    name: 'dns-reachable',
    check: (objects) =>
      pods(objects).flatMap((pod) =>
        ['UDP', 'TCP']
          .filter((wanted) => !asksNames(objects, pod, wanted))
          .map((wanted) => says(pod.owner, `may not ask for names over ${wanted}`)),
      ),
  },
  {
    name: 'api-server-reachable',
    check: (objects) =>
      pods(objects)
        .filter(
          (pod) =>
            pod.spec.automountServiceAccountToken === true && !maySendOutside(objects, pod, API_SERVER_PORT),
        )
        .map(({ owner }) => says(owner, 'has a token for the API server and may not reach it')),
  },
  {
    name: 'scalers-reach-their-sources',
    check: (objects) => ofKind(objects, 'ScaledObject').flatMap((each) => sources(objects, each)),
  },
  {
    name: 'api-has-an-entrance',
    check: (objects, { namespace, boundServices, inStandbyRegion }) => {
      const doors = objects.filter((object) => object.kind === 'Ingress' || isNodePort(object))
      const isOpen = doors.length + boundServices.length > 0
      if (isOpen !== inStandbyRegion) return []
      const problem = isOpen ? 'has an entrance to what only follows' : 'nobody outside can reach the API'
      return [{ at: `Namespace/${namespace}`, problem }]
    },
  },
  {
    name: 'ingress-may-enter',
    check: (objects) =>
      ofKind(objects, 'Ingress').flatMap((ingress) => {
        // An ALB sends from its own addresses, a controller in the cluster from its namespace.
        const where = ingress.spec.ingressClassName === 'alb' ? 'ipBlock' : 'namespaceSelector'
        const names = (ingress.spec.rules ?? [])
          .flatMap(({ http }) => http?.paths ?? [])
          .map(({ backend }) => backend.service?.name)
        return ofKind(objects, 'Service')
          .filter(({ metadata }) => names.includes(metadata.name))
          .flatMap((service) =>
            closedTo(objects, service, where).map((to) =>
              says(ingress, `its controller may not reach ${to}`),
            ),
          )
      }),
  },
  {
    name: 'balancer-may-enter',
    check: (objects, { boundServices }) =>
      boundServices.flatMap((name) => {
        const service = ofKind(objects, 'Service').find(({ metadata }) => metadata.name === name)
        if (service === undefined)
          return [{ at: `Service/${name}`, problem: 'a load balancer is bound to it, and it is not there' }]
        const closed = [...closedTo(objects, service, 'ipBlock'), ...closedToChecks(objects, service)]
        return closed.map((to) => says(service, `its load balancer may not reach ${to}`))
      }),
  },
  {
    name: 'node-port-may-enter',
    check: (objects) =>
      ofKind(objects, 'Service')
        .filter(({ spec }) => spec.type === 'NodePort')
        .flatMap((service) =>
          closedTo(objects, service, 'ipBlock').map((to) => says(service, `nodes may not reach ${to}`)),
        ),
  },
  {
    name: 'scraped',
    check: (objects) => {
      const monitors = ofKind(objects, 'ServiceMonitor')
      if (monitors.length === 0 && ofKind(objects, 'PrometheusRule').length === 0) return []
      const services = ofKind(objects, 'Service').filter(({ metadata }) =>
        monitors.some(({ spec }) =>
          Object.entries(spec.selector.matchLabels ?? {}).every(
            ([key, value]) => metadata.labels?.[key] === value,
          ),
        ),
      )
      return workloads(objects)
        .flatMap((owner) =>
          pods(objects).filter((pod) => pod.owner === owner && numberOf(pod, OPS_PORT) !== undefined),
        )
        .flatMap((pod) => {
          const isSelected = services.some((service) => isBehind(objects, service, pod))
          const port = numberOf(pod, OPS_PORT) ?? 0
          return [
            ...(isSelected ? [] : [says(pod.owner, 'no ServiceMonitor leads to it')]),
            ...(mayTakeFrom(objects, pod, port, 'namespaceSelector')
              ? []
              : [says(pod.owner, 'Prometheus may not reach it')]),
          ]
        })
    },
  },
]

const isNodePort = (object: Manifest): boolean =>
  ofKind([object], 'Service').some(({ spec }) => spec.type === 'NodePort')

const says = (object: Manifest, problem: string): Violation => ({ at: nameOf(object), problem })

const isBehind = (objects: readonly Manifest[], service: Service, pod: Pod): boolean =>
  podsOf(objects, service).some(({ owner }) => owner === pod.owner)

function addressesOf(
  container: Container,
  objects: readonly Manifest[],
  isLocal: boolean,
): readonly Address[] {
  return [...variablesOf(container, objects)].flatMap(([name, value]) => {
    if (name === 'KAFKA_SECURITY' && value === 'aws-iam') return [POD_IDENTITY_AGENT]
    if (value !== undefined) return /_(?:URL|BROKERS)$/.test(name) ? value.split(',').map(addressIn) : []
    return SECRET_ADDRESSES.filter(([variable]) => variable.test(name)).map(([, host, port]) => ({
      host: isLocal ? host : `${host}.outside`,
      port,
    }))
  })
}

function addressIn(text: string): Address {
  const { protocol, hostname, port } = new URL(text.includes('://') ? text : `tcp://${text}`)
  // A bucket has a name of its own at AWS.
  if (protocol === 's3:') return { host: `${hostname}.s3.amazonaws.com`, port: 443 }
  return { host: hostname, port: port === '' ? (SCHEME_PORTS[protocol] ?? 0) : Number(port) }
}

/** `kafka` and `kafka.bourse.svc.cluster.local` are Services here; other names with dots are outside. */
const isInCluster = ({ host }: Address): boolean => !host.includes('.') || host.endsWith('.svc.cluster.local')

const servicesAt = (objects: readonly Manifest[], { host, port }: Address): readonly Service[] =>
  ofKind(objects, 'Service').filter(
    ({ metadata, spec }) =>
      metadata.name === host.split('.')[0] && spec.ports.some((each) => each.port === port),
  )

function reaches(objects: readonly Manifest[], sender: Pod, address: Address): boolean {
  if (!isInCluster(address)) return maySendOutside(objects, sender, address.port)
  return targetsOf(objects, servicesAt(objects, address), address.port).some(({ pod, port }) =>
    maySend(objects, sender, pod, port),
  )
}

/** The pods behind Services, with the number of the port that a Service's port leads to. */
function targetsOf(objects: readonly Manifest[], services: readonly Service[], wanted?: number) {
  return services.flatMap((service) =>
    podsOf(objects, service).flatMap((pod) =>
      service.spec.ports
        .filter(({ port }) => wanted === undefined || port === wanted)
        .flatMap(({ port, targetPort = port }) => numberOf(pod, targetPort) ?? [])
        .map((port) => ({ pod, port })),
    ),
  )
}

function closedTo(
  objects: readonly Manifest[],
  service: Service,
  where: 'namespaceSelector' | 'ipBlock',
): readonly string[] {
  return targetsOf(objects, [service])
    .filter(({ pod, port }) => !mayTakeFrom(objects, pod, port, where))
    .map(({ pod, port }) => `${nameOf(pod.owner)} on port ${port}`)
}

/** A balancer asks at the port of operations whether a pod is ready. */
const closedToChecks = (objects: readonly Manifest[], service: Service): readonly string[] =>
  podsOf(objects, service)
    .filter((pod) => !mayTakeFrom(objects, pod, numberOf(pod, OPS_PORT) ?? 0, 'ipBlock'))
    .map(({ owner }) => `${nameOf(owner)} on port ${OPS_PORT}`)

const asksNames = (objects: readonly Manifest[], pod: Pod, wanted: string): boolean =>
  egressOf(objects, pod).some(({ ports = [] }) =>
    ports.some(({ port, protocol = 'TCP' }) => port === DNS_PORT && protocol === wanted),
  )

/** KEDA asks from its own namespace. */
function sources(objects: readonly Manifest[], scaled: ScaledObject): readonly Violation[] {
  return scaled.spec.triggers.flatMap(({ metadata, authenticationRef }) => {
    const text = metadata['bootstrapServers'] ?? metadata['serverAddress']
    const addresses = text === undefined ? [] : text.split(',').map(addressIn).filter(isInCluster)
    const shut = addresses.filter(({ host, port }) => {
      const targets = targetsOf(objects, servicesAt(objects, { host, port }), port)
      const isOurs = host.split('.')[1] === scaled.metadata.namespace || !host.includes('.')
      return isOurs && !targets.some(({ pod, port }) => mayTakeFrom(objects, pod, port, 'namespaceSelector'))
    })
    const isAuthenticated =
      authenticationRef === undefined ||
      objects.some(
        ({ kind, metadata }) =>
          kind === (authenticationRef.kind ?? 'TriggerAuthentication') &&
          metadata.name === authenticationRef.name,
      )
    return [
      ...shut.map(({ host, port }) => says(scaled, `KEDA may not reach ${host} on port ${port}`)),
      ...(isAuthenticated
        ? []
        : [says(scaled, `TriggerAuthentication ${authenticationRef.name} does not exist`)]),
    ]
  })
}
