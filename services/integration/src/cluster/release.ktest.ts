import assert from 'node:assert/strict'
import { REPOSITORY } from '@bourse/local/config'
import { switchedAndBack } from './blue-green.ts'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { failures, seconds, tell } from './report.ts'

const PLANNED_MS = 1_000
const KEPT = new Set(['datastore', 'job'])

describe('a release', function () {
  this.timeout(600_000)
  let exchange: ClusterExchange

  before(async function () {
    this.timeout(900_000)
    exchange = await theExchange()
    await exchange.cluster.settled()
  })

  it('replaces every pod of every service under load without a failed request', async function () {
    const { cluster } = exchange
    const names = (await cluster.deployments())
      .filter(({ metadata }) => !KEPT.has(metadata.labels['app.kubernetes.io/component'] ?? ''))
      .map(({ metadata }) => `deployment/${metadata.name}`)
    const servicePods = async () => (await cluster.pods()).filter(({ component }) => !KEPT.has(component))
    const before = new Set((await servicePods()).map(({ uid }) => uid))
    let tookMs = 0
    const { commands, failed, gapMs, calmMs, troubles } = await exchange.tradeThrough(async () => {
      for (const name of names) {
        await cluster.kubectl.run(['rollout', 'restart', name])
        tookMs += await cluster.settled()
      }
    })
    const left = (await servicePods()).filter(({ uid }) => before.has(uid))
    tell(
      this,
      `${before.size} pods in ${seconds(tookMs)}, ${commands} commands, ${failures(failed)}, ` +
        `longest wait ${seconds(gapMs)} (${seconds(calmMs)} before)`,
    )
    assert.deepEqual(left, [], 'every pod is a new one')
    assert.deepEqual(failed, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })

  it('switches the gateways to another slot and back under load', async function () {
    const { served, commands, failed, gapMs, troubles } = await switchedAndBack(exchange, {
      ...{ mode: 'direct', folder: REPOSITORY },
    })
    tell(
      this,
      `${served} requests served in the other slot, ${commands} commands, ${failures(failed)}, ` +
        `longest wait ${seconds(gapMs)}`,
    )
    assert.ok(served > 0, 'nobody was served there')
    assert.deepEqual(failed, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })
})
