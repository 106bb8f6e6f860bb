import assert from 'node:assert/strict'
import { refusalCodes } from '@bourse/domain/refusals'
import { fill, listing, order } from '../testing/gateway.ts'
import { fillView, orderView, storedResultView, symbolView } from './formats.ts'

describe('orderView', () => {
  it('says filled of an order that used up its funds', () => {
    const spent = {
      ...order,
      status: 'closed',
      reason: 0,
      kind: 'market',
      price: 0,
      quantity: 0,
      funds: 100_30000000n,
    }
    const view = orderView(spent as typeof order, listing)
    assert.equal(view.status, 'filled')
    assert.equal('reason' in view, false)
    assert.equal('remaining_quantity' in view, false)
    assert.equal('price' in view || 'quantity' in view, false)
    assert.equal(view.funds, '100.3')
  })

  it('says why an order was closed', () => {
    const view = orderView({ ...order, status: 'closed', reason: refusalCodes.would_trade }, listing)
    assert.deepEqual([view.status, view.reason], ['closed', 'would_trade'])
  })

  it('has no average price before the first fill', () => {
    const view = orderView({ ...order, filledQuantity: 0, filledQuote: 0n }, listing)
    assert.equal('average_price' in view, false)
  })

  it('rounds the average price down to the quote asset’s unit', () => {
    // 3 lots of 10^-6 BTC for 0.00010001 USD: 33.33666… each
    const view = orderView({ ...order, filledQuantity: 3, filledQuote: 10_001n }, listing)
    assert.equal(view.average_price, '33.33666666')
  })
})

describe('fillView', () => {
  it('names the fee in the asset received', () => {
    assert.deepEqual(fillView(fill, listing), {
      ...{ trade_id: '3', order_id: '7', symbol: 'BTC-USD', side: 'buy', role: 'taker', price: '100.25' },
      ...{ quantity: '1', fee: '0.001', fee_asset: 'BTC', time: 1_500 },
    })
    assert.equal(fillView({ ...fill, side: 'sell' }, listing).fee_asset, 'USD')
  })
})

describe('storedResultView', () => {
  it('is what the engine’s own result looks like', () => {
    const { fills, status, order_id: id } = storedResultView(order, [fill], listing)
    assert.deepEqual([id, status, fills], ['7', 'open', [{ trade_id: '3', price: '100.25', quantity: '1' }]])
  })
})

describe('symbolView', () => {
  it('says how small and how large orders may be', () => {
    assert.deepEqual(symbolView(listing, 'halted'), {
      ...{
        symbol: 'BTC-USD',
        state: 'halted',
        base: 'BTC',
        quote: 'USD',
        tick_size: '0.01',
        lot_size: '0.000001',
      },
      ...{
        min_quantity: '0.00001',
        max_quantity: '1000',
        min_notional: '0.00000001',
        reference_price: '100',
      },
      ...{ band_ppm: 500_000, maker_fee_ppm: 1_000, taker_fee_ppm: 2_000 },
    })
  })
})
