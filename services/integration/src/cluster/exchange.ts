import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres, type Database } from '@bourse/platform/postgres'
import { assertDepthAgrees, assertFillsPair } from '../ledger-checks.ts'
import { TradingLoad } from '../trading-load.ts'
import { ArgoCd } from './argo-cd.ts'
import { Cluster } from './cluster.ts'
import { deploy } from './deployment.ts'
import { publicUrl } from './public-url.ts'
import { GapWatch } from './gap-watch.ts'
import { OwnerWatch } from './owner-watch.ts'
import { PortForward } from './port-forward.ts'
import { reconcileNow } from './reconcile-job.ts'
import { Desk, type Trading } from './traders.ts'

/**
 * A load that leaves two cores room to start pods, as a cluster has whose autoscalers keep to 70 %. With 100 ms they were
 * about 85 % busy before anything was done to them.
 */
const THINK_MS = 250
const WARM_MS = 1_000
const CALM_MS = 3_000
const AFTER_MS = 4_000
const STATEMENT_TIMEOUT_MS = 120_000

export type Traded = {
  /** Orders and cancels. */
  readonly commands: number
  /** Codes of the answers that left open what had become of a command, so that it was asked again, and of failed reads. */
  readonly failed: readonly string[]
  /** The longest time that a client was not served, from the harm on. */
  readonly gapMs: number
  /** The same before the harm: what this machine makes anyway. */
  readonly calmMs: number
  /** What those clients were told from the harm on, other than yes. */
  readonly troubles: readonly string[]
}

type Parts = { cluster: Cluster; url: string; sql: Database; desk: Desk }

/**
 * The exchange in the cluster, deployed, with traders, and somebody who watches the owners of its partitions. Nothing of it
 * is closed: it lasts as long as the tests' process.
 */
export class ClusterExchange {
  readonly cluster: Cluster
  readonly url: string
  readonly sql: Database
  readonly owners: OwnerWatch
  readonly #desk: Desk
  /** Pods that stood still and woke: they may believe for a moment that they own what has moved on. */
  readonly sleepers = new Set<string>()

  private constructor({ cluster, url, sql, desk }: Parts) {
    this.cluster = cluster
    this.url = url
    this.sql = sql
    this.#desk = desk
    this.owners = new OwnerWatch(cluster)
  }

  static async start(): Promise<ClusterExchange> {
    const cluster = await Cluster.connect()
    await new ArgoCd(cluster).rest()
    await deploy(cluster)
    const url = await publicUrl(cluster)
    const forward = await PortForward.open(cluster.kubectl, 'service/postgres', 5432)
    const database = new URL((await cluster.secret('bourse-database'))['url'] ?? '')
    database.host = `127.0.0.1:${forward.port}`
    const sql = connectPostgres({
      ...{ url: database.href, max: 2, applicationName: 'cluster-test' },
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    })
    return new ClusterExchange({ cluster, url, sql, desk: await Desk.open(cluster, url) })
  }

  /**
   * Trades, does harm, trades on; then everything must agree: engines, journal and orders, what the clients know, fills
   * with trades, the public depth with the open orders.
   */
  async tradeThrough(harm: () => Promise<void>): Promise<Traded> {
    const before = await assertFillsPair(this.sql)
    const trading = await this.newTrading()
    const load = new TradingLoad(trading, 'order', { thinkMs: THINK_MS })
    const gaps = new GapWatch(this.url, trading.probes)
    await sleep(WARM_MS)
    const calmAt = performance.now()
    await sleep(CALM_MS)
    const harmedAt = performance.now()
    try {
      await harm()
      await sleep(AFTER_MS)
    } finally {
      await Promise.all([load.stop(), gaps.stop()])
    }
    await this.assertAgreement(trading)
    const after = await assertFillsPair(this.sql)
    assert.ok(after.trades > before.trades, 'nothing was traded, so nothing was shown')
    return {
      commands: trading.history.commands.length,
      failed: [...load.indefinite, ...load.unread],
      gapMs: gaps.longestMs(harmedAt),
      calmMs: gaps.longestMs(calmAt, harmedAt),
      troubles: gaps.troubles(harmedAt),
    }
  }

  newTrading(): Promise<Trading> {
    return this.#desk.newTrading(`k${Date.now().toString(36)}`)
  }

  async assertAgreement({ history, symbols }: Trading): Promise<void> {
    const { exact, lines } = await reconcileNow(this.cluster)
    assert.ok(exact, lines.join('\n'))
    await history.assertAgrees(this.sql)
    for (const symbol of symbols) await assertDepthAgrees(this.sql, this.url, symbol)
  }
}

let exchange: Promise<ClusterExchange> | undefined

/** The one exchange that all tests share. */
export const theExchange = (): Promise<ClusterExchange> => (exchange ??= ClusterExchange.start())
