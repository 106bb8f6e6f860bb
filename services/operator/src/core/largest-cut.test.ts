import assert from 'node:assert/strict'
import { encodeCommands, encodeEntry, encodeFrame, decodeFrame } from '@bourse/protocol/frame'
import type { LogRecord } from '@bourse/protocol/replica'
import { emptyHash } from '@bourse/protocol/stream-hash'
import { sourceKey } from '@bourse/protocol/streams'
import fc from 'fast-check'
import { chatter, genesis, newChatter, topology, type Inputs } from '../testing/chatter.ts'
import { decodePosition, encodePosition } from './cut-position.ts'
import {
  inputKey,
  LargestCut,
  WAITING_BYTES_MAX,
  WrongCopyError,
  type InputName,
  type KeptRecord,
} from './largest-cut.ts'

const RUNS = 100
const STEPS = 200

/** What draws an exchange, and how much of each of its inputs is copied, in thousandths. */
const drawn = fc.record({
  seed: fc.nat(),
  copied: fc.array(fc.nat(1_000), { minLength: 4, maxLength: 4 }),
})

/** Checks something of an exchange's inputs, each copied up to some point. */
const forAny = (check: (inputs: Inputs, seed: number) => void): void =>
  fc.assert(
    fc.property(drawn, ({ seed, copied }) => {
      const inputs = [...chatter(draws(seed), STEPS)].map(([key, records], i) => {
        const end = Math.ceil((records.length * (copied[i] ?? 0)) / 1_000)
        return [key, records.slice(0, end)] as const
      })
      check(new Map(inputs), seed)
    }),
    { numRuns: RUNS },
  )

const nameOf = (key: string): InputName => {
  const [topic, partition] = key.split('/')
  return { topic: topic === 'risk.in' ? 'risk.in' : 'orders.in', partition: Number(partition) }
}

/** Reads copies to their ends, whose turn it is being drawn, and returns what was kept of each. */
function keptOf(inputs: Inputs, draw: (below: number) => number = () => 0): Map<string, LogRecord[]> {
  const cut = new LargestCut(topology)
  const kept = new Map([...inputs.keys()].map((key) => [key, [] as LogRecord[]]))
  const rest = new Map([...inputs].map(([key, records]) => [key, [...records]]))
  for (;;) {
    const unread = [...rest].filter(([, records]) => records.length > 0)
    const [key, records] = unread[unread.length > 1 ? draw(unread.length) : 0] ?? []
    const record = records?.shift()
    if (key === undefined || record === undefined) break
    for (const { offset, timestamp, value, ...name } of cut.read(nameOf(key), record))
      kept.get(inputKey(name))?.push({ offset, timestamp, value })
  }
  for (const name of cut.names)
    assert.equal(cut.standing(name).kept.records, kept.get(inputKey(name))?.length, 'what it says it kept')
  return kept
}

const SENDER_INPUT = { risk: 'risk.in', matching: 'orders.in', gateway: '', genesis: '' } as const

/** How far each shard comes with what is kept, by the shard itself. */
const inputsOf = (kept: Inputs): Map<string, number> =>
  new Map(
    [...kept].map(([key, records]) => {
      const { topic, partition } = nameOf(key)
      const shard = newChatter(topic, partition)
      for (const { timestamp, value } of records) shard.apply(decodeFrame(value), timestamp)
      return [key, shard.inputs]
    }),
  )

/** The first record that follows from what is not kept: entries that are new to their reader count. */
function unfounded(kept: Inputs): string | undefined {
  const applied = inputsOf(kept)
  for (const [key, records] of kept) {
    const lasts = new Map<string, number>()
    for (const { offset, value } of records) {
      const { source, entries } = decodeFrame(value)
      const stream = sourceKey(source)
      for (const { sequence, cause } of entries) {
        if (sequence <= (lasts.get(stream) ?? 0)) continue
        lasts.set(stream, sequence)
        const sender = `${SENDER_INPUT[source.kind]}/${source.shard}`
        if (sequence > 0 && cause > (applied.get(sender) ?? 0))
          return `${key} at ${offset}, from ${sender} on ${cause}`
      }
    }
  }
  return undefined
}

