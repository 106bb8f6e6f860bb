import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { InputArchive } from '@bourse/input-archive/input-archive'
import type { ArchivedRecord } from '@bourse/input-archive/input-file'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { connectAdmin, type Admin } from '@bourse/platform/kafka/admin'
import { connectCommittedOffsets, type CommittedOffsets } from '@bourse/platform/kafka/committed'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { connectProducer, type Producer } from '@bourse/platform/kafka/producer'
import { readRecord } from '@bourse/platform/kafka/read-record'
import { encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { createArchiver, type Archiver, type ArchiverEvents } from './archiver.ts'

const brokers = process.env['KAFKA_BROKERS']!
const clientId = 'archiver-itest'
const PARTITIONS = 2
const INPUT = { topic: 'risk.in', partition: 0 } as const

describe('Archiver', function () {
  this.timeout(90_000)
  let admin: Admin
  let producer: Producer
  let committed: CommittedOffsets
  let topics: { readonly 'risk.in': string; readonly 'orders.in': string }
  let groupId: string
  let store: MemoryStore
  let archive: InputArchive
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
    groupId = `archive-itest-${randomUUID()}`
    committed = await connectCommittedOffsets({ brokers, clientId, groupId })
    store = new MemoryStore()
    archive = new InputArchive(store)
    running = []
    await newLog('log-1')
  })
  afterEach(async () => {
    for (const each of running) await each.end()
    await committed.close()
  })

  async function newLog(log: string): Promise<void> {
    topics = { 'risk.in': `risk.in-${randomUUID()}`, 'orders.in': `orders.in-${randomUUID()}` }
    await admin.createTopics(
      Object.values(topics).map((topic) => ({ topic, partitions: PARTITIONS, replicas: 1 })),
    )
    const entry = encodeEntry({ type: 'genesis', log }, { version: 0, cause: 0, time: 0 })
    const header = { epoch: 0, sequence: 0, hashBefore: emptyHash, endsCommand: true }
    const genesis = encodeFrame({ ...header, source: { kind: 'genesis', shard: 0 } }, [entry])
    for (const topic of Object.values(topics))
      for (let partition = 0; partition < PARTITIONS; partition++)
        producer.send(topic, partition, genesis, assert.ifError)
    await producer.flush(10_000)
  }

  async function produce(values: readonly string[], logTime?: number): Promise<void> {
    for (const value of values)
      producer.send(
        topics[INPUT.topic],
        INPUT.partition,
        Buffer.from(value),
        assert.ifError,
        logTime === undefined ? {} : { logTime },
      )
    await producer.flush(10_000)
  }

  type Running = {
    readonly archiver: Archiver
    readonly starts: ReadonlyMap<string, number>
    readonly failures: readonly Error[]
    readonly stops: readonly Error[]
    /** As a process that is asked to end. */
    readonly end: () => Promise<void>
    /** As a process that fails. */
    readonly fail: () => Promise<void>
  }

  type Settings = { readonly ageMs?: number; readonly group?: string; readonly door?: InputArchive }

  async function start({
    ageMs = 200,
    group: name = groupId,
    door = archive,
  }: Settings = {}): Promise<Running> {
    const starts = new Map<string, number>()
    const failures: Error[] = []
    const stops: Error[] = []
    const ending = new AbortController()
    const events: ArchiverEvents = {
      assigned: ({ topic, partition }, offset) => void starts.set(`${topic}/${partition}`, offset),
      revoked: () => {},
      written: () => {},
      archived: () => {},
      lagging: () => {},
      stopped: (_, error) => void stops.push(error),
      commitFailed: () => {},
      lagUnknown: () => {},
    }
    const archiver = createArchiver({
      ...{ topics, archive: door, events, fileAgeMsMax: ageMs },
      watermarks: (topic, partition) => admin.watermarks(topic, partition),
      committed: (partitions) => committed.of(partitions),
      recordAt: (at) => readRecord({ brokers, clientId }, at),
    })
    const fail = (error: Error): void => {
      failures.push(error)
      ending.abort(error)
    }
    const group = await joinConsumerGroup({
      ...{ brokers, clientId, groupId: name, topics: Object.values(topics) },
      onAssign: (partitions) => archiver.assign(partitions),
      onRevoke: (partitions, how) => archiver.revoke(partitions, how),
      onFatal: fail,
    })
    const work = archiver.run(group, ending.signal).catch(fail)
    const stop = async (reason: unknown): Promise<void> => {
      ending.abort(reason)
      await work
      await group.close()
    }
    const breakDown = () => stop(new Error('failed'))
    const each = { archiver, starts, failures, stops, end: () => stop('SIGTERM'), fail: breakDown }
    running.push(each)
    return each
  }

  /** The chain of the input, as a cut reads it. */
  async function archived(): Promise<readonly ArchivedRecord[]> {
    const records: ArchivedRecord[] = []
    for await (const first of archive.files(INPUT)) {
      assert.equal(first, records.length, 'the chain has no gap')
      records.push(...(await archive.read(INPUT, first)).records)
    }
    return records
  }

  const texts = async () => (await archived()).slice(1).map(({ value }) => value.toString())
  const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`)
  const committedOffset = async () =>
    (await committed.of([{ topic: topics[INPUT.topic], partition: INPUT.partition }]))[0]?.offset

  it('archives what is in the log and what comes, with its times, and commits how far', async () => {
    await produce(numbered(0, 50))
    await start()
    await until(async () => (await archived()).length === 51)
    await produce(numbered(50, 60), 1_234_567)
    await until(async () => (await archived()).length === 61)
    assert.deepEqual(await texts(), numbered(0, 60))
    const records = await archived()
    assert.equal(records[60]?.timestamp, 1_234_567, 'the header of a copied record is its time')
    const { timestamp, value } = await readRecord(
      { brokers, clientId },
      { topic: topics[INPUT.topic], partition: 0, offset: 7 },
    )
    assert.deepEqual(records[7], { offset: 7, timestamp, value })
    await until(async () => (await committedOffset()) === 61)
  })

  it('writes what is gathered when it is asked to end, and goes on there', async () => {
    const first = await start({ ageMs: 3_600_000 })
    await until(() => first.starts.size === 2 * PARTITIONS)
    await produce(numbered(0, 20))
    await sleep(1_000)
    assert.equal(store.files.size, 0, 'no file is old or full yet')
    await first.end()
    assert.deepEqual(await texts(), numbered(0, 20))
    assert.equal(await committedOffset(), 21)

    const second = await start()
    await until(() => second.starts.size === 2 * PARTITIONS)
    assert.equal(second.starts.get('risk.in/0'), 21)
    await produce(numbered(20, 30))
    await until(async () => (await archived()).length === 31)
    assert.deepEqual(await texts(), numbered(0, 30))
  })

  it('loses nothing when it fails in the middle, and goes on at the end of the chain', async () => {
    await produce(numbered(0, 30))
    const first = await start()
    await until(async () => (await archived()).length === 31)
    const slow = await start({ ageMs: 3_600_000, group: `${groupId}-slow` })
    await until(() => slow.starts.size === 2 * PARTITIONS)
    await first.end()
    await produce(numbered(30, 40))
    await sleep(1_000)
    await slow.fail()
    assert.equal((await archived()).length, 31, 'what fails writes nothing more')

    const next = await start()
    await until(async () => (await archived()).length === 41)
    assert.equal(next.starts.get('risk.in/0'), 31)
    assert.deepEqual(await texts(), numbered(0, 40))
  })

  it('goes on at the end of the chain, wherever the committed offset is', async () => {
    await produce(numbered(0, 30))
    const first = await start()
    await until(async () => (await archived()).length === 31)
    await first.end()
    const other = await start({ group: `${groupId}-new` })
    await until(() => other.starts.size === 2 * PARTITIONS)
    assert.equal(other.starts.get('risk.in/0'), 31)
  })

  it('makes one chain when two believe they own an input', async () => {
    const one = await start({ ageMs: 150 })
    const other = await start({ ageMs: 170, group: `${groupId}-other` })
    await until(() => one.starts.size === 2 * PARTITIONS && other.starts.size === 2 * PARTITIONS)
    for (let from = 0; from < 400; from += 10) {
      await produce(numbered(from, from + 10))
      await sleep(40)
    }
    await until(async () => (await archived()).length === 401)
    await Promise.all([one.end(), other.end()])
    assert.deepEqual(await texts(), numbered(0, 400))
    assert.deepEqual([...one.failures, ...one.stops, ...other.failures, ...other.stops], [])
  })

  it('hands an input over to another member without a gap', async () => {
    const first = await start({ ageMs: 3_600_000 })
    await until(() => first.starts.size === 2 * PARTITIONS)
    await produce(numbered(0, 20))
    await sleep(500)
    const second = await start({ ageMs: 100 })
    await until(() => second.starts.size > 0)
    await produce(numbered(20, 40))
    await first.end()
    await until(async () => (await archived()).length === 41)
    assert.deepEqual(await texts(), numbered(0, 40))
  })

  it('stands still at a file that differs from the log, and archives the other inputs', async () => {
    await produce(numbered(0, 5))
    const running = await start({ ageMs: 1_000 })
    await until(() => running.starts.size === 2 * PARTITIONS)
    await archive.write(INPUT, {
      log: 'log-1',
      records: [{ offset: 0, timestamp: 0, value: Buffer.from('not what the log has') }],
    })
    await until(() => running.stops.length > 0)
    assert.match(running.stops[0]!.message, /^file_differs: the file of risk.in\/0 from offset 0 on/)
    assert.deepEqual(running.archiver.stopped, ['risk.in/0'])
    await until(() => store.files.size === 2 * PARTITIONS)
    assert.deepEqual(running.failures, [])
  })

  for (const [what, log, values] of [
    ['another log', 'log-2', numbered(0, 9)],
    ['another history of the log', 'log-1', ['0', '1', '2', 'after a cut', 'more', 'more']],
    ['a log that was cut short', 'log-1', ['0']],
  ] as const)
    it(`refuses ${what}`, async () => {
      await produce(numbered(0, 5))
      const first = await start()
      await until(async () => (await archived()).length === 6)
      await first.end()
      const files = new Map(store.files)
      await newLog(log)
      await produce(values)
      const second = await start({ group: `${groupId}-2` })
      await until(() => second.failures.length > 0)
      assert.match(
        second.failures[0]!.message,
        /^archive_of_another_log: (?:risk|orders)\.in\/\d at memory:: .*another prefix$/,
      )
      await second.end()
      assert.deepEqual(store.files, files)
    })

  it('ends when the store fails, having committed nothing that is not archived', async () => {
    await produce(numbered(0, 5))
    class FullStore extends MemoryStore {
      override async writeOnce(): Promise<never> {
        throw new Error('no room')
      }
    }
    const running = await start({ door: new InputArchive(new FullStore()) })
    await until(() => running.failures.length > 0)
    assert.match(running.failures[0]!.message, /no room/)
    assert.ok((await committedOffset()) === undefined || (await committedOffset()) === 0)
  })
})

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await sleep(20)
  }
}
