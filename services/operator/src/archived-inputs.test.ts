import assert from 'node:assert/strict'
import { InputArchive } from '@bourse/input-archive/input-archive'
import type { ArchivedRecord } from '@bourse/input-archive/input-file'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { ArchivedInputs } from './archived-inputs.ts'
import { inputKey, type InputName } from './core/largest-cut.ts'
import type { SourceRecord } from './input-source.ts'

const SHAPE = { riskPartitions: 2, matchingPartitions: 1 }
const INPUTS: readonly InputName[] = [
  { topic: 'risk.in', partition: 0 },
  { topic: 'risk.in', partition: 1 },
  { topic: 'orders.in', partition: 0 },
]
const [RISK] = INPUTS as readonly [InputName]

const records = (first: number, count: number): ArchivedRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    offset: first + i,
    timestamp: 1_000 + first + i,
    value: Buffer.from(`record ${first + i}`),
  }))

describe('ArchivedInputs', () => {
  let store: MemoryStore
  let archive: InputArchive
  let lines: string[]

  beforeEach(async () => {
    store = new MemoryStore()
    archive = new InputArchive(store)
    lines = []
    for (const input of INPUTS) await add(input, 0, 10)
  })

  const add = (input: InputName, first: number, count: number, log = 'log-1') =>
    archive.write(input, { log, records: records(first, count) })
  const open = (toFirstGap = false) =>
    ArchivedInputs.open({ archive, shape: SHAPE, toFirstGap, print: (line) => lines.push(line) })

  async function readAll(source: ArchivedInputs): Promise<SourceRecord[]> {
    const all: SourceRecord[] = []
    for (let some = await source.read(); some.length > 0; some = await source.read()) all.push(...some)
    return all
  }
  const of = (all: readonly SourceRecord[], input: InputName) =>
    all.filter((each) => inputKey(each) === inputKey(input)).map(({ offset }) => offset)
  const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

  it('gives every record of every input, in order, with its time', async () => {
    await add(RISK, 10, 2_500)
    await add(RISK, 2_510, 1)
    const source = await open()
    await source.mark()
    assert.equal(source.isRead(RISK), false)
    const all = await readAll(source)
    for (const input of INPUTS) {
      assert.deepEqual(of(all, input), upTo(input === RISK ? 2_511 : 10))
      assert.equal(source.isRead(input), true)
    }
    assert.deepEqual(
      all.find(({ offset }) => offset === 2_510),
      { ...RISK, ...records(2_510, 1)[0]! },
    )
  })

  it('reads inputs alternately, a thousand records or so at a time', async () => {
    for (const input of INPUTS) await add(input, 10, 3_000)
    const source = await open()
    const turns: string[] = []
    for (let some = await source.read(); some.length > 0; some = await source.read()) {
      assert.ok(some.length <= 1_000)
      turns.push(inputKey(some[0]!))
    }
    for (let i = 0; i + 3 <= turns.length; i += 3)
      assert.equal(new Set(turns.slice(i, i + 3)).size, 3, turns.join())
  })

  it('leaves a paused input alone, and says when there is nothing else', async () => {
    const source = await open()
    source.pause(RISK)
    assert.deepEqual(of(await readAll(source), RISK), [])
    assert.equal(source.isRead(RISK), false)
    source.resume(RISK)
    assert.deepEqual(of(await readAll(source), RISK), upTo(10))
  })

  const refusals: readonly [what: string, told: RegExp, harm: () => Promise<unknown>][] = [
    [
      'an input without a file',
      /^copies_incomplete: risk.in\/0 of memory: has no file$/,
      async () => store.files.delete('inputs/risk.in/0/00000000000000000000.parquet'),
    ],
    [
      'an input without its first file',
      /^copies_incomplete: risk.in\/0 of memory: begins at offset 10$/,
      async () => {
        await add(RISK, 10, 1)
        store.files.delete('inputs/risk.in/0/00000000000000000000.parquet')
      },
    ],
    [
      'more partitions than the exchange has',
      /^copies_incomplete: memory: has more than 1 of orders.in$/,
      () => add({ topic: 'orders.in', partition: 1 }, 0, 1),
    ],
    [
      'a missing file in the middle',
      /^copies_incomplete: risk.in\/0 of memory:: no file begins at offset 10, the next one begins at 15\. With --to-first-gap/,
      () => add(RISK, 15, 1),
    ],
    [
      'files that overlap',
      /^copies_incomplete: .*no file begins at offset 10, the next one begins at 9/,
      () => add(RISK, 9, 5),
    ],
    ['a file of another log', /is of log log-2, others are of log-1/, () => add(RISK, 10, 1, 'log-2')],
    [
      'a damaged file',
      /^file_damaged: inputs\/risk.in\/0\/00000000000000000010.parquet: /,
      () => store.writeOnce('inputs/risk.in/0/00000000000000000010.parquet', Buffer.from('no Parquet')),
    ],
    [
      'a file of another input',
      /^file_damaged: .* it is of orders.in\/0$/,
      async () => {
        await add(INPUTS[2]!, 10, 1)
        const name = '00000000000000000010.parquet'
        await store.writeOnce(`inputs/risk.in/0/${name}`, await store.read(`inputs/orders.in/0/${name}`))
      },
    ],
  ]
  for (const [what, told, harm] of refusals)
    it(`refuses ${what}`, async () => {
      await harm()
      await assert.rejects(
        open().then((source) => readAll(source)),
        (error: Error) => told.test(error.message),
      )
    })

  it('leaves out what lies behind a gap when it is told to, and says so', async () => {
    await add(RISK, 15, 1)
    await add(RISK, 16, 1)
    const source = await open(true)
    assert.deepEqual(of(await readAll(source), RISK), upTo(10))
    assert.equal(source.isRead(RISK), true)
    assert.deepEqual(lines, [
      'risk.in/0 of memory:: no file begins at offset 10, the next one begins at 15; 2 files are left out',
    ])
  })
})
