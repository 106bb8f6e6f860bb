import assert from 'node:assert/strict'

import type { KafkaConsumer } from 'node-rdkafka'

import { KafkaError } from './error.ts'
import { Inbox } from './inbox.ts'

/** A client whose waits end when the test says what they bring. */
function fakeConsumer() {
  const waits: ((error: object | null, messages: object[]) => void)[] = []
  const consumer = {
    setDefaultConsumeTimeout() {},
    consume(_max: number, callback: (error: object | null, messages: object[]) => void) {
      waits.push(callback)
    },
  }
  const bring = (...messages: object[]) => waits.shift()!(null, messages)
  const fail = (code: number) => waits.shift()!({ code, message: 'no' }, [])
  return { inbox: new Inbox(consumer as unknown as KafkaConsumer), waits, bring, fail }
}

const record = (partition: number, offset: number) => ({
  topic: 't',
  partition,
  offset,
  timestamp: 1,
  value: Buffer.from([offset]),
})

const tick = () => new Promise((resolve) => setImmediate(resolve))

const read = (inbox: Inbox, options: { max?: number; signal?: AbortSignal } = {}) =>
  inbox.read({ max: 10, waitMs: 100, ...options })

const offsets = (messages: readonly { offset: number }[]) => messages.map(({ offset }) => offset)

describe('Inbox', () => {
  it('waits for one record, then takes what else is there', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    const reading = read(inbox)
    bring(record(0, 5))
    await tick()
    bring(record(0, 6), record(0, 7))
    assert.deepEqual(offsets(await reading), [5, 6, 7])
  })

  it('takes a copied record for as old as it was where it was written first', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    const reading = read(inbox)
    bring({
      ...record(0, 5),
      headers: [{ other: Buffer.from('7') }, { 'log-time': Buffer.from('1700000000123') }],
    })
    await tick()
    bring()
    const [message] = await reading
    assert.equal(message?.timestamp, 1_700_000_000_123)
  })

  it('fails for good when a partition has a hole', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    const reading = read(inbox)
    bring(record(0, 6))
    await assert.rejects(reading, { code: 'log_gap', message: 't[0] goes from offset 5 on with 6' })
    await assert.rejects(read(inbox), { code: 'log_gap' })
  })

  it('sees a hole behind the records it has read, and drops a repeat', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    const reading = read(inbox)
    bring(record(0, 5))
    await tick()
    bring(record(0, 5), record(0, 6))
    assert.deepEqual(offsets(await reading), [5, 6])
    const next = read(inbox)
    bring(record(0, 8))
    await assert.rejects(next, { code: 'log_gap' })
  })

  it('takes the first record there is from a logical offset', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: -1 })
    const reading = read(inbox)
    bring(record(0, 42))
    await tick()
    bring()
    assert.deepEqual(offsets(await reading), [42])
  })

  it('drops what a wait begun before the assignment brings of the old one', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 90 })
    const reading = read(inbox)
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    bring(record(0, 90))
    assert.deepEqual(await reading, [])
    const again = read(inbox)
    bring(record(0, 5))
    await tick()
    bring()
    assert.deepEqual(offsets(await again), [5])
  })

  it('drops the records of a forgotten partition', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 0 })
    inbox.expect({ topic: 't', partition: 1, offset: 0 })
    const reading = read(inbox, { max: 1 })
    bring(record(1, 0), record(0, 0), record(1, 1))
    assert.deepEqual(offsets(await reading), [0])
    inbox.forget({ topic: 't', partition: 1 })
    const next = read(inbox)
    await tick()
    bring(record(1, 2))
    assert.deepEqual(
      (await next).map(({ partition }) => partition),
      [0],
    )
  })

  it('keeps the records of a paused partition until it is resumed', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 0 })
    const reading = read(inbox)
    inbox.pause({ topic: 't', partition: 0 })
    bring(record(0, 0))
    assert.deepEqual(await reading, [])
    inbox.resume({ topic: 't', partition: 0 })
    const next = read(inbox, { max: 1 })
    assert.deepEqual(offsets(await next), [0])
  })

  it('loses nothing when a wait is aborted', async () => {
    const { inbox, bring, waits } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 0 })
    const controller = new AbortController()
    const reading = read(inbox, { signal: controller.signal })
    controller.abort()
    assert.deepEqual(await reading, [])
    assert.equal(waits.length, 1)
    const next = read(inbox)
    assert.equal(waits.length, 1, 'the wait goes on, and no second one begins beside it')
    bring(record(0, 0))
    await tick()
    bring()
    assert.deepEqual(offsets(await next), [0])
  })

  it('reads on after trouble that the client mends, and fails for good after any other', async () => {
    const { inbox, fail } = fakeConsumer()
    const transport = read(inbox)
    fail(-195)
    assert.deepEqual(await transport, [])
    const reading = read(inbox)
    fail(-150)
    await assert.rejects(reading, { code: 'fatal' })
    await assert.rejects(read(inbox), { code: 'fatal' })
  })

  it('leaves the client’s log time to name the offset that is out of range, but not for ever', async () => {
    const outOfRange = async () => {
      const { inbox, fail } = fakeConsumer()
      const reading = read(inbox)
      fail(-140)
      assert.deepEqual(await reading, [])
      for (let ticks = 0; ticks < 10; ticks++) await tick()
      return inbox
    }
    const named = await outOfRange()
    named.fail(new KafkaError('offset_out_of_range', 't[0] has no offset 9'))
    await assert.rejects(read(named), { code: 'offset_out_of_range' })

    const unnamed = await outOfRange()
    const patience = setTimeout(() => unnamed.interrupt(), 1_500)
    await assert.rejects(read(unnamed), { code: 'auto_offset_reset' })
    clearTimeout(patience)
  })

  it('says where partitions stand only when what has arrived was exhausted since the last time', async () => {
    const { inbox, bring } = fakeConsumer()
    inbox.expect({ topic: 't', partition: 0, offset: 5 })
    inbox.expect({ topic: 't', partition: 1, offset: 9 })
    const standing = () => inbox.standings().map(({ partition, offset }) => [partition, offset])
    const busy = read(inbox, { max: 1 })
    bring(record(0, 5))
    await busy
    assert.deepEqual(standing(), [], 'more may wait behind the one that was taken')
    const last = read(inbox)
    bring(record(0, 6))
    await tick()
    bring()
    await last
    assert.deepEqual(standing(), [
      [0, 7],
      [1, 9],
    ])
    assert.deepEqual(standing(), [], 'nobody has read since')
  })
})
