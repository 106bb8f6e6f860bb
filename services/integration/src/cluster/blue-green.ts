import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { ClusterExchange, Traded } from './exchange.ts'
import { delivery } from './delivery.ts'
import { PortForward } from './port-forward.ts'
import { OPS_PORT, samplesBy } from './samples.ts'

const STEP_MS = 300_000
const IN_THE_OTHER_MS = 5_000

export type How = {
  /** Whether the steps change the cluster, or commits that Argo CD brings there. */
  readonly mode: 'direct' | 'git'
  /** The checkout that the steps are made in. */
  readonly folder: string
}

/** Releases the gateways' own image once more into the other slot, serves from there, and goes back, under load. */
export async function switchedAndBack(
  exchange: ClusterExchange,
  { mode, folder }: How,
): Promise<Traded & { readonly served: number }> {
  const { cluster } = exchange
  const step = (...args: string[]) =>
    delivery('bluegreen.sh', args, { folder, timeoutMs: STEP_MS, env: { ENV: 'local', MODE: mode } })
  const from = await cluster.activeGateway()
  const { spec } = await cluster.deployment(from)
  const image = spec.template.spec.containers[0]?.image ?? ''
  let served = 0
  const traded = await exchange.tradeThrough(async () => {
    await step('deploy', image)
    await step('verify')
    await step('switch')
    const other = await cluster.activeGateway()
    assert.notEqual(other, from)
    served = await requestsOf(cluster, other)
    await sleep(IN_THE_OTHER_MS)
    served = (await requestsOf(cluster, other)) - served
    await step('back')
    assert.equal(await cluster.activeGateway(), from)
    await step('finish')
    await cluster.settled()
    const names = (await cluster.deployments()).map(({ metadata }) => metadata.name)
    assert.ok(!names.includes(other), 'the other slot is gone')
  })
  return { ...traded, served }
}

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
