import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { containersOf, pods, type Manifest } from './gates/manifest.ts'
import { authoritiesOf } from './constructs/database-authorities.ts'
import { ENVIRONMENTS, identity, type KubernetesObject } from './render.ts'
import { at, named, one, rendered } from './testing/rendered.ts'

const CUSTOM = /keda\.sh|monitoring\.coreos\.com|external-secrets\.io/
const custom = (objects: readonly KubernetesObject[]) =>
  objects.filter(({ apiVersion }) => CUSTOM.test(apiVersion)).map(({ kind }) => kind)

describe('an environment', () => {
  it('has no object of a kind that its cluster does not know', () => {
    assert.deepEqual(custom(rendered('minimal')), [])
    assert.deepEqual([...new Set(custom(rendered('local')))], ['ScaledObject'])
    const none = { keda: false, prometheusOperator: false, externalSecrets: false }
    for (const environment of ENVIRONMENTS)
      assert.deepEqual(custom(rendered(environment, { features: none })), [], environment)
  })

  it('has the custom resources of what its cluster knows', () => {
    const kinds = new Set(custom(rendered('production')))
    const expected = [
      'ExternalSecret',
      'PrometheusRule',
      'ScaledObject',
      'ServiceMonitor',
      'TriggerAuthentication',
    ]
    assert.deepEqual([...kinds].sort(), expected)
  })

  it('brings its datastores or the way to them', () => {
    const stores = ['kafka', 'postgres', 'prometheus', 'redis']
    assert.deepEqual(named(rendered('local'), 'StatefulSet').toSorted(), stores)
    assert.deepEqual(named(rendered('production'), 'StatefulSet'), [])
    assert.deepEqual(named(rendered('production'), 'ExternalSecret'), ['bourse-database', 'bourse-redis'])
  })

  it('tells every process of ours its settings by reference', () => {
    for (const environment of ENVIRONMENTS) {
      const ours = pods(rendered(environment) as readonly Manifest[])
        .flatMap(({ spec }) => containersOf(spec))
        .filter(({ command }) => command?.some((word) => word.startsWith('services/')))
      const literal = ours.flatMap(({ name, env = [] }) =>
        env.filter(({ value }) => value !== undefined).map((variable) => `${name}: ${variable.name}`),
      )
      assert.deepEqual(literal, [], environment)
      assert.ok(ours.every(({ envFrom = [] }) => envFrom.some(({ configMapRef }) => configMapRef)))
    }
  })

  it('gives a Job with other settings another name, and brings the settings before it', () => {
    const [before, after] = ['3', '4'].map((risk) =>
      rendered('local', { partitions: { risk: Number(risk) } }).filter(({ kind }) => kind === 'Job'),
    )
    const prepare = (jobs: readonly KubernetesObject[] = []) =>
      jobs.find(({ metadata }) => metadata.name.startsWith('prepare-'))?.metadata.name
    assert.notEqual(prepare(before), prepare(after))
    const settings = one(rendered('local'), 'ConfigMap', 'prepare').metadata.annotations
    assert.equal(settings?.['argocd.argoproj.io/sync-wave'], '-3')
  })

  it('holds no Secret', () => {
    for (const environment of ENVIRONMENTS) assert.deepEqual(named(rendered(environment), 'Secret'), [])
  })

  it('gives a token to the Job that makes secrets, and to nobody else', () => {
    for (const environment of ENVIRONMENTS) {
      const withToken = rendered(environment)
        .filter((object) => at(object, 'spec.template.spec.automountServiceAccountToken') === true)
        .map((object) => identity(object).replace(/-[0-9a-f]{8}$/, ''))
      assert.deepEqual(withToken, environment === 'minimal' || environment === 'local' ? ['Job/secrets'] : [])
    }
    const { rules } = one(rendered('local'), 'Role', 'secrets') as { rules?: unknown }
    assert.deepEqual(rules, [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        verbs: ['get'],
        resourceNames: ['bourse-database', 'bourse-redis', 'bourse-token-keys'],
      },
    ])
  })

  it('names a Job after its pod, so that another image or setting is another Job', () => {
    const prepare = (over = {}) =>
      named(rendered('local', over), 'Job').find((name) => name.startsWith('prepare-'))
    assert.match(prepare() ?? '', /^prepare-[0-9a-f]{8}$/)
    assert.notEqual(prepare({ image: 'bourse:next' }), prepare())
    assert.notEqual(prepare({ partitions: { risk: 4 } }), prepare())
    assert.equal(prepare({ logLevel: 'debug' }), prepare())
  })

  it('has Argo CD replace one kind of engine after the other', () => {
    const wave = (kind: string, name: string) =>
      Number(one(rendered('local'), kind, name).metadata.annotations?.['argocd.argoproj.io/sync-wave'])
    const order = [
      wave('Deployment', 'matching-engine'),
      wave('Deployment', 'risk-engine'),
      wave('ScaledObject', 'matching-engine'),
    ]
    assert.deepEqual(
      order,
      [...new Set(order)].sort((a, b) => a - b),
    )
  })

  it("keeps a reconciliation made by hand after the next one has ended: it counts among the CronJob's own", () => {
    const kept = at(one(rendered('local'), 'CronJob', 'reconcile'), 'spec.successfulJobsHistoryLimit')
    assert.ok(Number(kept) > 1, `${String(kept)} is kept`)
  })

  it('scales nothing from zero, for which alone a polling interval is', () => {
    const scalers = rendered('production').filter(({ kind }) => kind === 'ScaledObject')
    assert.ok(scalers.length > 0)
    for (const scaler of scalers) {
      assert.ok(Number(at(scaler, 'spec.minReplicaCount')) > 0, identity(scaler))
      assert.equal(at(scaler, 'spec.pollingInterval'), undefined, identity(scaler))
    }
  })

  it('keeps what has data on one node, so that another can be lost', () => {
    for (const name of ['postgres', 'redis', 'prometheus']) {
      const affinity =
        'spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution.0'
      const kafka = { matchLabels: { 'app.kubernetes.io/name': 'kafka' } }
      assert.deepEqual(at(one(rendered('local'), 'StatefulSet', name), `${affinity}.labelSelector`), kafka)
    }
  })

  it('pulls an image by tag each time, one by digest once', () => {
    const policy = (environment: 'dev' | 'production') =>
      at(
        one(rendered(environment), 'Deployment', 'settlement'),
        'spec.template.spec.containers.0.imagePullPolicy',
      )
    assert.equal(policy('dev'), 'Always')
    assert.equal(policy('production'), 'IfNotPresent')
  })
})

describe('the authorities of the database', () => {
  it("are the region's and the proxies', and valid for long", () => {
    const names = authoritiesOf('us-east-1').map((text) => {
      const { subject, validTo } = new X509Certificate(text)
      assert.ok(Date.parse(validTo) > Date.parse('2035-01-01'), subject)
      return /CN=(.*)/.exec(subject)?.[1] ?? ''
    })
    assert.deepEqual(names.slice(0, 3).toSorted(), [
      'Amazon RDS us-east-1 Root CA ECC384 G1',
      'Amazon RDS us-east-1 Root CA RSA2048 G1',
      'Amazon RDS us-east-1 Root CA RSA4096 G1',
    ])
    assert.ok(names.includes('Amazon Root CA 1'))
  })

  it('are refused for a region that nobody knows', () => {
    assert.throws(() => authoritiesOf('xx-north-9'), /xx-north-9/)
  })
})
