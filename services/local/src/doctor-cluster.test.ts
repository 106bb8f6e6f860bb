import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './config.ts'
import { examine } from './doctor-check.ts'
import { CLUSTER_CHECKS, MINOR_VERSIONS, type Cluster } from './doctor-cluster.ts'
import {
  broughtByOthers,
  parseQuantity,
  readManifest,
  readManifests,
  requestsOf,
} from './doctor-manifests.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const HERE = '/api/v1/namespaces/bourse'

const container = {
  image: 'bourse:dev',
  resources: { requests: { cpu: '250m', memory: '256Mi' } },
  env: [{ name: 'URL', valueFrom: { secretKeyRef: { name: 'bourse-database', key: 'url' } } }],
}
const manifests = [
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'bourse-serving' } },
  {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'gateway-blue' } },
    spec: {
      template: { spec: { containers: [container], volumes: [{ name: 'own', configMap: { name: 'own' } }] } },
    },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'own' } },
  {
    ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 'gateway-blue' } },
    spec: { scaleTargetRef: { name: 'gateway-blue' }, minReplicaCount: 2 },
  },
  {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'postgres' } },
    spec: {
      replicas: 1,
      volumeClaimTemplates: [{}],
      template: { spec: { containers: [{ image: 'postgres:17' }] } },
    },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'api' },
    spec: { ingressClassName: 'traefik' },
  },
].map(readManifest)

const ready = { type: 'Ready', status: 'True' }
const node = (over: object = {}) => ({
  spec: {},
  status: {
    allocatable: { cpu: '2', memory: '4Gi' },
    conditions: [ready],
    images: [{ names: ['docker.io/library/bourse:dev'] }, { names: ['docker.io/library/postgres:17'] }],
    ...over,
  },
})
const named = (name: string, annotations = {}) => ({ items: [{ metadata: { name, annotations } }] })
const pod = (namespace: string, waiting?: string) => ({
  metadata: { name: 'pod', namespace },
  spec: { containers: [{ resources: { requests: { cpu: '1', memory: '1Gi' } } }] },
  status: {
    phase: 'Running',
    containerStatuses: [{ image: 'bourse:dev', state: waiting ? { waiting: { reason: waiting } } : {} }],
  },
})

/** A cluster in which nothing is missing: what it has under each path. */
const well: Readonly<Record<string, unknown>> = {
  '/version': { major: '1', minor: '34' },
  '/apis/keda.sh/v1alpha1': { resources: [{ kind: 'ScaledObject' }] },
  '/apis/metrics.k8s.io/v1beta1/nodes': named('node'),
  '/apis/external.metrics.k8s.io/v1beta1': { resources: [] },
  '/apis/storage.k8s.io/v1/storageclasses': named('standard', {
    'storageclass.kubernetes.io/is-default-class': 'true',
  }),
  '/apis/networking.k8s.io/v1/ingressclasses': named('traefik'),
  '/apis/scheduling.k8s.io/v1/priorityclasses': named('bourse-serving'),
  '/api/v1/nodes': { items: [node()] },
  '/api/v1/pods': { items: [pod('kube-system'), pod('bourse')] },
  [HERE]: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
  [`${HERE}/pods`]: { items: [pod('bourse')] },
  [`${HERE}/secrets/bourse-database`]: {},
  '/apis/apps/v1/namespaces/bourse/deployments/gateway-blue': {
    spec: { replicas: 2 },
    status: { readyReplicas: 2 },
  },
  '/apis/apps/v1/namespaces/bourse/statefulsets/postgres': {
    spec: { replicas: 1 },
    status: { readyReplicas: 1 },
  },
  '/apis/batch/v1/namespaces/bourse/cronjobs/reconcile': {
    status: { lastSuccessfulTime: '2026-01-01T11:50:00Z' },
  },
}

async function lines(over: Readonly<Record<string, unknown>>) {
  const printed: string[] = []
  const answers = { ...well, ...over }
  const cluster: Cluster = {
    environment: 'local',
    manifests,
    read: async (path) => answers[path],
    nowMs: () => NOW,
  }
  const isWell = await examine(CLUSTER_CHECKS, cluster, (line) => printed.push(line))
  return { isWell, text: printed.join('\n') }
}

