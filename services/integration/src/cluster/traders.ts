import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shardOfAccount } from '@bourse/domain/ids'
import { accountOf, ExchangeClient } from '@bourse/load-tests/exchange-client'
import { marketRules, prepareMarket, untilDone, type Trader } from '@bourse/load-tests/market'
import { TokenSigner } from '@bourse/load-tests/tokens'
import { Pool } from 'undici'
import { z } from 'zod'
import { ClientHistory } from '../history/client-history.ts'
import type { Cluster } from './cluster.ts'
import type { Probe } from './gap-watch.ts'

const TRADERS_PER_SHARD = 2
const FUNDS = { BTC: '10000', USD: '5000000' }
const CONNECTIONS = 16
/** A connection into a pod that is gone says nothing for ever. */
const ANSWER_MS_MAX = 4_000

const gatewaySettings = z
  .object({
    data: z.object({
      JWT_ISSUER: z.string(),
      JWT_AUDIENCE: z.string(),
      RISK_PARTITIONS: z.coerce.number(),
      MATCHING_PARTITIONS: z.coerce.number(),
    }),
  })
  .transform(({ data }) => ({
    claims: { issuer: data.JWT_ISSUER, audience: data.JWT_AUDIENCE },
    riskShards: data.RISK_PARTITIONS,
    matchingShards: data.MATCHING_PARTITIONS,
  }))
type Settings = z.infer<typeof gatewaySettings>

/** Accounts that have done nothing yet, and what their owners will write down. */
export type Trading = {
  readonly traders: readonly Trader[]
  readonly symbols: readonly string[]
  readonly history: ClientHistory
  /** Accounts of their own, which together pass every shard. */
  readonly probes: readonly Probe[]
}

/** The operator of the exchange under test: opens markets and accounts. */
export class Desk {
  readonly symbols: readonly string[]
  readonly #pool: Pool
  readonly #signer: TokenSigner
  readonly #operator: ExchangeClient
  readonly #riskShards: number

  private constructor(
    parts: { pool: Pool; signer: TokenSigner; operator: ExchangeClient },
    settings: Settings,
  ) {
    this.#pool = parts.pool
    this.#signer = parts.signer
    this.#operator = parts.operator
    this.#riskShards = settings.riskShards
    // One for every matching shard.
    this.symbols = Array.from({ length: settings.matchingShards }, (_, partition) => `BTC-USD-${partition}`)
  }

  static async open(cluster: Cluster, url: string): Promise<Desk> {
    const settings = await settingsOf(cluster)
    const signer = await signerFor(cluster, settings)
    const timeouts = { headersTimeout: ANSWER_MS_MAX, bodyTimeout: ANSWER_MS_MAX }
    const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1, ...timeouts })
    const operator = new ExchangeClient(pool, await signer.token('operator', ['operator']))
    const desk = new Desk({ pool, signer, operator }, settings)
    for (const [partition, symbol] of desk.symbols.entries())
      await prepareMarket(operator, { symbol, partition })
    return desk
  }

  /** Opens new accounts in every risk shard: some that trade and have funds, one that probes. */
  async newTrading(run: string): Promise<Trading> {
    const shards = Array.from({ length: this.#riskShards }, (): Trader[] => [])
    const isFull = (traders: readonly Trader[]): boolean => traders.length > TRADERS_PER_SHARD
    for (let number = 0; !shards.every(isFull); number++) {
      const trader = await this.#openAccount(`${run}-${number}`)
      shards[shardOfAccount(Number(trader.account))]?.push(trader)
    }
    const traders = shards.flatMap((each) => each.slice(0, TRADERS_PER_SHARD))
    for (const trader of traders) await this.#fund(trader)
    const probers = shards.flatMap((each) => each.slice(TRADERS_PER_SHARD, TRADERS_PER_SHARD + 1))
    for (const prober of probers) await this.#fund(prober)
    const history = new ClientHistory({ traders, funds: FUNDS, rules: marketRules })
    const probes = await Promise.all(
      this.symbols.map(async (symbol, index) => {
        const owner = probers[index % probers.length]?.owner ?? ''
        return { symbol, token: await this.#signer.token(owner) }
      }),
    )
    return { traders, symbols: this.symbols, history, probes }
  }

  async #openAccount(owner: string): Promise<Trader> {
    const open = () => this.#operator.send('POST', '/api/v1/admin/accounts', { owner })
    const account = accountOf(await untilDone(open, `opening ${owner}`))
    return { owner, account, client: new ExchangeClient(this.#pool, await this.#signer.token(owner)) }
  }

  async #fund({ owner, account }: Trader): Promise<void> {
    for (const [asset, amount] of Object.entries(FUNDS)) {
      const transfer = { account, asset, amount, transfer_id: `${owner}-${asset}` }
      await untilDone(
        () => this.#operator.send('POST', '/api/v1/admin/deposits', transfer),
        `funding ${owner}`,
      )
    }
  }
}

/** As the gateway is told, in a ConfigMap of its own name. */
async function settingsOf(cluster: Cluster): Promise<Settings> {
  const name = await cluster.activeGateway()
  return cluster.api.read(
    gatewaySettings,
    `/api/v1/namespaces/${cluster.kubectl.namespace}/configmaps/${name}`,
  )
}

async function signerFor(cluster: Cluster, { claims }: Settings): Promise<TokenSigner> {
  const folder = await mkdtemp(join(tmpdir(), 'bourse-keys-'))
  try {
    const file = join(folder, 'signing-key.json')
    const key = (await cluster.secret('bourse-token-keys'))['signing-key.json'] ?? ''
    await writeFile(file, key, { mode: 0o600 })
    return await TokenSigner.fromFile(file, claims)
  } finally {
    await rm(folder, { recursive: true })
  }
}
