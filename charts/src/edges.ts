import { PORTS } from './constructs/service-workload.ts'

/** One end of a connection: pods by their name, pods of another namespace, or addresses outside the cluster. */
export type Peer =
  { readonly pods: string } | { readonly namespace: string } | { readonly addresses: readonly string[] }

/** A connection that is allowed. What is not listed is refused, both where it starts and where it ends. */
export type Edge = { readonly from: Peer; readonly to: Peer; readonly ports: readonly number[] }

export type EdgeFacts = {
  /** Datastores in the cluster; otherwise they are at `datastores`. */
  readonly inCluster: boolean
  readonly hasPrometheus: boolean
  readonly hasDemoMarket: boolean
  readonly hasKeda: boolean
  readonly hasTraefik: boolean
  readonly hasArchive: boolean
  readonly hasAnalytics: boolean
  /** Nobody trades, so there is no gateway and nobody who asks it; the cut is followed. */
  readonly inStandbyRegion: boolean
  readonly clients: readonly string[]
  readonly healthChecks: readonly string[]
  readonly apiServer: readonly string[]
  readonly datastores: readonly string[]
  readonly https: readonly string[]
  readonly monitoring: string | null
}

const pods = (name: string): Peer => ({ pods: name })
const KAFKA = 9092
const KAFKA_IAM = 9098
const POSTGRES = 5432
const REDIS = 6379
const PROMETHEUS = 9090
/** Where pods get their AWS credentials on EKS: the node's own agent. */
const POD_IDENTITY_AGENT: Edge['to'] = { addresses: ['169.254.170.23/32'] }

const SERVICES = ['gateway', 'risk-engine', 'matching-engine', 'settlement', 'market-data']
const READS_REDIS = ['gateway', 'market-data']
const OF_SERVING = ['gateway', 'reconcile', 'smoke', 'demo-market']

/** They read the log and write into S3. */
const objectWriters = ({ hasArchive, hasAnalytics }: EdgeFacts): readonly string[] => [
  ...(hasArchive ? ['archive'] : []),
  ...(hasAnalytics ? ['analytics'] : []),
]

const services = (facts: EdgeFacts): readonly string[] => [
  ...SERVICES,
  ...objectWriters(facts),
  ...(facts.inStandbyRegion ? ['cut-follower'] : []),
]

/** `cut` is a Job that a person runs, as `k8s/delivery/cut.sh` makes it. */
const JOBS = ['prepare', 'reconcile', 'cut']

const readLog = (facts: EdgeFacts): readonly string[] => [...services(facts), ...JOBS]
const readsLedger = (facts: EdgeFacts): readonly string[] =>
  readLog(facts).filter((name) => !objectWriters(facts).includes(name))

/** Every connection of an environment. NetworkPolicies are made from this list and from nothing else. */
export function edges(facts: EdgeFacts): readonly Edge[] {
  return [
    ...['smoke', ...(facts.hasDemoMarket ? ['demo-market'] : [])].map((name) => ({
      from: pods(name),
      to: pods('gateway'),
      ports: [PORTS.http],
    })),
    ...(facts.inCluster ? insideEdges(facts) : outsideEdges(facts)),
    ...entryEdges(facts),
    ...scrapeEdges(facts),
    ...httpsEdges(facts),
  ].filter(({ from, to }) => exists(from, facts) && exists(to, facts))
}

function insideEdges(facts: EdgeFacts): Edge[] {
  const keda: Peer = { namespace: 'keda' }
  return [
    ...readLog(facts).map((name) => ({ from: pods(name), to: pods('kafka'), ports: [KAFKA] })),
    ...readsLedger(facts).map((name) => ({ from: pods(name), to: pods('postgres'), ports: [POSTGRES] })),
    ...READS_REDIS.map((name) => ({ from: pods(name), to: pods('redis'), ports: [REDIS] })),
    // The broker reaches itself by the name that it tells its clients.
    { from: pods('kafka'), to: pods('kafka'), ports: [KAFKA] },
    { from: pods('secrets'), to: { addresses: facts.apiServer }, ports: [443, 6443, 8443] },
    ...(facts.hasKeda ? [{ from: keda, to: pods('kafka'), ports: [KAFKA] }] : []),
    ...(facts.hasKeda && facts.hasPrometheus
      ? [{ from: keda, to: pods('prometheus'), ports: [PROMETHEUS] }]
      : []),
  ]
}

function outsideEdges(facts: EdgeFacts): Edge[] {
  const { datastores } = facts
  const there: Peer = { addresses: datastores }
  return [
    ...readLog(facts).flatMap((name) => [
      {
        from: pods(name),
        to: there,
        ports: readsLedger(facts).includes(name) ? [KAFKA_IAM, POSTGRES] : [KAFKA_IAM],
      },
      { from: pods(name), to: POD_IDENTITY_AGENT, ports: [80] },
    ]),
    ...READS_REDIS.map((name) => ({ from: pods(name), to: there, ports: [REDIS] })),
  ]
}

function entryEdges({ hasTraefik, clients, healthChecks }: EdgeFacts): Edge[] {
  return [
    ...(hasTraefik ? [{ from: { namespace: 'traefik' }, to: pods('gateway'), ports: [PORTS.http] }] : []),
    { from: { addresses: clients }, to: pods('gateway'), ports: [PORTS.http] },
    { from: { addresses: healthChecks }, to: pods('gateway'), ports: [PORTS.ops] },
  ]
}

/** To the issuer's keys and to S3. */
function httpsEdges(facts: EdgeFacts): Edge[] {
  const outward = ['gateway', ...objectWriters(facts), ...(facts.hasArchive ? ['cut'] : [])]
  return outward.map((name) => ({ from: pods(name), to: { addresses: facts.https }, ports: [443] }))
}

function scrapeEdges(facts: EdgeFacts): Edge[] {
  const { hasPrometheus, monitoring } = facts
  const scrapers: Peer[] = [
    ...(hasPrometheus ? [pods('prometheus')] : []),
    ...(monitoring === null ? [] : [{ namespace: monitoring }]),
  ]
  return scrapers.flatMap((from) =>
    services(facts).map((name) => ({ from, to: pods(name), ports: [PORTS.ops] })),
  )
}

const exists = (peer: Peer, { inStandbyRegion }: EdgeFacts): boolean =>
  'addresses' in peer
    ? peer.addresses.length > 0
    : !(inStandbyRegion && 'pods' in peer && OF_SERVING.includes(peer.pods))
