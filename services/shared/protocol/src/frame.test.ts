import assert from 'node:assert/strict'
import { lots, ticks } from '@bourse/domain/units'
import fc from 'fast-check'
import { MalformedError } from './bytes.ts'
import type { Entry } from './entries.ts'
import {
  decodeFrame,
  encodeCommands,
  encodeEntry,
  encodeFrame,
  ENTRIES_PER_FRAME_MAX,
  FRAME_BYTES_MAX,
} from './frame.ts'
import { emptyHash } from './stream-hash.ts'

const replyTo = { partition: 3, instance: 0xffff_fffe, request: 1 }
const orderKey = { orderId: 2 ** 45 + 7, account: 16, symbol: 2, createdAt: 1_760_000_000_000 }
const big = 2n ** 100n

const samples: readonly Entry[] = [
  { type: 'genesis', log: 'one' },
  { type: 'tick', number: Number.MAX_SAFE_INTEGER },
  { type: 'openAccount', owner: 'Zoë', replyTo },
  { type: 'deposit', account: 16, commandId: 'a', deadline: 0, replyTo, asset: 1, amount: big },
  {
    ...{ type: 'placeOrder', account: 16, commandId: 'x'.repeat(128), deadline: 5, replyTo, symbol: 1 },
    ...{
      side: 'sell',
      kind: 'limit',
      timeInForce: 'fok',
      postOnly: true,
      price: ticks(7),
      quantity: lots(9),
    },
    ...{ funds: -1n, wantResult: true },
  },
  {
    ...{
      type: 'orderFilled',
      ...orderKey,
      side: 'buy',
      tradeId: 4,
      price: ticks(1),
      quantity: lots(1),
      role: 'taker',
    },
    ...{ remaining: lots(0), filledQuantity: lots(3), filledQuote: -big, status: 'filled', holdAsset: 1 },
    ...{ released: 0n, feeAsset: 2, fee: 2n ** 63n, legs: [{ account: 16, asset: 1, amount: -(2n ** 63n) }] },
  },
  { type: 'checkpoint', totals: [{ asset: 1, available: big, held: -big }], openOrders: 3 },
  {
    ...{
      type: 'reply',
      instance: 1,
      request: 2,
      shard: 3,
      position: 4,
      refusal: 5,
      repeated: true,
      account: 6,
    },
    orderId: 7,
    result: {
      ...{
        status: 'closed',
        reason: 22,
        filledQuantity: lots(1),
        filledQuote: 1n,
        fee: 0n,
        remaining: lots(1),
      },
      fills: [{ tradeId: 1, price: ticks(1), quantity: lots(1) }],
    },
  },
]
const frame = encodeCommands(samples)

/** Decodes, or gives the position at which it was refused. Any other error is a defect. */
function positionOf(bytes: Buffer): number | undefined {
  try {
    decodeFrame(bytes)
    return undefined
  } catch (error) {
    assert.ok(error instanceof MalformedError, `${String(error)}`)
    assert.ok(error.position >= 0 && error.position <= bytes.length, error.message)
    return error.position
  }
}

describe('A frame', () => {
  it('carries entries of every make, and their bytes as their hashes cover them', () => {
    const { entries, ...header } = decodeFrame(frame)
    assert.deepEqual(
      entries.map(({ entry }) => entry),
      samples,
    )
    const stamp = { version: 0, cause: 0, time: 0 }
    assert.deepEqual(
      entries.map(({ bytes }) => bytes),
      samples.map((entry) => encodeEntry(entry, stamp)),
    )
    assert.deepEqual(header.source, { kind: 'gateway', shard: 0 })
  })

  it('numbers its entries from the first one on', () => {
    const source = { kind: 'risk', shard: 9 } as const
    const stamp = { version: 1, cause: 4, time: 5 }
    const header = { source, epoch: 2, sequence: 40, hashBefore: { high: 1, low: 2 }, endsCommand: false }
    const decoded = decodeFrame(
      encodeFrame(
        header,
        samples.slice(0, 2).map((entry) => encodeEntry(entry, stamp)),
      ),
    )
    const { entries, ...found } = decoded
    assert.deepEqual(found, header)
    assert.deepEqual(
      entries.map(({ sequence, version, cause, time }) => [sequence, version, cause, time]),
      [
        [40, 1, 4, 5],
        [41, 1, 4, 5],
      ],
    )
  })

  it('is refused with a position wherever it is cut off', () => {
    for (let size = 0; size < frame.length; size++) {
      assert.notEqual(positionOf(frame.subarray(0, size)), undefined, `cut off at ${size}`)
    }
  })

  it('is refused where bytes follow it', () => {
    assert.equal(positionOf(Buffer.concat([frame, Buffer.alloc(1)])), frame.length)
  })

  it('is refused where an entry is longer than what it says', () => {
    const entry = encodeEntry({ type: 'tick', number: 1 }, { version: 1, cause: 1, time: 1 })
    const longer = Buffer.concat([entry, Buffer.alloc(1)])
    longer.writeUInt32LE(longer.length - 4)
    const source = { kind: 'risk', shard: 0 } as const
    const header = { source, epoch: 1, sequence: 1, hashBefore: emptyHash, endsCommand: true }
    const bytes = encodeFrame(header, [longer])
    assert.equal(positionOf(bytes), bytes.length - 1)
  })

  it('is refused with a position, or read, but never half, whatever bits are wrong', () => {
    const flips = fc.array(fc.nat(frame.length * 8 - 1), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(flips, (bits) => {
        const bytes = Buffer.from(frame)
        for (const bit of bits) bytes[bit >> 3]! ^= 1 << (bit & 7)
        positionOf(bytes)
      }),
      { numRuns: 3_000, seed: 1 },
    )
  })

  it('is refused, whatever it is, where it is no frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.notEqual(positionOf(Buffer.from(bytes)), undefined)
      }),
      { numRuns: 1_000, seed: 1 },
    )
  })

  const wrong: Readonly<Record<string, readonly [at: number, value: number, position: number]>> = {
    'no magic number': [0, 0, 0],
    'a format of the future': [2, 2, 2],
    'unknown flags': [3, 2, 3],
    'an unknown kind of source': [4, 9, 4],
    'the reserved byte in use': [5, 1, 5],
    'a sequence beyond 2^53': [19, 0xff, 12],
    'no entries': [28, 0, 28],
    'an unknown kind of entry': [51, 0xff, 51],
  }
  for (const [what, [at, value, position]] of Object.entries(wrong)) {
    it(`is refused for ${what}`, () => {
      const bytes = Buffer.from(frame)
      bytes[at] = value
      assert.equal(positionOf(bytes), position)
    })
  }

  it('is not built where no reader would take it', () => {
    const header = { source: { kind: 'risk', shard: 0 }, epoch: 1, sequence: 1, endsCommand: true } as const
    const build = (entries: readonly Buffer[]) => encodeFrame({ ...header, hashBefore: emptyHash }, entries)
    assert.throws(() => build([]), RangeError)
    assert.throws(() => build([Buffer.alloc(FRAME_BYTES_MAX)]), RangeError)
    assert.throws(() => build(Array<Buffer>(ENTRIES_PER_FRAME_MAX + 1).fill(Buffer.alloc(1))), RangeError)
    assert.throws(() => encodeCommands([{ type: 'genesis', log: 'x'.repeat(37) }]), RangeError)
  })
})
