import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPOSITORY } from '@bourse/local/config'
import type { Cluster } from './cluster.ts'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { command } from './kubectl.ts'
import { PortForward } from './port-forward.ts'
import { failures, seconds, tell } from './report.ts'
import { OPS_PORT, samplesBy } from './samples.ts'

const PLANNED_MS = 1_000
const BLUE_GREEN = join(REPOSITORY, 'k8s/delivery/bluegreen.sh')
const IN_THE_OTHER_MS = 5_000
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
    const { commands, indefinite, gapMs, calmMs, troubles } = await exchange.tradeThrough(async () => {
      for (const name of names) {
        await cluster.kubectl.run(['rollout', 'restart', name])
        tookMs += await cluster.settled()
      }
    })
    const left = (await servicePods()).filter(({ uid }) => before.has(uid))
    tell(
      this,
      `${before.size} pods in ${seconds(tookMs)}, ${commands} commands, ${failures(indefinite)}, ` +
        `longest wait ${seconds(gapMs)} (${seconds(calmMs)} before)`,
    )
    assert.deepEqual(left, [], 'every pod is a new one')
    assert.deepEqual(indefinite, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })

  it('switches the gateways to another slot and back under load', async function () {
    const { cluster, url } = exchange
    const step = (...args: string[]) =>
      command('bash', [BLUE_GREEN, ...args], { timeoutMs: 300_000, env: { ENV: 'local' } })
    const from = await cluster.activeGateway()
    const { spec } = await cluster.deployment(from)
    const image = spec.template.spec.containers[0]?.image ?? ''
    let served = 0
    const { commands, indefinite, gapMs, troubles } = await exchange.tradeThrough(async () => {
      await step('deploy', image)
      await step('verify')
      await step('switch')
      assert.notEqual(await cluster.activeGateway(), from)
      served = await requestsOf(cluster, await cluster.activeGateway())
      await sleep(IN_THE_OTHER_MS)
      served = (await requestsOf(cluster, await cluster.activeGateway())) - served
      await step('back')
      assert.equal(await cluster.activeGateway(), from)
      await step('finish')
      await cluster.settled()
    })
    tell(
      this,
      `${served} requests served in the other slot, ${commands} commands at ${url}, ${failures(indefinite)}, ` +
        `longest wait ${seconds(gapMs)}`,
    )
    assert.ok(served > 0, 'nobody was served there')
    assert.deepEqual(indefinite, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })
})

/** Requests that the pods of a slot have answered. */
async function requestsOf(cluster: Cluster, deployment: string): Promise<number> {
  const pods = (await cluster.pods('gateway')).filter(
    ({ name, ready }) => ready && name.startsWith(deployment),
  )
  let sum = 0
  for (const { name } of pods) {
    const forward = await PortForward.open(cluster.kubectl, `pod/${name}`, OPS_PORT)
    const scraped = await (await fetch(`http://127.0.0.1:${forward.port}/metrics`)).text()
    forward.close()
    const answered = samplesBy(scraped, 'bourse_gateway_request_seconds_count', 'status')
    sum += [...answered.values()].reduce((all, count) => all + count, 0)
  }
  return sum
}
