import assert from 'node:assert/strict'
import { MalformedError } from '@bourse/protocol/bytes'
import fc from 'fast-check'
import { decodePosition, encodePosition, TIMES_SAVED_MAX, type CutPosition } from './cut-position.ts'

/** Records as the decoder makes them. */
const record = <Shape>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }) =>
  fc.record<Shape>(shape, { noNullPrototype: true })
const safe = fc.maxSafeNat()
const u32 = fc.nat(2 ** 32 - 1)
const hash = record({ high: u32, low: u32 })
const streams = fc.array(
  fc.tuple(fc.string({ maxLength: 12 }), record({ epoch: u32, sequence: safe, hash })),
  { maxLength: 4 },
)
const input = record({
  topic: fc.constantFrom('risk.in' as const, 'orders.in' as const),
  partition: fc.nat(255),
  next: safe,
  last: fc.option(record({ timestamp: safe, hash }), { nil: undefined }),
  counts: record({ records: fc.integer({ min: 1 }), entries: safe, commands: safe }),
  span: record({ from: safe, to: safe }),
  time: safe,
  streams: streams.map((all) => new Map(all)),
  times: fc.array(fc.tuple(safe, safe), { maxLength: 5 }),
}).map(({ counts, span, ...rest }) => ({
  ...rest,
  kept:
    rest.last === undefined
      ? { ...counts, records: 0, from: undefined, to: undefined }
      : { ...counts, ...span },
}))
const position: fc.Arbitrary<CutPosition> = record({
  log: fc.string({ maxLength: 9 }),
  epoch: u32,
  inputs: fc.array(input, { maxLength: 4 }),
})

describe("a cut's position", () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(position, (each) => assert.deepEqual(decodePosition(encodePosition(each)), each)))
  })

  it('is refused where bytes are missing, too many, or of another format', () => {
    fc.assert(
      fc.property(position, fc.nat(), (each, at) => {
        const bytes = encodePosition(each)
        assert.throws(() => decodePosition(bytes.subarray(0, at % bytes.length)), MalformedError)
        assert.throws(() => decodePosition(Buffer.concat([bytes, Buffer.alloc(1)])), MalformedError)
        assert.throws(
          () => decodePosition(Buffer.concat([Buffer.from([9]), bytes.subarray(1)])),
          MalformedError,
        )
      }),
    )
  })

  it('has limits', () => {
    const [first] = fc.sample(input, 1)
    assert.ok(first !== undefined)
    const times = Array.from({ length: TIMES_SAVED_MAX + 1 }, (_, i) => [i, i] as const)
    const bytes = encodePosition({ log: 'one', epoch: 1, inputs: [{ ...first, times }] })
    assert.throws(() => decodePosition(bytes), /1025 where at most 1024 may be/)
  })
})
