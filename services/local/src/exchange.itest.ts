import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEMO_FUNDS, MarketSeeder } from '@bourse/operator/market-seeder'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { execa } from 'execa'
import { REPOSITORY } from './config.ts'
import { issueToken, signingKeyFile, TOKEN_AUDIENCE, TOKEN_ISSUER } from './keys.ts'
import { startStack, type Stack } from './stack.ts'

const TYPESCRIPT = ['--conditions=@bourse/source', '--import=tsx'] as const

describe('the whole exchange, two shards of each kind and several replicas of each service', function () {
  this.timeout(240_000)
  let home: string
  let stack: Stack
  let seeder: MarketSeeder
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-exchange-'))
    stack = await startStack({
      home,
      riskPartitions: 2,
      matchingPartitions: 2,
      // One more of market-data than there are partitions.
      replicas: { 'risk-engine': 2, 'matching-engine': 2, settlement: 2, 'market-data': 3, gateway: 1 },
      build: true,
    })
    seeder = new MarketSeeder({
      url: stack.gatewayUrl,
      tokenFor: (subject) => issueToken(stack.home, subject),
    })
  })
  after(async () => {
    await stack?.stop()
    await rm(home, { recursive: true })
  })

  it('lists its market and funds the demo accounts', async () => {
    await seeder.listMarket(2)
    const accounts = await seeder.fundAccounts()
    deepEqual(Object.keys(accounts), ['alice', 'bob'])
    deepEqual(await available('alice'), DEMO_FUNDS)
  })

  it('changes nothing when the operator seeds the market again', async () => {
    await execa(process.execPath, [...TYPESCRIPT, 'services/operator/src/main.ts', 'demo-market'], {
      cwd: REPOSITORY,
      env: {
        BOURSE_URL: stack.gatewayUrl,
        SIGNING_KEY_FILE: signingKeyFile(home),
        JWT_ISSUER: TOKEN_ISSUER,
        JWT_AUDIENCE: TOKEN_AUDIENCE,
        MATCHING_PARTITIONS: '2',
      },
    })
    deepEqual(await available('alice'), DEMO_FUNDS)
  })

  for (const symbol of ['BTC-USD', 'ETH-USD']) {
    it(`trades ${symbol}`, async () => {
      equal(await trade(symbol), 'filled')
    })
  }

  it('trades on after an engine of each kind was killed', async () => {
    for (const name of ['risk-engine', 'matching-engine']) {
      const engine = stack.process(name)
      const { pid } = engine
      engine.kill('SIGKILL')
      await engine.exited()
      await engine.ready()
      notEqual(engine.pid, pid)
      equal(engine.restarts, 1)
    }
    equal(await trade('BTC-USD'), 'filled')
  })

  const groups = {
    settlement: { topics: ['risk.out', 'orders.out'], metric: 'bourse_settlement_lag_records', replicas: 2 },
    'market-data': { topics: ['orders.out'], metric: 'bourse_market_data_lag_records', replicas: 3 },
  }
  for (const [groupId, { topics, metric, replicas }] of Object.entries(groups)) {
    it(`shares the partitions of ${groupId} among its replicas, and Kafka knows their lag`, async () => {
      const connection = { brokers: stack.urls.kafkaBrokers, clientId: 'test' }
      const admin = await connectAdmin(connection)
      const committed = await connectCommittedOffsets({ ...connection, groupId })
      const partitions = topics.flatMap((topic) => [0, 1].map((partition) => ({ topic, partition })))
      for (let lag = Infinity; lag !== 0; await sleep(200)) {
        const offsets = await committed.of(partitions)
        const ends = await Promise.all(partitions.map((each) => admin.watermarks(each.topic, each.partition)))
        lag = ends.reduce((sum, { high }, i) => sum + high - (offsets[i]?.offset ?? 0), 0)
      }
      await Promise.all([admin.close(), committed.close()])
      const others = Array.from({ length: replicas - 1 }, (_, other) => `${groupId}-${other + 2}`)
      const names = [groupId, ...others]
      const owned = await Promise.all(
        names.map(async (name) => (await metricsOf(name)).split(`\n${metric}{`).length - 1),
      )
      equal(Math.max(...owned), partitions.length / 2)
      equal(
        owned.reduce((sum, count) => sum + count, 0),
        partitions.length,
      )
    })
  }

  it('stops a shard alone at a record that is no frame, says so and trades on elsewhere', async () => {
    const onFatal = (error: Error) => ok(false, error)
    const producer = await connectProducer({ brokers: stack.urls.kafkaBrokers, clientId: 'test', onFatal })
    await new Promise<void>((resolve) =>
      producer.send('orders.in', 1, Buffer.from('no frame'), () => resolve()),
    )
    await producer.close()
    const stopped = 'bourse_engine_stopped{partition="1",reason="malformed",service="matching-engine"} 1'
    for (const name of ['matching-engine', 'matching-engine-2']) {
      while (!(await metricsOf(name)).includes(stopped)) await sleep(100)
      const { port } = stack.process(name).spec
      equal((await fetch(`http://127.0.0.1:${port}/ready`)).status, 503)
      equal((await fetch(`http://127.0.0.1:${port}/live`)).status, 200)
    }
    equal(stack.process('matching-engine-2').restarts, 0)
    equal(await trade('BTC-USD'), 'filled')
  })

  async function metricsOf(name: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${stack.process(name).spec.port}/metrics`)).text()
  }

  const PRICES: Readonly<Record<string, string>> = { 'BTC-USD': '60000.00', 'ETH-USD': '3000.00' }

  /** Alice sells what Bob buys. Returns what became of Bob's order. */
  async function trade(symbol: string): Promise<unknown> {
    const order = { symbol, type: 'limit', price: PRICES[symbol], quantity: '0.1' }
    await place('alice', { ...order, side: 'sell' })
    return (await place('bob', { ...order, side: 'buy' }, '?wait=result'))['status']
  }

  function place(owner: string, order: object, query = ''): Promise<Record<string, unknown>> {
    return ask(owner, `/api/v1/order${query}`, { method: 'POST', body: JSON.stringify(order) })
  }

  async function available(owner: string): Promise<Record<string, string>> {
    const { balances } = (await ask(owner, '/api/v1/balances')) as {
      balances: { asset: string; available: string }[]
    }
    return Object.fromEntries(balances.map((each) => [each.asset, each.available]))
  }

  async function ask(
    owner: string,
    path: string,
    request: RequestInit = {},
  ): Promise<Record<string, unknown>> {
    const token = await issueToken(stack.home, { owner, roles: ['trader'] })
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(stack.gatewayUrl + path, { ...request, headers })
    const body = (await response.json()) as Record<string, unknown>
    equal(response.ok, true, JSON.stringify(body))
    return body
  }
})
