import assert from 'node:assert/strict'
import { testableContext } from './context.ts'

describe('the context to test on', () => {
  for (const name of ['kind-kind', 'kind-bourse', 'minikube', 'minikube-2']) {
    it(`may be ${name}`, () => assert.equal(testableContext(name, undefined), name))
  }

  for (const name of [
    'production',
    'arn:aws:eks:eu-central-1:1:cluster/bourse',
    'my-kind-cluster',
    'kind-',
  ]) {
    it(`is refused when it is ${name}`, () =>
      assert.throws(() => testableContext(name, undefined), /neither/))
  }

  it('is any that was asked for by name', () => assert.equal(testableContext('lab', 'lab'), 'lab'))

  it('is refused when another was asked for', () =>
    assert.throws(() => testableContext('kind-kind', 'lab'), /current context is kind-kind/))
})
