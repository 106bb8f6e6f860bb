import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { alertGroupsOf } from '../alerts/alerts.ts'
import { cutJob } from '../delivery/cut-job.ts'
import { ENVIRONMENTS, renderEnvironment, type EnvironmentName } from '../render.ts'
import { loadValues } from '../values/load.ts'
import { customResourceProblems, isCustom } from './custom-resource-schemas.ts'
import { installSchemas, schemaProblems } from './kubernetes-schemas.ts'
import { nameOf, ofKind, workloads, type Manifest } from './manifest.ts'
import { idleWaivers, violations, type Site } from './rule.ts'
import { RULE_GROUPS, RULES } from './rules.ts'
import { WAIVERS } from './waivers.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
const LOCAL: readonly EnvironmentName[] = ['minimal', 'local']

const isStandby = (environment: EnvironmentName): boolean => environment === 'production-standby'

const siteOf = (environment: EnvironmentName): Site => ({
  ...{ environment, namespace: 'bourse' },
  strict: /^(?:staging|production)/.test(environment),
  isLocal: LOCAL.includes(environment),
  inStandbyRegion: isStandby(environment),
  databaseConnections: loadValues(environment).databaseConnections,
  boundServices: LOCAL.includes(environment) || isStandby(environment) ? [] : ['gateway'],
})

const readManifests = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(join(REPOSITORY, file), 'utf8')).map(
    (document) => document.toJS() as Manifest,
  )

const [smoke] = ofKind(readManifests('k8s/delivery/smoke-job.yaml'), 'Job')

/** What is rendered, and the Jobs that people run: one tries a release, with the gateway's image; one makes or opens a cut. */
function render(
  environment: EnvironmentName,
  overrides: Parameters<typeof renderEnvironment>[1] = {},
): readonly Manifest[] {
  const objects = renderEnvironment(environment, overrides) as readonly Manifest[]
  if (isStandby(environment))
    return [...objects, cutJob(objects, ['--alias', 'us-east-1', '--open']) as Manifest]
  const gateway = ofKind(objects, 'Deployment').find(({ metadata }) => metadata.name.startsWith('gateway'))
  const [served] = gateway?.spec.template.spec.containers ?? []
  assert(smoke && served)
  const { image, imagePullPolicy = '' } = served
  const { template } = smoke.spec
  const containers = template.spec.containers.map((container) => ({ ...container, image, imagePullPolicy }))
  const spec = { ...smoke.spec, template: { ...template, spec: { ...template.spec, containers } } }
  const cut = cutJob(objects, ['--from-archive', 's3://bucket/epoch-1']) as Manifest
  return [...objects, { ...smoke, spec } as Manifest, cut]
}

const rendered = new Map<EnvironmentName, readonly Manifest[]>()
const objectsOf = (environment: EnvironmentName): readonly Manifest[] => {
  const objects = rendered.get(environment) ?? render(environment)
  rendered.set(environment, objects)
  return objects
}

for (const environment of ENVIRONMENTS) {
  describe(`Manifests of ${environment}`, function () {
    this.timeout(180_000)

    before(() => objectsOf(environment))
    before(installSchemas)

    for (const [what, rules] of Object.entries(RULE_GROUPS)) {
      it(`hold ${what}`, () => {
        assert.equal(violations(rules, objectsOf(environment), siteOf(environment), WAIVERS).join('\n'), '')
      })
    }

    if (!isStandby(environment))
      it('hold with the other slot of the gateway in use', () => {
        const image = `registry.example/bourse@sha256:${'b'.repeat(64)}`
        const objects = render(environment, { gateway: { idle: { image } } })
        assert.equal(violations(RULES, objects, siteOf(environment), WAIVERS).join('\n'), '')
        assert.equal(
          ofKind(objects, 'Service').filter(({ metadata }) => metadata.name === 'gateway-preview').length,
          1,
        )
      })

    it("pass Kubernetes' schemas, unknown fields refused, in every version", () => {
      assert.deepEqual(schemaProblems(objectsOf(environment).filter((object) => !isCustom(object))), [])
    })

    it('pass the schemas of custom resources, unknown fields refused', () => {
      assert.deepEqual(customResourceProblems(objectsOf(environment).filter(isCustom)), [])
    })
  })
}

describe('Manifests for a cluster whose load balancer is an Ingress', () => {
  it('hold', () => {
    const certificateArn = 'arn:aws:acm:us-east-1:666666666666:certificate/1'
    const ingress = { className: 'alb', host: 'bourse.example', certificateArn, tlsSecret: null }
    const objects = render('production', { ingress })
    const site = { ...siteOf('production'), boundServices: [] }
    assert.equal(violations(RULES, objects, site, WAIVERS).join('\n'), '')
  })
})