describe('The doctor of a cluster', () => {
  it('finds nothing missing where nothing is, and says what it cannot see', async () => {
    const { isWell, text } = await lines({})
    assert(isWell, text)
    assert.match(text, /NetworkPolicy .*cannot be seen/)
    assert.match(text, /asks for 0\.50 CPU and 512 MiB of 1\.00 CPU and 3072 MiB on 1 nodes/)
  })

  const gateway = '/apis/apps/v1/namespaces/bourse/deployments/gateway-blue'
  const reconcile = '/apis/batch/v1/namespaces/bourse/cronjobs/reconcile'
  const ILLS: readonly (readonly [
    what: string,
    ill: Readonly<Record<string, unknown>>,
    said: RegExp,
    mended: RegExp,
  ])[] = [
    ['an old cluster', { '/version': { major: '1', minor: '29+' } }, /1\.29\+ is not tested/, /UPGRADE/],
    [
      'a missing custom resource',
      { '/apis/keda.sh/v1alpha1': { resources: [] } },
      /keda\.sh\/v1alpha1\/ScaledObject/,
      /k8s-addons/,
    ],
    [
      'no metrics-server',
      { '/apis/metrics.k8s.io/v1beta1/nodes': undefined },
      /nothing scales/,
      /metrics-server/,
    ],
    [
      'KEDA without metrics',
      { '/apis/external.metrics.k8s.io/v1beta1': undefined },
      /serves no metrics/,
      /KEDA/,
    ],
    [
      'no default StorageClass',
      { '/apis/storage.k8s.io/v1/storageclasses': named('slow') },
      /none is the default/,
      /annotate/,
    ],
    [
      'no Ingress class',
      { '/apis/networking.k8s.io/v1/ingressclasses': named('nginx') },
      /traefik is not there/,
      /Traefik/,
    ],
    [
      'too little room',
      { '/api/v1/nodes': { items: [node({ allocatable: { cpu: '1200m', memory: '4Gi' } })] } },
      /of 0\.20 CPU/,
      /Add a node/,
    ],
    [
      'nodes that take no pods',
      { '/api/v1/nodes': { items: [{ ...node(), spec: { unschedulable: true } }] } },
      /on 0 nodes/,
      /Add a node/,
    ],
    [
      'an image on no node',
      { '/api/v1/nodes': { items: [node({ images: [] })] } },
      /no node has bourse:dev/,
      /kind load/,
    ],
    [
      'an image that is refused',
      { [`${HERE}/pods`]: { items: [pod('bourse', 'ImagePullBackOff')] } },
      /not to be had: bourse:dev/,
      /kind load/,
    ],
    [
      'a namespace without Pod Security',
      { [HERE]: { metadata: { labels: {} } } },
      /enforces nothing/,
      /kubectl label/,
    ],
    [
      'a missing PriorityClass',
      { '/apis/scheduling.k8s.io/v1/priorityclasses': { items: [] } },
      /not there: bourse-serving/,
      /apply -f k8s\/local/,
    ],
    [
      'a missing Secret',
      { [`${HERE}/secrets/bourse-database`]: undefined },
      /not there: Secret\/bourse-database/,
      /charts\/README/,
    ],
    [
      'a service that is not ready',
      { [gateway]: { spec: { replicas: 2 }, status: {} } },
      /gateway-blue has 0 of 2 ready/,
      /describe pods/,
    ],
    ['a service that is not there', { [gateway]: undefined }, /gateway-blue is not there/, /describe pods/],
    [
      'an old reconciliation',
      { [reconcile]: { status: { lastSuccessfulTime: '2026-01-01T11:00:00Z' } } },
      /60 minutes ago/,
      /from=cronjob\/reconcile/,
    ],
    ['no reconciliation', { [reconcile]: { status: {} } }, /never completed/, /from=cronjob\/reconcile/],
  ]
  for (const [what, ill, said, mended] of ILLS) {
    it(`finds ${what}, says how to mend it, and fails`, async () => {
      const { isWell, text } = await lines(ill)
      assert(!isWell)
      assert.equal(text.match(/✗/g)?.length, 1, text)
      assert.match(text, said)
      assert.match(text, mended)
    })
  }

  it('does not miss what nobody has deployed yet', async () => {
    const { isWell, text } = await lines({ [HERE]: undefined })
    assert(isWell, text)
    assert.match(text, /it will need Secret\/bourse-database/)
  })

  it('names the versions that the upgrade page names', () => {
    const page = readFileSync(join(REPOSITORY, 'k8s/UPGRADE.md'), 'utf8')
    assert.match(page, new RegExp(`1\\.${MINOR_VERSIONS.min} to 1\\.${MINOR_VERSIONS.max}`))
  })
})

describe('What manifests ask for', () => {
  it('is counted in cores and bytes', () => {
    const QUANTITIES = [
      ['250m', 0.25],
      ['2', 2],
      ['1Gi', 2 ** 30],
      ['1.5Mi', 1.5 * 2 ** 20],
      ['100M', 1e8],
    ] as const
    for (const [text, number] of QUANTITIES) assert.equal(parseQuantity(text), number)
    assert.throws(() => parseQuantity('two'), /no quantity/)
  })

  it('counts replicas that an autoscaler starts with', () => {
    assert.deepEqual(requestsOf(manifests), { cpu: 0.5, memory: 512 * 2 ** 20 })
  })

  it('can be read for every environment', () => {
    for (const environment of ['minimal', 'local', 'dev', 'staging', 'production']) {
      const { cpu, memory } = requestsOf(readManifests(join(REPOSITORY, 'k8s', environment)))
      assert(cpu > 0.5 && memory > 2 ** 29, environment)
    }
    assert.deepEqual(readManifests(join(REPOSITORY, 'k8s/nowhere')), [])
  })

  it('names what they do not bring', () => {
    assert.deepEqual(broughtByOthers(manifests), ['Secret/bourse-database'])
  })
})
