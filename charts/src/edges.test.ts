import assert from 'node:assert/strict'
import { type Edge, type Peer, edges } from './edges.ts'
import { at, named, one, rendered } from './testing/rendered.ts'

const LOCAL = {
  ...{ inCluster: true, hasPrometheus: true, hasDemoMarket: true, hasKeda: true, hasTraefik: true },
  ...{ hasArchive: false, hasAnalytics: false, inStandbyRegion: false },
  ...{ clients: ['172.16.0.0/12'], healthChecks: [], apiServer: ['10.96.0.0/12'] },
  ...{ datastores: [], https: [], monitoring: null },
}
const nameOf = (peer: Peer): string =>
  'pods' in peer ? peer.pods : 'namespace' in peer ? `namespace ${peer.namespace}` : peer.addresses.join()
const from = (list: readonly Edge[], name: string) =>
  list.filter((edge) => nameOf(edge.from) === name).map(({ to, ports }) => `${nameOf(to)} ${ports.join()}`)

describe('edges', () => {
  it('are those of the flow, and no more', () => {
    const list = edges(LOCAL)
    assert.deepEqual(from(list, 'gateway'), ['kafka 9092', 'postgres 5432', 'redis 6379'])
    assert.deepEqual(from(list, 'risk-engine'), ['kafka 9092', 'postgres 5432'])
    assert.deepEqual(from(list, 'demo-market'), ['gateway 8080'])
    assert.deepEqual(from(list, 'postgres'), [])
    assert.deepEqual(from(list, 'namespace keda'), ['kafka 9092', 'prometheus 9090'])
  })

  it('lead on AWS to the datastores, and only the gateway, without an archive, to the outside', () => {
    const list = edges({ ...LOCAL, inCluster: false, datastores: ['10.0.20.0/24'], https: ['0.0.0.0/0'] })
    assert.deepEqual(from(list, 'settlement'), ['10.0.20.0/24 9098,5432', '169.254.170.23/32 80'])
    assert.ok(from(list, 'gateway').includes('0.0.0.0/0 443'))
    assert.deepEqual(from(list, 'archive'), [])
  })

  it('lead archive and analytics, where they are, to the log and to S3', () => {
    const aws = { ...LOCAL, inCluster: false, datastores: ['10.0.20.0/24'], https: ['0.0.0.0/0'] }
    const there = ['10.0.20.0/24 9098', '169.254.170.23/32 80', '0.0.0.0/0 443']
    const list = edges({ ...aws, hasArchive: true })
    assert.deepEqual(from(list, 'archive'), there)
    assert.deepEqual(from(list, 'analytics'), [])
    assert.deepEqual(from(edges({ ...aws, hasAnalytics: true }), 'analytics'), there)
  })

  it('lead in a region that waits to the datastores, and nobody in', () => {
    const aws = { ...LOCAL, inCluster: false, datastores: ['10.0.20.0/24'], https: ['0.0.0.0/0'] }
    const list = edges({ ...aws, hasDemoMarket: false, hasPrometheus: false, inStandbyRegion: true })
    assert.deepEqual(from(list, 'cut-follower'), ['10.0.20.0/24 9098,5432', '169.254.170.23/32 80'])
    assert.deepEqual(from(list, 'cut'), ['10.0.20.0/24 9098,5432', '169.254.170.23/32 80'])
    const ends = new Set(list.flatMap((edge) => [nameOf(edge.from), nameOf(edge.to)]))
    for (const absent of ['gateway', 'reconcile', 'smoke', '172.16.0.0/12', '0.0.0.0/0'])
      assert.equal(ends.has(absent), false, absent)
  })

  it('are not there where their ends are not', () => {
    const list = edges({ ...LOCAL, hasKeda: false, hasTraefik: false, hasPrometheus: false, clients: [] })
    const senders = new Set(list.map((edge) => nameOf(edge.from)))
    for (const absent of ['namespace keda', 'namespace traefik', 'prometheus', ''])
      assert.equal(senders.has(absent), false, absent)
  })
})

describe('network policies', () => {
  it('refuse everything first', () => {
    const { spec } = one(rendered('local'), 'NetworkPolicy', 'default-deny') as { spec?: unknown }
    assert.deepEqual(spec, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  })

  it('open an edge at both of its ends', () => {
    const objects = rendered('local')
    const redis = at(one(objects, 'NetworkPolicy', 'redis'), 'spec.ingress') as object[]
    const label = (name: string) => ({ podSelector: { matchLabels: { 'app.kubernetes.io/name': name } } })
    const ports = [{ port: 6379, protocol: 'TCP' }]
    assert.deepEqual(
      redis,
      ['gateway', 'market-data'].map((name) => ({ from: [label(name)], ports })),
    )
    const marketData = at(one(objects, 'NetworkPolicy', 'market-data'), 'spec.egress') as object[]
    assert.ok(
      marketData.some((rule) => JSON.stringify(rule) === JSON.stringify({ ports, to: [label('redis')] })),
    )
  })

  it('are one for each name of an edge', () => {
    const others = ['default-deny', 'dns']
    const policies = named(rendered('production'), 'NetworkPolicy').filter((name) => !others.includes(name))
    const engines = ['matching-engine', 'risk-engine']
    const services = ['analytics', 'archive', 'gateway', 'market-data', 'settlement', ...engines]
    assert.deepEqual(policies.toSorted(), [...services, 'cut', 'prepare', 'reconcile', 'smoke'].toSorted())
  })
})
