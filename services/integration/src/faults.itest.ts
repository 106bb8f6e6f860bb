import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExchangeUnderTest } from './exchange-under-test.ts'
import { assertDepthAgrees, assertFillsPair } from './ledger-checks.ts'
import { TradingLoad } from './trading-load.ts'

const LOAD_BEFORE_MS = 2_500
const LOAD_AFTER_MS = 2_500
/** Longer than the session, so that the partition moves on. */
const SLEEP_MS = 6_000

const REPEATS = 'bourse_engine_repeats_dropped'
const ENGINES = ['risk-engine', 'matching-engine']

/** Trades, does harm, trades on; then everything must agree, the clients' own history too. */
async function tradeThrough(exchange: ExchangeUnderTest, harm: () => Promise<void>): Promise<TradingLoad> {
  const before = await assertFillsPair(exchange.sql)
  const toldBefore = exchange.history.fillsTold
  const load = new TradingLoad(exchange, `t${Date.now().toString(36)}`)
  await sleep(LOAD_BEFORE_MS)
  await harm()
  await sleep(LOAD_AFTER_MS)
  await load.stop()
  const { code, lines } = await exchange.reconcile()
  assert.equal(code, 0, lines.join('\n'))
  await exchange.history.assertAgrees(exchange.sql)
  for (const symbol of exchange.symbols)
    await assertDepthAgrees(exchange.sql, exchange.stack.gatewayUrl, symbol)
  const after = await assertFillsPair(exchange.sql)
  assert.ok(after.trades > before.trades, 'nothing was traded, so nothing was shown')
  assert.ok(exchange.history.fillsTold > toldBefore, 'clients were told of no fill before the end')
  return load
}

for (const shards of [1, 2]) {
  describe(`an exchange of ${shards} risk and ${shards} matching shards`, function () {
    this.timeout(180_000)
    let exchange: ExchangeUnderTest

    before(async () => {
      exchange = await ExchangeUnderTest.start({ shards })
    })
    after(() => exchange.stop())

    const kill = async (name: string): Promise<void> => {
      const process = exchange.stack.process(name)
      const pid = process.pid
      process.kill('SIGKILL')
      await process.exited()
      await process.ready()
      assert.notEqual(process.pid, pid)
    }

    for (const [killed, receivers] of [
      ['risk-engine', ['matching-engine']],
      ['matching-engine', ['risk-engine']],
    ] as const) {
      it(`loses and repeats nothing when ${killed} is killed; what it emits again is dropped`, async () => {
        const before = await exchange.metric(REPEATS, receivers)
        await tradeThrough(exchange, () => kill(killed))
        const dropped = (await exchange.metric(REPEATS, receivers)) - before
        assert.ok(dropped > 0, 'nothing was emitted again: the fault did not bite')
      })
    }

    it('loses and repeats nothing when settlement is killed', async () => {
      await tradeThrough(exchange, () => kill('settlement'))
      const written = await exchange.metric('bourse_settlement_entries_total', ['settlement'])
      assert.ok(written > 0, 'the new process had nothing to write: the fault did not bite')
    })

    it('shows the same book when market-data is killed', async () => {
      await tradeThrough(exchange, () => kill('market-data'))
      const read = await exchange.metric('bourse_market_data_entries', ['market-data'])
      assert.ok(read > 0, 'the new process had nothing to read: the fault did not bite')
    })

    it('resolves every unknown outcome when the gateway is killed', async () => {
      const load = await tradeThrough(exchange, () => kill('gateway'))
      assert.ok(load.indefinite.length > 0, 'no client noticed: the fault did not bite')
    })

    it('loses and repeats nothing when Kafka is killed and comes back', async () => {
      const load = await tradeThrough(exchange, () => kill('kafka'))
      assert.ok(load.longestMs > 500, 'no command waited for the broker: the fault did not bite')
    })

    it('loses and repeats nothing when PostgreSQL is killed and comes back', async () => {
      const restarts = exchange.stack.process('settlement').restarts
      const waits = await exchange.metric('bourse_settlement_retries_total', ['settlement'])
      await tradeThrough(exchange, () => kill('postgres'))
      const restarted = exchange.stack.process('settlement').restarts > restarts
      const waited = (await exchange.metric('bourse_settlement_retries_total', ['settlement'])) > waits
      assert.ok(restarted || waited, 'settlement did not notice: the fault did not bite')
    })

    it('shows the same book when Redis is killed and comes back', async () => {
      const troubles = () =>
        Promise.all(
          ['rewrites', 'publish_failures'].map((name) =>
            exchange.metric(`bourse_market_data_${name}_total`, ['market-data']),
          ),
        )
      const before = await troubles()
      await tradeThrough(exchange, () => kill('redis'))
      assert.notDeepEqual(await troubles(), before, 'market-data did not notice: the fault did not bite')
    })

    describe('with one row changed', () => {
      before(async () => {
        const load = new TradingLoad(exchange, `c${Date.now().toString(36)}`)
        await sleep(LOAD_BEFORE_MS)
        await load.stop()
        assert.equal((await exchange.reconcile()).code, 0)
        await exchange.history.assertAgrees(exchange.sql)
      })
      afterEach(() => exchange.history.assertAgrees(exchange.sql))

      it('is found by reconcile when it is a balance', async () => {
        const change = (by: number) => exchange.sql`
          update balances set available = available + ${by} where (account, asset) =
            (select account, asset from balances where available > 10 order by account desc limit 1)`
        await change(1)
        const { code, lines } = await exchange.reconcile()
        await change(-1)
        assert.equal(code, 1, lines.join('\n'))
        assert.equal((await exchange.reconcile()).code, 0)
      })

      it('is found by the clients when it is a fill', async () => {
        const change = (by: number) => exchange.sql`
          update fills set quantity = quantity + ${by} where (order_id, trade_id) =
            (select order_id, trade_id from fills order by filled_at, order_id, trade_id limit 1)`
        await change(1)
        const found = exchange.history.assertAgrees(exchange.sql)
        await assert.rejects(found, /disagreements of clients and ledger/)
        await change(-1)
      })
    })
  })
}

