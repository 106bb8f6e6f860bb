import assert from 'node:assert/strict'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { OrderLoad } from './order-load.ts'
import { ReadLoad } from './read-load.ts'
import { seconds, tell } from './report.ts'
import { until } from './waiting.ts'

const READS_PER_SECOND = 200
const FEW_PER_SECOND = 10
const UP_WITHIN_MS = 180_000
const DOWN_WITHIN_MS = 300_000

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

  it('add gateways under load and take them away after it, without a failed request', async function () {
    const name = await exchange.cluster.activeGateway()
    const { min: before, max } = await exchange.cluster.bounds(name)
    await scaledBack(name, before)
    const load = new ReadLoad(exchange.url, READS_PER_SECOND)
    const up = await until('more gateways are ready', UP_WITHIN_MS, async () => {
      const { readyReplicas } = await replicas(name)
      return readyReplicas > before && readyReplicas
    }).finally(() => load.stop())
    const rate = load.perSecond
    const few = new ReadLoad(exchange.url, FEW_PER_SECOND)
    const down = await scaledBack(name, before).finally(() => few.stop())
    const failed = load.failed + few.failed
    tell(
      this,
      `${before} to ${up.value} in ${seconds(up.tookMs)} under ${rate.toFixed(0)} requests/s, ` +
        `back at ${before} after ${seconds(down.tookMs)}, ${load.sent + few.sent} requests, ${failed} failed`,
    )
    assert.equal(failed, 0)
    assert.ok(up.value <= max)
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
