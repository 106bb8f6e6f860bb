import assert from 'node:assert/strict'
import { at, named, one, rendered } from '../testing/rendered.ts'

const SERVICES = ['gateway-blue', 'risk-engine', 'matching-engine', 'settlement', 'market-data']
const POD = 'spec.template.spec'
const deployment = (name: string, environment: 'local' | 'production' = 'local', over = {}) =>
  one(rendered(environment, over), 'Deployment', name)

describe('a service', () => {
  it('has a Deployment, settings, an account, a budget and an operations Service', () => {
    const objects = rendered('local')
    for (const kind of ['Deployment', 'ConfigMap', 'PodDisruptionBudget'])
      assert.deepEqual(
        SERVICES.filter((name) => !named(objects, kind).includes(name)),
        [],
      )
    for (const name of SERVICES) one(objects, 'Service', `${name}-ops`)
    for (const name of SERVICES) one(objects, 'ServiceAccount', name.replace('-blue', ''))
  })

  it('is ready by another question than it is alive by', () => {
    for (const name of SERVICES) {
      const container = `${POD}.containers.0`
      assert.equal(at(deployment(name), `${container}.startupProbe.httpGet.path`), '/live')
      assert.equal(at(deployment(name), `${container}.livenessProbe.httpGet.path`), '/live')
      assert.equal(at(deployment(name), `${container}.readinessProbe.httpGet.path`), '/ready')
    }
  })

  it('has no replicas where something scales it, and those of the values where nothing does', () => {
    for (const name of SERVICES) assert.equal(at(deployment(name), 'spec.replicas'), undefined)
    const minimal = rendered('minimal')
    assert.equal(at(one(minimal, 'Deployment', 'risk-engine'), 'spec.replicas'), 2)
    assert.equal(at(one(minimal, 'Deployment', 'settlement'), 'spec.replicas'), 1)
    assert.equal(at(one(minimal, 'Deployment', 'gateway-blue'), 'spec.replicas'), undefined)
  })

  it('is selected by its name alone, which no change of the charts changes', () => {
    assert.deepEqual(at(deployment('settlement'), 'spec.selector'), {
      matchLabels: { 'app.kubernetes.io/name': 'settlement' },
    })
    assert.equal(JSON.stringify(rendered('local')).includes('cdk8s.io/metadata.addr'), false)
  })

  it('gets other pods when a setting changes, and only the service whose setting it is', () => {
    const annotation = 'spec.template.metadata.annotations'
    const over = { settlement: { settings: { COMMIT_INTERVAL_MS: '500' } } }
    assert.notDeepEqual(
      at(deployment('settlement', 'local', over), annotation),
      at(deployment('settlement'), annotation),
    )
    assert.deepEqual(
      at(deployment('market-data', 'local', over), annotation),
      at(deployment('market-data'), annotation),
    )
  })

  it('holds ephemeral storage in what the values say, which cdk8s-plus would round to gibibytes', () => {
    assert.equal(
      at(deployment('settlement'), `${POD}.containers.0.resources.limits.ephemeral-storage`),
      '128Mi',
    )
  })

  it('runs from source only in development', () => {
    const developed = deployment('settlement', 'local', { development: true })
    assert.deepEqual(at(developed, `${POD}.containers.0.command.1`), '--watch')
    assert.equal(at(developed, `${POD}.containers.0.securityContext.readOnlyRootFilesystem`), false)
    assert.equal(
      at(deployment('settlement'), `${POD}.containers.0.securityContext.readOnlyRootFilesystem`),
      true,
    )
  })
})

describe('an engine', () => {
  it('is never beside another of its kind, and on AWS on nodes and in zones of its own', () => {
    const rules = (environment: 'local' | 'production') =>
      (
        at(deployment('risk-engine', environment), `${POD}.topologySpreadConstraints`) as {
          topologyKey: string
          whenUnsatisfiable: string
        }[]
      ).map(({ topologyKey, whenUnsatisfiable }) => `${topologyKey} ${whenUnsatisfiable}`)
    const host = 'kubernetes.io/hostname DoNotSchedule'
    assert.deepEqual(rules('local'), ['topology.kubernetes.io/zone ScheduleAnyway', host])
    assert.deepEqual(rules('production'), ['topology.kubernetes.io/zone DoNotSchedule', host])
    assert.deepEqual(at(deployment('risk-engine', 'production'), `${POD}.nodeSelector`), {
      'bourse.dev/engines': 'true',
    })
  })

  it('has the passwords of its servers as files, and where they are as settings', () => {
    for (const name of SERVICES) {
      const service = deployment(name, 'production')
      const servers = /gateway|market-data/.test(name) ? ['database', 'redis'] : ['database']
      const { data = {} } = one(rendered('production'), 'ConfigMap', name) as {
        data?: Record<string, string>
      }
      const mounts = at(service, `${POD}.containers.0.volumeMounts`) as {
        mountPath: string
        subPath?: string
      }[]
      for (const server of servers) {
        const folder = `/etc/bourse/passwords/bourse-${server}`
        assert.equal(data[`${server.toUpperCase()}_PASSWORD_FILE`], `${folder}/password`, name)
        assert.deepEqual(
          mounts.filter(({ mountPath }) => mountPath === folder).map(({ subPath }) => subPath),
          [undefined],
        )
      }
    }
  })

  it('has whole cores to itself in production', () => {
    const { requests, limits } = at(
      deployment('matching-engine', 'production'),
      `${POD}.containers.0.resources`,
    ) as { requests: object; limits: object }
    assert.deepEqual(requests, limits)
    assert.match(String((requests as { cpu: unknown }).cpu), /^\d+$/)
  })
})