for (const { engine, shards } of ENGINES.flatMap((engine) => [1, 2].map((shards) => ({ engine, shards })))) {
  describe(`two replicas of ${engine}, ${shards} shards of each kind`, function () {
    this.timeout(180_000)
    let exchange: ExchangeUnderTest
    const replicas = [engine, `${engine}-2`]

    before(async () => {
      exchange = await ExchangeUnderTest.start({ shards, replicas: { [engine]: 2 } })
    })
    after(() => exchange.stop())

    it('drop what a stopped owner writes when it wakes after its partitions moved on', async () => {
      const owned = await Promise.all(replicas.map((name) => exchange.metric('bourse_engine_owned', [name])))
      assert.equal(owned[0]! + owned[1]!, shards, 'every partition has one owner')
      const sleeper = owned[0]! > 0 ? replicas[0]! : replicas[1]!
      const other = replicas.find((name) => name !== sleeper)!
      const receivers = ENGINES.filter((name) => name !== engine)
      const before = {
        repeats: await exchange.metric(REPEATS, receivers),
        rebalances: await exchange.metric('bourse_engine_rebalances', [other]),
      }
      await tradeThrough(exchange, async () => {
        exchange.stack.process(sleeper).kill('SIGSTOP')
        await sleep(SLEEP_MS)
        assert.equal(
          await exchange.metric('bourse_engine_owned', [other]),
          shards,
          'the other replica has taken over',
        )
        exchange.stack.process(sleeper).kill('SIGCONT')
      })
      assert.ok((await exchange.metric('bourse_engine_rebalances', [other])) > before.rebalances)
      assert.ok(
        (await exchange.metric(REPEATS, receivers)) > before.repeats,
        'the sleeper wrote nothing: the fault did not bite',
      )
    })
  })
}
