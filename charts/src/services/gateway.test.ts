import assert from 'node:assert/strict'
import { KEEP_ALIVE_TIMEOUT_MS } from '@bourse/platform/listen'
import type { Tree } from '../values/load.ts'
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

  it('have as many pods as serve, both of them, for as long as they may change places', () => {
    const slots = ['gateway-blue', 'gateway-green']
    for (const [environment, kind, path] of [
      ['production', 'ScaledObject', 'spec.minReplicaCount'],
      ['minimal', 'HorizontalPodAutoscaler', 'spec.minReplicas'],
    ] as const) {
      const least = (minReplicas: number, slot: string) =>
        at(one(rendered(environment, { gateway: { idle: { image: IDLE, minReplicas } } }), kind, slot), path)
      for (const slot of slots) assert.equal(least(4, slot), environment === 'production' ? 10 : 4, slot)
    }
    const busy = rendered('production', { gateway: { idle: { image: IDLE, minReplicas: 100 } } })
    for (const slot of slots) assert.equal(at(one(busy, 'ScaledObject', slot), 'spec.minReplicaCount'), 100)
  })

  it('are measured in a cluster of its own Prometheus, whichever of them stands', () => {
    const files = (over: Tree) => at(one(rendered('local', over), 'ConfigMap', 'prometheus'), 'data')
    assert.match(JSON.stringify(files({})), /job_name: gateway-blue.*job_name: gateway-green/s)
    assert.deepEqual(files({ gateway: { idle: { image: IDLE } } }), files({}))
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

  it('is on AWS the load balancer of the estate, which is bound to the Service', () => {
    for (const environment of ['dev', 'staging', 'production'] as const) {
      const objects = rendered(environment)
      assert.deepEqual(named(objects, 'Ingress'), [], environment)
      assert.equal(at(one(objects, 'Service', 'gateway'), 'spec.ports.0.port'), 8080)
      assert.equal(named(objects, 'Service').includes('gateway-node-port'), false)
    }
  })

  it('may be a load balancer of class alb that asks whether pods are ready and lets them finish', () => {
    const certificateArn = 'arn:aws:acm:us-east-1:666666666666:certificate/1'
    const wanted = { className: 'alb', host: 'bourse.example', certificateArn, tlsSecret: null }
    const ingress = one(rendered('production', { ingress: wanted }), 'Ingress', 'gateway')
    const annotations = ingress.metadata.annotations ?? {}
    const annotation = (name: string) => annotations[`alb.ingress.kubernetes.io/${name}`] ?? ''
    assert.equal(at(ingress, 'spec.ingressClassName'), 'alb')
    assert.equal(annotation('target-type'), 'ip')
    assert.match(annotation('ssl-policy'), /TLS13/)
    assert.equal(annotation('certificate-arn'), certificateArn)
    assert.equal(annotation('healthcheck-port'), '8081')
    assert.equal(annotation('healthcheck-path'), '/ready')
    // The preStop hook's 5 s, 2 s more of work, and the 20 s that closing may take.
    assert.equal(annotation('target-group-attributes'), 'deregistration_delay.timeout_seconds=27')
    assert.equal(at(ingress, 'spec.rules.0.host'), 'bourse.example')
    assert.equal(at(ingress, 'spec.rules.0.http.paths.0.path'), '/api')
    assert.equal(at(ingress, 'spec.rules.0.http.paths.0.pathType'), 'Prefix')
    const idle = Number(
      /idle_timeout\.timeout_seconds=(\d+)/.exec(annotation('load-balancer-attributes'))?.[1],
    )
    assert(
      idle * 1000 < KEEP_ALIVE_TIMEOUT_MS,
      `an idle connection ends after ${idle} s at the balancer and after ${KEEP_ALIVE_TIMEOUT_MS} ms at the gateway`,
    )
  })
})
