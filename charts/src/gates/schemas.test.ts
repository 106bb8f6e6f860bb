import assert from 'node:assert/strict'
import { changed, set, type Change } from './changed-exchange.ts'
import { customResourceProblems, isCustom } from './custom-resource-schemas.ts'
import { KUBERNETES_VERSIONS, installSchemas, schemaProblems } from './kubernetes-schemas.ts'
import type { Manifest } from './manifest.ts'
import { soundExchange } from './sound-exchange.ts'

const builtIn = (objects: readonly Manifest[]) => objects.filter((object) => !isCustom(object))
const custom = (objects: readonly Manifest[]) => objects.filter(isCustom)
const gateway = 'Deployment/gateway'

describe('Schemas', function () {
  this.timeout(180_000)

  before(installSchemas)

  it('take a sound exchange', () => {
    assert.deepEqual(schemaProblems(builtIn(soundExchange())), [])
    assert.deepEqual(customResourceProblems(custom(soundExchange())), [])
  })

  const FAULTS: readonly (readonly [what: string, fault: Change, problem: RegExp])[] = [
    ['a field that nobody knows', set(gateway, 'spec.template.spec.hostNetworks', true), /hostNetworks/],
    ['a field in the wrong place', set(gateway, 'spec.minAvailable', 1), /minAvailable/],
    ['a wrong type', set(gateway, 'spec.replicas', 'two'), /two/],
    ['a required field left out', set(gateway, 'spec.template', undefined), /template/],
    [
      'a kind of a version that is gone',
      set('PodDisruptionBudget/gateway', 'apiVersion', 'policy/v1beta1'),
      /unknown to/,
    ],
  ]
  for (const [what, fault, problem] of FAULTS) {
    it(`refuse ${what}, in every version of Kubernetes`, () => {
      const problems = schemaProblems(builtIn(changed(fault)))
      assert.equal(problems.length, KUBERNETES_VERSIONS.length, problems.join('\n'))
      for (const each of problems) assert.match(each, problem)
    })
  }

  const scaled = 'ScaledObject/matching-engine'
  const CUSTOM_FAULTS: readonly (readonly [what: string, fault: Change, problem: RegExp])[] = [
    ['an unknown field', set(scaled, 'spec.maxReplicas', 3), /^ScaledObject.*maxReplicas/],
    [
      'an unknown field deep inside',
      set('ServiceMonitor/gateway', 'spec.endpoints.0.intervall', '5s'),
      /^ServiceMonitor.*intervall/,
    ],
    ['a wrong type', set(scaled, 'spec.triggers.0.metadata.topic', 5), /^ScaledObject.*string/],
    [
      'a required field left out',
      set(scaled, 'spec.scaleTargetRef', undefined),
      /^ScaledObject.*scaleTargetRef/,
    ],
    ['a kind that nobody described', set(scaled, 'apiVersion', 'keda.sh/v2'), /nothing is known/],
  ]
  for (const [what, fault, problem] of CUSTOM_FAULTS) {
    it(`refuse a custom resource with ${what}`, () => {
      const problems = customResourceProblems(custom(changed(fault)))
      assert(problems.length > 0, 'nothing was found')
      for (const each of problems) assert.match(each, problem)
    })
  }
})
