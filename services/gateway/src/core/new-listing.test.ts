import assert from 'node:assert/strict'
import { lots, ticks } from '@bourse/domain/units'
import { btc, usd } from '../testing/gateway.ts'
import { newListing } from './new-listing.ts'

const request = {
  ...{ symbol: 'BTC-USD', tick_decimals: 2, lot_decimals: 6, min_quantity: '0.0001', max_quantity: '100' },
  ...{
    min_notional: '1',
    maker_fee_ppm: 1_000,
    taker_fee_ppm: 2_000,
    reference_price: '250',
    band_ppm: 500_000,
  },
  partition: 0,
}
const surroundings = { base: btc, quote: usd, matchingShards: 1 }

describe('newListing', () => {
  it('counts in ticks and lots', () => {
    const made = newListing(request, surroundings)
    assert(made.ok)
    const { minLots, maxLots, minNotional, referencePrice, symbol } = made.value
    assert.deepEqual(
      [minLots, maxLots, minNotional, referencePrice, symbol],
      [lots(100), lots(100_000_000), 100_000_000, ticks(25_000), 0],
    )
  })

  for (const [field, value] of [
    ['min_quantity', '0.00000001'],
    ['max_quantity', 'many'],
    ['min_notional', '0'],
    ['min_notional', '999999999999'],
    ['reference_price', '250.001'],
  ] as const) {
    it(`refuses ${field} ${value}`, () => {
      const refused = newListing({ ...request, [field]: value }, surroundings)
      assert(!refused.ok)
      assert.deepEqual([refused.error.code, refused.error.field], ['malformed', field])
    })
  }

  it('says which rule of money a listing breaks', () => {
    const refused = newListing({ ...request, partition: 3 }, surroundings)
    assert(!refused.ok)
    assert.deepEqual([refused.error.code, refused.error.detail], ['bad_listing', 'partition_range'])
  })
})