describe('LargestCut, wherever the copies end', () => {
  it('keeps a beginning of each, and nothing that follows from what is not kept', () => {
    forAny((inputs) => {
      const kept = keptOf(inputs)
      assert.equal(unfounded(kept), undefined)
      for (const [key, records] of kept) assert.deepEqual(records, inputs.get(key)?.slice(0, records.length))
    })
  })

  it('keeps all that can be: the next record of each would follow from what is not kept', () => {
    forAny((inputs) => {
      const kept = keptOf(inputs)
      for (const [key, records] of kept) {
        const next = inputs.get(key)?.[records.length]
        if (next === undefined) continue
        const larger = new Map(kept).set(key, [...records, next])
        assert.notEqual(unfounded(larger), undefined, `${key} could go on at ${records.length}`)
      }
    })
  })

  it('does not depend on the order of reading', () => {
    forAny((inputs, seed) => assert.deepEqual(keptOf(inputs, draws(seed)), keptOf(inputs)))
  })

  it('reads past what a copier has written twice', () => {
    forAny((inputs, seed) => {
      const draw = draws(seed)
      const twice = [...inputs].map(([key, records]) => {
        const stop = draw(records.length + 1)
        return [key, [...records.slice(0, stop), ...records.slice(Math.max(0, stop - draw(50)))]] as const
      })
      assert.deepEqual(keptOf(new Map(twice)), keptOf(inputs))
    })
  })
})

const isCommand = ({ value }: LogRecord): boolean => decodeFrame(value).source.kind === 'gateway'

/** Records but for one command. */
function without(records: LogRecord[]): LogRecord[] {
  const missing = records.filter(isCommand)[20]
  return records.filter((record) => record !== missing)
}

describe('LargestCut, stopped anywhere and resumed from what it wrote down', () => {
  /** Goes on reading until nothing is left, whose turn it is being drawn; after `stop` records, if it is told to. */
  function readOn(
    cut: LargestCut,
    rest: Map<string, LogRecord[]>,
    draw: (below: number) => number,
    stop = Infinity,
  ): KeptRecord[] {
    const kept: KeptRecord[] = []
    for (let read = 0; read < stop; read++) {
      const unread = [...rest].filter(([, records]) => records.length > 0)
      const [key, records] = unread[unread.length > 1 ? draw(unread.length) : 0] ?? []
      const record = records?.shift()
      if (key === undefined || record === undefined) break
      kept.push(...cut.read(nameOf(key), record))
    }
    return kept
  }

  const byInput = (cut: LargestCut, kept: readonly KeptRecord[]) =>
    cut.names.map((name) => kept.filter((record) => inputKey(record) === inputKey(name)))

  const ending = (cut: LargestCut) => ({
    position: cut.position(),
    waiting: cut.names.map((name) => cut.standing(name).waiting),
  })

  it('keeps what it would have kept, and is where it would have been', () => {
    forAny((inputs, seed) => {
      const draw = draws(seed)
      const copies = [...inputs].map(([key, records]) => {
        const stop = draw(records.length + 1)
        const twice = [...records.slice(0, stop), ...records.slice(Math.max(0, stop - draw(50)))]
        return [key, twice.map((record, offset) => ({ ...record, offset }))] as const
      })
      const whole = () => new Map(copies.map(([key, records]) => [key, [...records]]))

      const straight = new LargestCut(topology)
      const wanted = readOn(straight, whole(), draws(seed))

      const stopped = new LargestCut(topology)
      const length = copies.reduce((sum, [, records]) => sum + records.length, 0)
      const before = readOn(stopped, whole(), draws(seed), draw(length))
      const from = decodePosition(encodePosition(stopped.position()))
      const resumed = new LargestCut(topology, { from })
      const rest = whole()
      for (const { next, ...name } of from.inputs)
        for (const record of rest.get(inputKey(name))?.splice(0, next) ?? []) resumed.remember(name, record)
      const after = readOn(resumed, rest, draw)
      assert.deepEqual(byInput(straight, [...before, ...after]), byInput(straight, wanted))
      assert.deepEqual(ending(resumed), ending(straight))
    })
  })

  it('refuses what a copy lacks from there on, and times of its own', () => {
    const whole = chatter(draws(7), 3_000)
    const straight = new LargestCut(topology)
    readOn(straight, new Map([...whole].map(([key, records]) => [key, records.slice(0, -600)])), draws(7))
    const from = straight.position()
    for (const change of [
      without,
      (records: LogRecord[]) => records.map((each) => ({ ...each, timestamp: each.timestamp + 1 })),
    ]) {
      const rest = new Map(
        from.inputs.map(({ next, ...name }) => {
          const records = (whole.get(inputKey(name)) ?? []).slice(next)
          return [inputKey(name), inputKey(name) === 'risk.in/0' ? change(records) : records]
        }),
      )
      assert.throws(() => readOn(new LargestCut(topology, { from }), rest, draws(7)), WrongCopyError)
    }
  })
})