describe('Manifests of all environments', () => {
  it('have the same services, and those on AWS an archive and tables', () => {
    const everywhere = ['gateway-blue', 'market-data', 'matching-engine', 'risk-engine', 'settlement']
    for (const environment of ENVIRONMENTS.filter((each) => !isStandby(each))) {
      const names = LOCAL.includes(environment) ? everywhere : ['analytics', 'archive', ...everywhere]
      const services = names.map((name) => `Deployment/${name}`)
      assert.deepEqual(servicesOf(objectsOf(environment)), services, environment)
    }
  })

  it('have in a region that waits who follows and who reads, and nobody to trade with', () => {
    const objects = objectsOf('production-standby')
    const following = ['cut-follower', 'market-data', 'matching-engine', 'risk-engine', 'settlement']
    assert.deepEqual(
      servicesOf(objects),
      following.map((name) => `Deployment/${name}`),
    )
    const jobs = objects.filter(({ kind }) => /Job$/.test(kind)).map(nameOf)
    assert.deepEqual(jobs.map(withoutHash), ['Job/prepare', 'Job/cut'])
  })

  it('are there after a failover what they were before, in another place', () => {
    const names = (environment: EnvironmentName) => objectsOf(environment).map(nameOf).map(withoutHash)
    assert.deepEqual(names('production-recovery'), names('production'))
  })

  it('need every waiver there is', () => {
    const sites = ENVIRONMENTS.map((environment) => ({
      objects: objectsOf(environment),
      site: siteOf(environment),
    }))
    assert.deepEqual(idleWaivers(RULES, sites, WAIVERS), [])
  })

  it('carry the alerts wherever somebody can raise them', () => {
    for (const environment of ENVIRONMENTS.filter((each) => each !== 'minimal')) {
      const inStandbyRegion = isStandby(environment)
      const writesObjects = !LOCAL.includes(environment) && !inStandbyRegion
      const groups = alertGroupsOf({
        hasArchive: writesObjects,
        hasAnalytics: writesObjects,
        inStandbyRegion,
      })
      const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
      const text = JSON.stringify(objectsOf(environment))
      assert.deepEqual(
        names.filter((name) => !text.includes(name)),
        [],
        environment,
      )
    }
  })

  it('raise in a region that waits no alert about what is not there', () => {
    const text = JSON.stringify(objectsOf('production-standby'))
    for (const metric of ['bourse_gateway_', 'bourse_archive_', 'bourse_reconciliation_'])
      assert(!text.includes(metric), metric)
  })

  it('are compared with what is committed by another test', () => {
    const tests = readdirSync(join(REPOSITORY, 'charts/src'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.test.ts'),
    )
    const drift = tests.filter((file) =>
      /committed|drift|snapshot/i.test(readFileSync(join(REPOSITORY, 'charts/src', file), 'utf8')),
    )
    assert(drift.some((file) => !file.startsWith('gates')))
  })
})

describe('Objects of Argo CD', function () {
  this.timeout(60_000)
  const folder = join(REPOSITORY, 'k8s/argocd')

  it('pass their schemas, unknown fields refused', () => {
    assert(existsSync(folder))
    const objects = readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .flatMap((file) =>
        parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((each) => each.toJS() as Manifest),
      )
      .filter(({ apiVersion }) => apiVersion.startsWith('argoproj.io/'))
    assert(objects.length > 0)
    assert.deepEqual(customResourceProblems(objects), [])
  })

  it('give a cluster the folder of its environment and role', () => {
    const text = readFileSync(join(folder, 'applications.yaml'), 'utf8')
    const path = /^ +path: (.*)$/m.exec(text)?.[1]
    assert.equal(
      path,
      `k8s/{{ .metadata.labels.environment }}{{ if ne .metadata.labels.role "primary" }}-{{ .metadata.labels.role }}{{ end }}`,
    )
    const chosen = (key: string) =>
      new RegExp(`key: ${key}, operator: In, values: \\[(.*)\\]`).exec(text)?.[1]?.split(', ') ?? []
    const folders = chosen('environment').flatMap((environment) =>
      chosen('role')
        .map((role) => (role === 'primary' ? environment : `${environment}-${role}`))
        .filter((name) => name.startsWith('production') || name === environment),
    )
    assert.deepEqual(folders.toSorted(), [...ENVIRONMENTS].toSorted())
  })
})

const withoutHash = (name: string): string => name.replace(/-[0-9a-f]{8}$/, '')

/** What the exchange is made of, its datastores aside: those are elsewhere on AWS. */
function servicesOf(objects: readonly Manifest[]): readonly string[] {
  return workloads(objects)
    .filter(({ spec }) =>
      ['gateway', 'engine', 'consumer'].includes(
        spec.template.metadata?.labels?.['app.kubernetes.io/component'] ?? '',
      ),
    )
    .map(nameOf)
    .sort()
}
