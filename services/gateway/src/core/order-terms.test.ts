import assert from 'node:assert/strict'
import { lots, ticks } from '@bourse/domain/units'
import { listing } from '../testing/gateway.ts'
import { amountOf, orderTerms, type OrderRequest } from './order-terms.ts'

const limit: OrderRequest = {
  side: 'buy',
  type: 'limit',
  post_only: false,
  price: '100.50',
  quantity: '0.25',
}
const unsized: OrderRequest = { side: 'sell', type: 'market', post_only: false }
const market: OrderRequest = { ...unsized, quantity: '0.25' }
const byFunds: OrderRequest = { ...unsized, funds: '25' }

describe('orderTerms', () => {
  it('turns decimals into ticks, lots and amounts', () => {
    const common = { postOnly: false, funds: 0n }
    assert.deepEqual(orderTerms({ ...limit, post_only: true }, listing), {
      ok: true,
      value: {
        ...{ ...common, side: 'buy', kind: 'limit', timeInForce: 'gtc', postOnly: true },
        ...{ price: ticks(10_050), quantity: lots(250_000) },
      },
    })
    assert.deepEqual(orderTerms(byFunds, listing), {
      ok: true,
      value: {
        ...{
          ...common,
          side: 'sell',
          kind: 'market',
          timeInForce: 'ioc',
          price: ticks(0),
          quantity: lots(0),
        },
        funds: 25_00000000n,
      },
    })
  })

  for (const [name, request, code, field] of [
    ['a limit order without a price', { ...limit, price: undefined }, 'malformed', 'price'],
    ['a limit order without a quantity', { ...limit, quantity: undefined }, 'malformed', 'quantity'],
    ['a limit order with funds', { ...limit, funds: '1' }, 'malformed', 'funds'],
    [
      'a post-only order that may not rest',
      { ...limit, post_only: true, time_in_force: 'ioc' },
      'malformed',
      'post_only',
    ],
    ['a market order with a price', { ...market, price: '1' }, 'malformed', 'price'],
    ['a market order by quantity and funds', { ...market, funds: '1' }, 'malformed', 'quantity'],
    ['a market order by neither', unsized, 'malformed', 'quantity'],
    ['a post-only market order', { ...market, post_only: true }, 'malformed', 'post_only'],
    ['a market order that rests', { ...market, time_in_force: 'gtc' }, 'malformed', 'time_in_force'],
    ['a fill-or-kill market order', { ...market, time_in_force: 'fok' }, 'malformed', 'time_in_force'],
    ['a price between two ticks', { ...limit, price: '100.505' }, 'too_precise', 'price'],
    ['a part of a lot', { ...limit, quantity: '0.0000001' }, 'too_precise', 'quantity'],
    ['funds finer than the asset', { ...byFunds, funds: '0.000000001' }, 'too_precise', 'funds'],
    ['a negative price', { ...limit, price: '-1' }, 'malformed', 'price'],
    ['an exponent', { ...limit, price: '1e2' }, 'malformed', 'price'],
    ['a quantity of zero', { ...limit, quantity: '0.00' }, 'below_minimum', 'quantity'],
    ['a quantity beyond counting', { ...limit, quantity: '99999999999' }, 'above_maximum', 'quantity'],
  ] as const) {
    it(`refuses ${name} as ${code}`, () => {
      const terms = orderTerms(request, listing)
      assert(!terms.ok)
      assert.deepEqual([terms.error.code, terms.error.field], [code, field])
    })
  }
})

describe('amountOf', () => {
  it('reads an amount of an asset, and names the field otherwise', () => {
    assert.deepEqual(amountOf('amount', '1.5', 8), { ok: true, value: 150_000_000n })
    const refused = amountOf('amount', '0', 8)
    assert(!refused.ok)
    assert.deepEqual([refused.error.code, refused.error.field], ['below_minimum', 'amount'])
  })
})
