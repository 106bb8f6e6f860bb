import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExchangeClient } from '@bourse/load-tests/exchange-client'
import { marketRules, prepareMarket, prepareTraders, type Trader } from '@bourse/load-tests/market'
import { TokenSigner } from '@bourse/load-tests/tokens'
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '@bourse/local/keys'
import { SERVICES } from '@bourse/local/service-names'
import type { ExternalServers } from '@bourse/local/servers'
import { oneOfEach, type Replicas } from '@bourse/local/services'
import { startStack, type Stack } from '@bourse/local/stack'
import { reconcileExchange } from '@bourse/operator/reconcile'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { createLog } from '@bourse/platform/log'
import { closePostgres, connectPostgres, type Database } from '@bourse/platform/postgres'
import type { Pool } from 'undici'
import { ClientHistory } from './history/client-history.ts'

const TRADERS = 8
const RECONCILE_TIMEOUT_MS = 60_000

/** A whole exchange on free ports with data of its own, and clients that trade on it. */
export class ExchangeUnderTest {
  readonly stack: Stack
  readonly sql: Database
  readonly traders: readonly Trader[]
  readonly symbols: readonly string[]
  /** What the traders write down. */
  readonly history: ClientHistory
  readonly #home: string
  readonly #pool: Pool

  private constructor(parts: {
    stack: Stack
    sql: Database
    traders: readonly Trader[]
    symbols: readonly string[]
    history: ClientHistory
    home: string
    pool: Pool
  }) {
    this.stack = parts.stack
    this.sql = parts.sql
    this.traders = parts.traders
    this.symbols = parts.symbols
    this.history = parts.history
    this.#home = parts.home
    this.#pool = parts.pool
  }

  static async start({
    shards,
    replicas = {},
    external = {},
  }: {
    shards: number
    replicas?: Replicas
    /** Servers that run already, with what they hold. */
    external?: ExternalServers
  }): Promise<ExchangeUnderTest> {
    const home = await mkdtemp(join(tmpdir(), 'bourse-'))
    const stack = await startStack({
      ...{ home, riskPartitions: shards, matchingPartitions: shards },
      replicas: { ...oneOfEach(SERVICES), ...replicas },
      external,
      // Snapshots often, so that recoveries use them; commits seldom, so that there is something to emit again.
      environment: { SNAPSHOT_INTERVAL_MS: '2000', COMMIT_INTERVAL_MS: '1000', LOG_LEVEL: 'info' },
    })
    const claims = { issuer: TOKEN_ISSUER, audience: TOKEN_AUDIENCE }
    const signer = await TokenSigner.fromFile(join(home, 'keys/signing-key.json'), claims)
    const pool = ExchangeClient.pool(stack.gatewayUrl, 2 * TRADERS)
    const operator = new ExchangeClient(pool, await signer.token('operator', ['operator']))
    // One symbol for every matching shard.
    const symbols = Array.from({ length: shards }, (_, partition) => `BTC-USD-${partition}`)
    for (const [partition, symbol] of symbols.entries()) await prepareMarket(operator, { symbol, partition })
    const funds = { BTC: '10000', USD: '5000000' }
    const traders = await prepareTraders(operator, { pool, signer, run: 'start', count: TRADERS, funds })
    return new ExchangeUnderTest({
      stack,
      sql: connectPostgres({
        url: stack.urls.databaseUrl,
        max: 2,
        applicationName: 'test',
        statementTimeoutMs: 60_000,
      }),
      traders,
      symbols,
      history: new ClientHistory({ traders, funds, rules: marketRules }),
      home,
      pool,
    })
  }

  /** Sum of a metric's samples over the processes named. */
  async metric(name: string, processes: readonly string[]): Promise<number> {
    let sum = 0
    for (const process of processes) {
      const response = await fetch(`http://127.0.0.1:${this.stack.process(process).spec.port}/metrics`)
      for (const line of (await response.text()).split('\n')) {
        if (line.startsWith(`${name}{`) || line.startsWith(`${name} `))
          sum += Number(line.slice(line.lastIndexOf(' ') + 1))
      }
    }
    return sum
  }

  /** Compares engines, journal and orders; returns what was printed, and the exit code an operator would see. */
  async reconcile(): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    const connection = {
      brokers: this.stack.urls.kafkaBrokers,
      clientId: 'reconcile',
      log: createLog({ name: 'test', level: 'error' }),
    }
    const admin = await connectAdmin(connection)
    const producer = await connectProducer({ ...connection, onFatal: () => undefined })
    const lines: string[] = []
    try {
      const code = await reconcileExchange({ sql: this.sql, admin, producer }, RECONCILE_TIMEOUT_MS, (line) =>
        lines.push(line),
      )
      return { code, lines }
    } finally {
      await producer.close()
      await admin.close()
    }
  }

  async stop(): Promise<void> {
    await closePostgres(this.sql)
    await this.#pool.close()
    await this.stack.stop()
    await rm(this.#home, { recursive: true, force: true })
  }
}
