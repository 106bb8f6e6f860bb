import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { OrderLoad } from './order-load.ts'
import { ReadLoad } from './read-load.ts'
import { seconds, tell } from './report.ts'
import { until } from './waiting.ts'

const READS_PER_SECOND = 200
const FEW_PER_SECOND = 10
const UP_WITHIN_MS = 180_000
const DOWN_WITHIN_MS = 300_000
const GONE_WITHIN_MS = 60_000
const SERVES_WITHIN_MS = 60_000
/** Three times what the autoscaler otherwise needs to begin to take gateways away. */
const HELD_MS = 90_000

describe('the autoscalers', function () {
  this.timeout(600_000)
  let exchange: ClusterExchange

  before(async function () {
    this.timeout(900_000)
    exchange = await theExchange()
    await exchange.cluster.settled()
  })

  const replicas = async (deployment: string) => (await exchange.cluster.deployment(deployment)).status

  const scaledBack = (deployment: string, to: number): Promise<{ readonly tookMs: number }> =>
    until(`${deployment} is back at ${to}`, DOWN_WITHIN_MS, async () => {
      const { replicas: all, readyReplicas } = await replicas(deployment)
      return all === to && readyReplicas === to
    })

  const scaledUp = (deployment: string, from: number) =>
    until('more gateways are ready', UP_WITHIN_MS, async () => {
      const { readyReplicas } = await replicas(deployment)
      return readyReplicas > from && readyReplicas
    })

  it('add gateways under load and take them away after it, without a failed request', async function () {
    const name = await exchange.cluster.activeGateway()
    const { min: before, max } = await exchange.cluster.bounds(name)
    await scaledBack(name, before)
    const old = new Set((await exchange.cluster.pods('gateway')).map(({ uid }) => uid))
    const load = new ReadLoad(exchange.url, READS_PER_SECOND)
    const up = await scaledUp(name, before).finally(() => load.stop())
    const added = (await exchange.cluster.pods('gateway')).filter(({ uid, ready }) => ready && !old.has(uid))
    const servesMs = Math.max(...added.map(({ createdAt, readyAt }) => readyAt - createdAt))
    const rate = load.perSecond
    const few = new ReadLoad(exchange.url, FEW_PER_SECOND)
    const down = await scaledBack(name, before).finally(() => few.stop())
    const failed = load.failed + few.failed
    tell(
      this,
      `${before} to ${up.value} in ${seconds(up.tookMs)} under ${rate.toFixed(0)} requests/s, ` +
        `a new one ready after ${seconds(servesMs)}, ` +
        `back at ${before} after ${seconds(down.tookMs)}, ${load.sent + few.sent} requests, ${failed} failed`,
    )
    assert.equal(failed, 0)
    assert.ok(up.value <= max)
    assert.ok(servesMs < SERVES_WITHIN_MS, `a new gateway was ready after ${servesMs} ms`)
  })

  it('hold the gateways while every metric is gone', async function () {
    const { kubectl } = exchange.cluster
    const name = await exchange.cluster.activeGateway()
    const { min } = await exchange.cluster.bounds(name)
    await scaledBack(name, min)
    const seen = new Set<number>()
    const withoutMetrics = async () => {
      await kubectl.run(['scale', 'statefulset/prometheus', '--replicas=0'])
      await until('Prometheus is gone', GONE_WITHIN_MS, async () => {
        const left = await exchange.cluster.pods('prometheus')
        return left.length === 0
      })
    }
    const load = new ReadLoad(exchange.url, READS_PER_SECOND)
    try {
      await scaledUp(name, min)
        .then(withoutMetrics)
        .finally(() => load.stop())
      for (const end = performance.now() + HELD_MS; performance.now() < end; await sleep(1_000))
        seen.add((await replicas(name)).replicas)
    } finally {
      await kubectl.run(['scale', 'statefulset/prometheus', '--replicas=1'])
    }
    const down = await scaledBack(name, min)
    tell(
      this,
      `${[...seen].join(', ')} for ${seconds(HELD_MS)} without load, back at ${min} ${seconds(down.tookMs)} after they came`,
    )
    assert.equal(seen.size, 1, 'the number of gateways changed')
    assert.ok(Math.min(...seen) > min, 'there was none to take away')
  })

  it('add settlement when it lags, up to its partitions, and take it away', async function () {
    const { sql } = exchange
    const { min: before, max } = await exchange.cluster.bounds('settlement')
    await scaledBack('settlement', before)
    const trading = await exchange.newTrading()
    const run = `lag${Date.now().toString(36)}`
    const load = new OrderLoad(exchange.url, trading.probes, run)
    let up = { value: 0, tookMs: 0 }
    try {
      await sql.begin(async (transaction) => {
        // Settlement waits for this lock; trading does not wait for settlement.
        await transaction`lock table offsets in share row exclusive mode`
        up = await until('more of settlement is wanted', UP_WITHIN_MS, async () => {
          const { replicas: wanted } = await replicas('settlement')
          return wanted > before && wanted
        })
      })
    } finally {
      await load.stop()
    }
    await exchange.assertAgreement(trading)
    const down = await scaledBack('settlement', before)
    await exchange.assertAgreement(trading)
    const [kept] = await sql<{ orders: number }[]>`
      select count(*)::int as orders from orders where command_id like ${`${run}-%`}`
    tell(
      this,
      `${before} to ${up.value} (of ${max}) in ${seconds(up.tookMs)}, ` +
        `back at ${before} after ${seconds(down.tookMs)}, ${load.accepted} orders, reconciled`,
    )
    assert.equal(kept?.orders, load.accepted)
  })
})
