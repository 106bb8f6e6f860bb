import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEMO_FUNDS, MarketSeeder } from '@bourse/operator/market-seeder'
import { execa } from 'execa'
import { REPOSITORY } from './config.ts'
import { issueToken, signingKeyFile, TOKEN_AUDIENCE, TOKEN_ISSUER } from './keys.ts'
import { startStack, type Stack } from './stack.ts'

const TYPESCRIPT = ['--conditions=@bourse/source', '--import=tsx'] as const

describe('the whole exchange, two shards of each kind and two replicas of each engine', function () {
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
      replicas: { 'risk-engine': 2, 'matching-engine': 2, settlement: 1, 'market-data': 1, gateway: 1 },
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
