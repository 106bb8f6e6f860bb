import assert from 'node:assert/strict'
import { at, named, one, rendered } from '../testing/rendered.ts'

const IDLE = `registry.example/bourse@sha256:${'b'.repeat(64)}`
const selector = (slot: string) => ({ 'app.kubernetes.io/name': 'gateway', 'bourse.dev/slot': slot })
const gateways = (names: readonly string[]) => names.filter((name) => name.startsWith('gateway'))
const image = (objects: ReturnType<typeof rendered>, name: string) =>
  at(one(objects, 'Deployment', name), 'spec.template.spec.containers.0.image')

describe('the slots of the gateway', () => {
  it('are one, and traffic goes there, as long as nothing is released', () => {
    const objects = rendered('local')
    assert.deepEqual(gateways(named(objects, 'Deployment')), ['gateway-blue'])
    assert.deepEqual(at(one(objects, 'Service', 'gateway'), 'spec.selector'), selector('blue'))
    assert.equal(named(objects, 'Service').includes('gateway-preview'), false)
  })

  it('are two in a release: the new one stands beside, with its own scaler, and is looked at', () => {
    const objects = rendered('production', { gateway: { idle: { image: IDLE } } })
    for (const kind of ['Deployment', 'ScaledObject', 'PodDisruptionBudget', 'ConfigMap', 'ServiceMonitor'])
      assert.deepEqual(gateways(named(objects, kind)).sort(), ['gateway-blue', 'gateway-green'], kind)
    assert.deepEqual(at(one(objects, 'Service', 'gateway'), 'spec.selector'), selector('blue'))
    assert.deepEqual(at(one(objects, 'Service', 'gateway-preview'), 'spec.selector'), selector('green'))
    assert.equal(image(objects, 'gateway-green'), IDLE)
    assert.notEqual(image(objects, 'gateway-blue'), IDLE)
  })

  it('change places by one value, and nothing else of the pods changes', () => {
    const before = rendered('production', { gateway: { idle: { image: IDLE } } })
    const old = image(before, 'gateway-blue') as string
    const after = rendered('production', {
      gateway: { active: 'green', image: IDLE, idle: { image: old } },
    })
    assert.deepEqual(at(one(after, 'Service', 'gateway'), 'spec.selector'), selector('green'))
    for (const name of ['gateway-blue', 'gateway-green'])
      assert.deepEqual(one(after, 'Deployment', name), one(before, 'Deployment', name))
  })

  it('are released without the engines', () => {
    const objects = rendered('production', { gateway: { image: IDLE } })
    assert.equal(image(objects, 'gateway-blue'), IDLE)
    assert.equal(image(objects, 'risk-engine'), image(rendered('production'), 'risk-engine'))
  })
})

describe('the way in', () => {
  it('is Traefik and a port of the nodes on one machine', () => {
    const ingress = one(rendered('local'), 'Ingress', 'gateway')
    assert.equal(at(ingress, 'spec.ingressClassName'), 'traefik')
    assert.deepEqual(at(ingress, 'spec.tls.0.hosts'), ['bourse.local'])
    assert.equal(at(one(rendered('local'), 'Service', 'gateway-node-port'), 'spec.ports.0.nodePort'), 30090)
    assert.deepEqual(named(rendered('minimal'), 'Ingress'), [])
  })

  it('is a load balancer on AWS that asks whether pods are ready and lets them finish', () => {
    const ingress = one(rendered('production'), 'Ingress', 'gateway')
    const annotations = ingress.metadata.annotations ?? {}
    const annotation = (name: string) => annotations[`alb.ingress.kubernetes.io/${name}`]
    assert.equal(at(ingress, 'spec.ingressClassName'), 'alb')
    assert.equal(annotation('target-type'), 'ip')
    assert.match(annotation('ssl-policy') ?? '', /TLS13/)
    assert.equal(annotation('healthcheck-port'), '8081')
    assert.equal(annotation('healthcheck-path'), '/ready')
    assert.equal(annotation('target-group-attributes'), 'deregistration_delay.timeout_seconds=20')
    assert.equal(at(ingress, 'spec.rules.0.http.paths.0.path'), '/api')
    assert.equal(named(rendered('production'), 'Service').includes('gateway-node-port'), false)
  })
})
