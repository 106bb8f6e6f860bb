import assert from 'node:assert/strict'
import { at, named, one, rendered } from '../testing/rendered.ts'

const standby = () => rendered('production-standby')
const follower = () => one(standby(), 'Deployment', 'cut-follower')
const container = 'spec.template.spec.containers.0'
const dataOf = (name: string) =>
  (one(standby(), 'ConfigMap', name) as { readonly data?: Record<string, string> }).data ?? {}

describe('who follows the cut', () => {
  it('makes it of the copies of the other region, as long as it lives', () => {
    assert.deepEqual(at(follower(), `${container}.command`), [
      ...['node', '--enable-source-maps', 'services/operator/dist/main.js'],
      ...['cut', '--alias', 'us-east-1', '--follow'],
    ])
    assert.equal(dataOf('cut-follower')['PORT'], '8081')
  })

  it('is alone, and has the memory that 24 inputs need', () => {
    assert.equal(at(follower(), 'spec.replicas'), 1)
    assert.equal(at(follower(), 'spec.strategy.type'), 'Recreate')
    for (const bound of ['requests', 'limits'])
      assert.equal(at(follower(), `${container}.resources.${bound}.memory`), '2048Mi')
    assert.equal(named(standby(), 'ScaledObject').includes('cut-follower'), false)
  })

  it('is applied with `prepare`, which waits for what it writes first', () => {
    const wave = (name: string, kind: string) =>
      one(standby(), kind, name).metadata.annotations?.['argocd.argoproj.io/sync-wave']
    const prepare = named(standby(), 'Job').find((name) => name.startsWith('prepare-')) ?? ''
    assert.equal(wave('cut-follower', 'Deployment'), wave(prepare, 'Job'))
  })
})

describe('engines that follow', () => {
  it('say so, and are measured by groups of their own', () => {
    for (const name of ['risk-engine', 'matching-engine']) {
      assert.equal(dataOf(name)['STANDBY_REGION'], 'true')
      const triggers = at(one(standby(), 'ScaledObject', name), 'spec.triggers') as {
        metadata: { consumerGroup: string }
      }[]
      assert.deepEqual(
        triggers.map(({ metadata }) => metadata.consumerGroup),
        [`${name}-standby-region`],
      )
    }
  })

  it('serve after a failover by one value, under the same names', () => {
    const recovered = rendered('production-standby', { standbyRegion: null })
    assert.deepEqual(recovered, rendered('production-recovery'))
    assert.doesNotMatch(JSON.stringify(recovered), /STANDBY_REGION|standby-region|cut-follower/)
  })
})
