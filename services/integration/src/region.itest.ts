import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { cutCopies, type CutCopiesOptions } from '@bourse/operator/cut-copies'
import { CutRefused } from '@bourse/operator/cut-refused'
import { PlaceInUse } from '@bourse/operator/place-in-use'
import { CopiedRegion, readInputs, type InputCopy } from './copied-region.ts'
import { ExchangeUnderTest } from './exchange-under-test.ts'
import { assertDepthAgrees, assertFillsPair } from './ledger-checks.ts'
import { ordersOf, placedIn, type Orders } from './placed-orders.ts'
import { TradingLoad } from './trading-load.ts'

const SHARDS = 2
const LOAD_MS = 4_000
const ALIAS = 'us-east-1'
/** How much of each copy has arrived when the region is lost, in the order in which they are read. */
const ARRIVED = [0.8, 1, 0.9, 0.7]

describe('an exchange that is recovered in another region', function () {
  this.timeout(180_000)
  let region: CopiedRegion
  let copies: readonly InputCopy[]
  /** What the lost region's ledger had, and what its database is. */
  let acceptedBefore: Orders
  let recovered: ExchangeUnderTest
  const lines: string[] = []

  before(async () => {
    const lost = await ExchangeUnderTest.start({ shards: SHARDS })
    try {
      const load = new TradingLoad(lost, 'before')
      await sleep(LOAD_MS)
      copies = (await readInputs(lost.stack.urls.kafkaBrokers, SHARDS)).map((copy, i) => ({
        ...copy,
        records: copy.records.slice(0, Math.ceil(copy.records.length * (ARRIVED[i] ?? 1))),
      }))
      await load.stop()
      await settled(lost)
      acceptedBefore = await ordersOf(lost.sql)
      region = await CopiedRegion.start()
      await assert.rejects(
        cutCopies({
          ...options(),
          database: { url: lost.stack.urls.databaseUrl, caFile: undefined },
          open: true,
        }),
        (error) => error instanceof PlaceInUse && /has rows in snapshots/.test(error.message),
      )
    } finally {
      await lost.stop()
    }
  })
  after(async () => {
    await recovered?.stop()
    await region?.stop()
  })

  const options = (): CutCopiesOptions => ({
    ...{ copies: { kafka: region.kafka, prefix: `${ALIAS}.` }, target: region.kafka },
    shape: { riskPartitions: SHARDS, matchingPartitions: SHARDS },
    durability: { replicas: 1, inSyncReplicasMin: 1 },
    database: { url: region.databaseUrl, caFile: undefined },
    open: false,
    print: (line) => lines.push(line),
  })

  it('is cut while the copies still come, as far as they go', async () => {
    await assert.rejects(cutCopies(options()), (error) => isRefusal(error, 'copies_incomplete'))
    const half = copies.map((copy) => ({ ...copy, records: copy.records.slice(0, copy.records.length / 2) }))
    await region.append(ALIAS, half)
    await cutCopies(options())
    const first = kept()
    // A copier that started again repeats what it had not noted.
    await region.append(
      ALIAS,
      copies.map((copy) => ({ ...copy, records: copy.records.slice(copy.records.length / 2 - 20) })),
    )
    await cutCopies(options())
    const second = kept()
    for (const [input, records] of second) assert.ok(records > (first.get(input) ?? 0), `${input} grew`)
    assert.ok(lines.some((line) => /records came twice/.test(line)))
  })

  it('tells what is dropped when it is opened, and is opened once', async () => {
    lines.length = 0
    await cutCopies({ ...options(), open: true })
    assert.match(lines.at(-1) ?? '', /^epoch 2 begins$/)
    assert.match(lines.at(-2) ?? '', /^lost: [1-9]\d* commands, between 20.* and 20/)
    for (const { topic, partition, records } of copies) {
      const input = `${topic}/${partition}`
      const dropped = numberIn(new RegExp(`^${input}: dropped (\\d+) records`))
      assert.equal((kept().get(input) ?? 0) + dropped, new Set(records.map(identity)).size, input)
    }
    await assert.rejects(cutCopies({ ...options(), open: true }), (error) => isRefusal(error, 'already_open'))
  })

  it('has what was kept and nothing of what was dropped, to the last unit', async () => {
    recovered = await ExchangeUnderTest.start({
      shards: SHARDS,
      external: { kafkaBrokers: region.kafka.brokers, databaseUrl: region.databaseUrl },
    })
    const { code, lines: compared } = await recovered.reconcile()
    assert.equal(code, 0, compared.join('\n'))
    await assertFillsPair(recovered.sql)
    const commands = placedIn(copies, kept())
    const wanted = new Set([...acceptedBefore].filter((order) => commands.has(order)))
    assert.ok(wanted.size > 0 && wanted.size < acceptedBefore.size, 'some orders were kept, some were lost')
    assert.deepEqual(await ordersOf(recovered.sql), wanted)
  })

  it('trades on in the new epoch', async () => {
    const before = await assertFillsPair(recovered.sql)
    const load = new TradingLoad(recovered, 'after')
    await sleep(LOAD_MS)
    await load.stop()
    const { code, lines: compared } = await recovered.reconcile()
    assert.equal(code, 0, compared.join('\n'))
    assert.ok((await assertFillsPair(recovered.sql)).trades > before.trades)
    for (const symbol of recovered.symbols)
      await assertDepthAgrees(recovered.sql, recovered.stack.gatewayUrl, symbol)
    const epochs = await recovered.sql<{ epoch: number }[]>`select distinct epoch from offsets`
    assert.deepEqual([...epochs], [{ epoch: 2 }])
    for (const name of ['gaps_ignored', 'stale_refused', 'stopped'])
      assert.equal(
        await recovered.metric(`bourse_engine_${name}`, ['risk-engine', 'matching-engine']),
        0,
        name,
      )
  })

  /** Records kept of each input, as the last run told. */
  const kept = (): ReadonlyMap<string, number> =>
    new Map(
      copies.map(({ topic, partition }) => [
        `${topic}/${partition}`,
        numberIn(new RegExp(`^${topic}/${partition}: kept (\\d+) records`)),
      ]),
    )

  /** The number in the last line of this form. */
  function numberIn(form: RegExp): number {
    const found = lines.map((line) => form.exec(line)?.[1]).filter((text) => text !== undefined)
    assert.ok(found.length > 0, `${form} in ${lines.join('\n')}`)
    return Number(found.at(-1))
  }
})

const isRefusal = (error: unknown, code: string): boolean =>
  error instanceof CutRefused && error.code === code && error.message.startsWith(`${code}: `)

const identity = ({ timestamp, value }: InputCopy['records'][number]): string =>
  `${timestamp} ${value.toString('base64')}`

/** Everything that was asked for is in the ledger: a reconciliation passes through all of it. */
async function settled(exchange: ExchangeUnderTest): Promise<void> {
  const { code, lines } = await exchange.reconcile()
  assert.equal(code, 0, lines.join('\n'))
}