describe('LargestCut', () => {
  const whole = chatter(draws(7), 3_000)
  const risk0 = { topic: 'risk.in', partition: 0 } as const
  const orders0 = { topic: 'orders.in', partition: 0 } as const

  it('keeps everything when everything was copied', () => {
    const lengths = (inputs: Inputs): number[] => [...inputs.values()].map(({ length }) => length)
    assert.ok(
      lengths(whole).every((length) => length > 100),
      'every input has something to say',
    )
    assert.deepEqual(lengths(keptOf(whole)), lengths(whole))
  })

  it('tells what waits, and drops it when it is closed', () => {
    const cut = new LargestCut(topology)
    const records = whole.get('orders.in/0') ?? []
    for (const record of records) cut.read(orders0, record)
    const { kept, waiting } = cut.standing(orders0)
    assert.equal(kept.records, 1, 'the first record, which names the log')
    assert.equal(waiting.records, records.length - 1)
    assert.deepEqual([waiting.from, waiting.to], [records[1]?.timestamp, records.at(-1)?.timestamp])
    cut.close()
    for (const record of whole.get('risk.in/0') ?? []) assert.deepEqual(cut.read(risk0, record), [])
    assert.equal(cut.standing(risk0).waiting.records, whole.get('risk.in/0')?.length)
    assert.equal(cut.standing(orders0).kept.records, 1)
  })

  it('tells up to which log time everything is kept', () => {
    const cut = new LargestCut(topology)
    const [names, ...orders] = whole.get('orders.in/0') ?? []
    assert.equal(cut.keptUntil, undefined)
    cut.read(orders0, names!)
    assert.equal(cut.keptUntil, names?.timestamp)
    for (const record of orders) cut.read(orders0, record)
    assert.equal(cut.keptUntil, orders[0]?.timestamp, 'of the oldest that waits')
  })

  it('is full when too much waits, until some of it is kept', () => {
    const cut = new LargestCut({ riskShards: 1, matchingShards: 1 })
    const payload = encodeEntry(
      { type: 'openAccount', owner: 'x'.repeat(100), replyTo: { partition: 0, instance: 0, request: 0 } },
      { version: 1, cause: 1, time: 5 },
    )
    const entries = Array.from({ length: 3_000 }, () => payload)
    const header = {
      epoch: 1,
      hashBefore: emptyHash,
      endsCommand: true,
      source: { kind: 'risk', shard: 0 },
    } as const
    const value = encodeFrame({ ...header, sequence: 1 }, entries)
    cut.read(orders0, { offset: 0, timestamp: 1, value: genesis('one') })
    for (let i = 1; i < 1_000 && !cut.isFull(orders0); i++)
      cut.read(orders0, { offset: i, timestamp: 1 + i, value })
    assert.ok(cut.standing(orders0).waiting.records > WAITING_BYTES_MAX / value.length - 1)
    cut.read(risk0, { offset: 0, timestamp: 1, value: genesis('one') })
    cut.read(risk0, { offset: 1, timestamp: 5, value: encodeCommands([{ type: 'tick', number: 1 }]) })
    assert.equal(cut.isFull(orders0), false)
  })

  it('knows the highest epoch, kept or not', () => {
    const cut = new LargestCut(topology)
    for (const record of whole.get('risk.in/0') ?? []) cut.read(risk0, record)
    assert.equal(cut.epoch, 1)
    cut.read(risk0, { offset: 9e6, timestamp: 9e6, value: encodeCommands([{ type: 'epoch', epoch: 4 }]) })
    assert.equal(cut.epoch, 4)
  })

  const change = (key: string, changed: (records: LogRecord[]) => LogRecord[]): Inputs =>
    new Map(whole).set(key, changed([...(whole.get(key) ?? [])]))
  const wrong: readonly [string, Inputs, RegExp][] = [
    ['without its first record', change('risk.in/0', (records) => records.slice(1)), /does not begin with/],
    [
      'of another log',
      change('orders.in/1', ([first, ...rest]) => [{ ...first!, value: genesis('two') }, ...rest]),
      /is of log (one|two), others are of/,
    ],
    [
      'that begins anew',
      change('risk.in/1', (records) => [...records, { ...records[0]!, timestamp: 9e6 }]),
      /begins anew/,
    ],
    [
      'that lacks a command',
      change('risk.in/0', (records) => records.filter((record) => record !== records.find(isCommand))),
      /records are missing or repeated there/,
    ],
    [
      'with times of its own',
      change('risk.in/0', (records) =>
        records.map((record) => ({ ...record, timestamp: record.timestamp + 1 })),
      ),
      /or their times are the copy's/,
    ],
    [
      'of more shards than asked for',
      new Map([['orders.in/0', whole.get('orders.in/0') ?? []]]),
      /more shards than asked for/,
    ],
  ]
  for (const [what, inputs, message] of wrong) {
    it(`refuses a copy ${what}`, () => {
      const shape = inputs.size === 1 ? { riskShards: 1, matchingShards: 1 } : topology
      assert.throws(
        () => {
          const cut = new LargestCut(shape)
          for (const [key, records] of inputs) for (const record of records) cut.read(nameOf(key), record)
        },
        (error) => error instanceof WrongCopyError && message.test(error.message),
      )
    })
  }
})

/** Numbers that look drawn, the same each time. */
function draws(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % below
  }
}
