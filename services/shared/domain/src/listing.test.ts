import assert from 'node:assert/strict'
import { bandHigh, bandLow, baseUnit, checkListing, feeOn, quoteUnit, type Listing } from './listing.ts'
import { lots, ticks } from './units.ts'

const sound: Listing = {
  symbol: 1,
  name: 'BTC-USD',
  base: { asset: 1, code: 'BTC', scale: 8 },
  quote: { asset: 2, code: 'USD', scale: 8 },
  tickDecimals: 2,
  lotDecimals: 4,
  minLots: lots(1),
  maxLots: lots(1_000_000),
  minNotional: 100,
  makerFeePpm: 100,
  takerFeePpm: 2_000,
  referencePrice: ticks(10_000),
  bandPpm: 500_000,
  partition: 1,
}
const asset = (scale: number) => ({ asset: 1, code: 'A', scale })

describe('checkListing', () => {
  const table: readonly (readonly [string, Partial<Listing>])[] = [
    ['sound', {}],
    ['too_many_decimals', { base: asset(19) }],
    ['quote_scale_too_small', { quote: asset(5) }],
    ['sound', { quote: asset(6), minNotional: 10_000 }],
    ['lot_finer_than_asset', { base: asset(3) }],
    ['quantity_range', { minLots: lots(0) }],
    ['quantity_range', { minLots: lots(3), maxLots: lots(2) }],
    ['quantity_range', { minNotional: 0 }],
    ['quantity_range', { minNotional: 15_000 * 1_000_000 + 1 }],
    ['band_range', { referencePrice: ticks(0) }],
    ['band_range', { bandPpm: 0 }],
    ['band_range', { bandPpm: 10_000_000 }],
    ['notional_too_large', { maxLots: lots(Math.floor(2 ** 53 / 15_000) + 1) }],
    ['sound', { maxLots: lots(Math.floor(2 ** 53 / 15_000)) }],
    // 2^53 ticks × lots of 10^18 units each, times 10^5 parts per million, do not fit an amount.
    [
      'notional_too_large',
      { quote: asset(18), tickDecimals: 0, lotDecimals: 0, maxLots: lots(Math.floor(2 ** 53 / 15_000)) },
    ],
    ['fee_range', { takerFeePpm: 100_001 }],
    ['sound', { makerFeePpm: 0, takerFeePpm: 0 }],
    ['fee_below_one_unit', { makerFeePpm: 99 }],
    ['fee_below_one_unit', { minNotional: 99 }],
    ['partition_range', { partition: 2 }],
  ]
  for (const [expected, changes] of table) {
    it(`calls ${JSON.stringify(changes)} ${expected}`, () => {
      const checked = checkListing({ ...sound, ...changes }, 2)
      assert.equal(checked.ok ? 'sound' : checked.error, expected)
    })
  }
})

describe('A listing', () => {
  for (const [reference, bandPpm, low, high] of [
    [100, 500_000, 51, 150],
    [10_000, 1, 10_000, 10_000],
    [3, 100_000, 3, 3],
    [100, 1_000_000, 1, 200],
    [1, 9_999_999, 1, 10],
  ] as const) {
    it(`takes prices from ${low} to ${high} with ${bandPpm} ppm around ${reference}`, () => {
      const listing = { ...sound, referencePrice: ticks(reference), bandPpm }
      assert.deepEqual([bandLow(listing), bandHigh(listing)], [low, high])
    })
  }

  it('values a tick × lot and a lot in the smallest units of its assets', () => {
    assert.deepEqual([quoteUnit(sound), baseUnit(sound)], [100n, 10_000n])
  })

  it('rounds fees down', () => {
    assert.deepEqual([feeOn(999n, 1_000), feeOn(1_000n, 1_000), feeOn(1_999n, 1_000)], [0n, 1n, 1n])
  })
})
