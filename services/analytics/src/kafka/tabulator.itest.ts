import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'
import { readRecord } from '@bourse/platform/kafka/read-record'
import type { Output } from '../core/position.ts'
import { Tables } from '../parquet/tables.ts'
import { genesisOf, level, listed, OutputLog, trade } from '../testing/output-log.ts'
import { eventsIn, tradesIn } from '../testing/table-rows.ts'
import { createTabulator, type Tabulator } from './tabulator.ts'

const brokers = process.env['KAFKA_BROKERS']!
const clientId = 'tabulator-itest'
const PARTITIONS = 2
const TRADED: Output = { topic: 'orders.out', partition: 0 }
const START = Date.UTC(2026, 10, 30)

describe('Tabulator', function () {
  this.timeout(90_000)
  let admin: Admin
  let producer: Producer
  let topics: Readonly<Record<Output['topic'], string>>
  let groupId: string
  let store: MemoryStore
  let log: OutputLog
  let trades: number
  let running: Running[]

  before(async () => {
    admin = await connectAdmin({ brokers, clientId })
    producer = await connectProducer({ brokers, clientId, onFatal: assert.fail })
  })
  after(async () => {
    await producer.close()
    await admin.close()
  })

  beforeEach(async () => {
    groupId = `tabulator-itest-${randomUUID()}`
    topics = { 'risk.out': `risk.out-${randomUUID()}`, 'orders.out': `orders.out-${randomUUID()}` }
    store = new MemoryStore()
    log = new OutputLog(TRADED)
    trades = 0
    running = []
    const all = Object.values(topics)
    await admin.createTopics(all.map((topic) => ({ topic, partitions: PARTITIONS, replicas: 1 })))
    for (const topic of all)
      for (let partition = 0; partition < PARTITIONS; partition++)
        producer.send(topic, partition, genesisOf('log-1'), assert.ifError)
    log.add(START, listed())
    await produce(log.frame())
  })
  afterEach(async () => {
    for (const each of running) await each.end()
  })

  async function produce(value: Buffer, { topic, partition }: Output = TRADED): Promise<void> {
    producer.send(topics[topic], partition, value, assert.ifError)
    await producer.flush(10_000)
  }

  /** Records with a trade and a level each, an hour of log time apart. */
  async function tradeOn(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      trades++
      log.add(START + trades * 3_600_000, level(trades), trade(trades))
      await produce(log.frame())
    }
  }

  type Running = {
    readonly tabulator: Tabulator
    readonly starts: ReadonlyMap<string, number>
    readonly failures: readonly Error[]
    readonly stops: readonly string[]
    /** As a process that is asked to end. */
    readonly end: () => Promise<void>
    /** As a process that fails. */
    readonly fail: () => Promise<void>
  }

  async function start({ ageMs = 200, group: name = groupId, place = store } = {}): Promise<Running> {
    const starts = new Map<string, number>()
    const failures: Error[] = []
    const stops: string[] = []
    const ending = new AbortController()
    const tabulator = createTabulator({
      ...{ topics, tables: new Tables(place), fileAgeMsMax: ageMs },
      watermarks: admin.watermarks.bind(admin),
      recordAt: (at) => readRecord({ brokers, clientId }, at),
      events: {
        assigned: ({ topic, partition }, offset) => void starts.set(`${topic}/${partition}`, offset),
        stopped: ({ topic, partition }, error) => void stops.push(`${topic}/${partition} ${error.message}`),
        ...{ revoked() {}, written() {}, lagging() {}, commitFailed() {}, lagUnknown() {} },
        ...{ read() {}, tabled() {} },
      },
    })
    const onFatal = (error: Error): void => {
      failures.push(error)
      ending.abort(error)
    }
    const group = await joinConsumerGroup({
      ...{ brokers, clientId, groupId: name, topics: Object.values(topics), onFatal },
      onAssign: (partitions) => tabulator.assign(partitions),
      onRevoke: (partitions, how) => tabulator.revoke(partitions, how),
    })
    const work = tabulator.run(group, ending.signal).catch(onFatal)
    const stop = async (reason: unknown): Promise<void> => {
      ending.abort(reason)
      await work
      await group.close()
    }
    const fail = () => stop(new Error('failed'))
    const each = { tabulator, starts, failures, stops, end: () => stop('SIGTERM'), fail }
    running.push(each)
    await until(() => starts.size > 0)
    return each
  }

  const committed = async (output: Output) => {
    const offsets = await connectCommittedOffsets({ brokers, clientId, groupId })
    try {
      const [found] = await offsets.of([{ topic: topics[output.topic], partition: output.partition }])
      return found?.offset
    } finally {
      await offsets.close()
    }
  }

  async function untilTraded(): Promise<void> {
    await until(async () => (await tradesIn(store, TRADED)).length >= trades)
    await assertEachOnce()
  }

  async function assertEachOnce(): Promise<void> {
    const ids = (await tradesIn(store, TRADED)).map(({ tradeId }) => Number(tradeId))
    assert.deepEqual(ids, numbers(trades))
    const rows = await eventsIn(store, TRADED)
    assert.deepEqual(
      rows.map(({ sequence }) => sequence),
      numbers(1 + 2 * trades),
    )
  }

  it('writes both tables of what is in the log and of what comes, repeats aside, and commits how far', async () => {
    await tradeOn(30)
    await start()
    await untilTraded()
    await produce(log.frame({ from: 20, to: 40 }))
    await tradeOn(10)
    await untilTraded()
    await produce(log.frame({ from: 81, to: 81 }))
    await until(async () => (await committed(TRADED)) === 2 + 30 + 1 + 10 + 1)
    await until(async () => (await committed({ topic: 'risk.out', partition: 1 })) === 1)
  })

  it('goes on where the files end when it has failed, whatever the group says', async () => {
    await tradeOn(5)
    const first = await start()
    await untilTraded()
    const slow = await start({ ageMs: 3_600_000, group: `${groupId}-slow` })
    await first.end()
    await tradeOn(10)
    await sleep(1_000)
    await slow.fail()
    assert.equal((await tradesIn(store, TRADED)).length, 5, 'what fails writes nothing more')
    const next = await start({ group: `${groupId}-new` })
    await untilTraded()
    assert.equal(next.starts.get('orders.out/0'), 7)
  })

  it('writes what is gathered when it is asked to end', async () => {
    const only = await start({ ageMs: 3_600_000 })
    await until(() => only.starts.size === 2 * PARTITIONS)
    await tradeOn(3)
    await sleep(1_000)
    assert.equal(store.files.size, 0, 'no file is old or full yet')
    await only.end()
    await assertEachOnce()
  })

  it('makes one chain when two believe they own an output', async () => {
    const one = await start({ ageMs: 150 })
    const other = await start({ ageMs: 170, group: `${groupId}-other` })
    await until(() => one.starts.size === 2 * PARTITIONS && other.starts.size === 2 * PARTITIONS)
    for (let i = 0; i < 40; i++) {
      await tradeOn(5)
      await sleep(40)
    }
    await untilTraded()
    await Promise.all([one.end(), other.end()])
    await assertEachOnce()
    assert.deepEqual([...one.failures, ...one.stops, ...other.failures, ...other.stops], [])
  })

  it('stands still at what is no frame, and goes on with the other outputs', async () => {
    const risk: Output = { topic: 'risk.out', partition: 1 }
    const only = await start()
    await tradeOn(2)
    await produce(Buffer.from('no frame'))
    await until(() => only.stops.length > 0)
    assert.match(only.stops[0]!, /^orders\.out\/0 malformed at byte 0/)
    const facts = new OutputLog(risk)
    facts.add(START, { type: 'accountOpened', account: 17, owner: 'alice' })
    await produce(facts.frame(), risk)
    await until(async () => (await eventsIn(store, risk)).length === 1)
    assert.deepEqual(only.tabulator.stopped, ['orders.out/0'])
    assert.deepEqual(only.failures, [])
  })

  it('ends when the store fails, having committed nothing that is in no file', async () => {
    class FullStore extends MemoryStore {
      override async writeOnce(): Promise<never> {
        throw new Error('no room')
      }
    }
    await tradeOn(2)
    const only = await start({ place: new FullStore() })
    await until(() => only.failures.length > 0)
    assert.match(only.failures[0]!.message, /no room/)
    assert.ok(((await committed(TRADED)) ?? 0) <= 1)
  })
})

const numbers = (to: number) => Array.from({ length: to }, (_, i) => i + 1)

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await sleep(20)
  }
}
