import assert from 'node:assert/strict'
import { NONE } from './order-slots.ts'
import { BUY, PriceLadder, SELL } from './price-ladder.ts'
import { Random } from '../testing/random.ts'

describe('PriceLadder', () => {
  for (const side of [BUY, SELL] as const) {
    for (const spread of [12, 3_000]) {
      it(`keeps ${spread} prices sorted, best first (side ${side}, seed 41)`, () => {
        const random = new Random(41)
        const ladder = new PriceLadder(side)
        const open = new Set<number>()
        for (let i = 0; i < 8_000; i++) {
          const price = 2 ** 40 + random.below(spread)
          const level = ladder.find(price)
          assert.equal(level === NONE, !open.has(price))
          if (level === NONE) {
            ladder.setQuantity(ladder.open(price), price)
            open.add(price)
          } else if (random.chance(60)) {
            ladder.close(level)
            open.delete(price)
          }
          if (i % 500 !== 0) continue
          ladder.check()
          const best = [...open].sort((a, b) => (side === BUY ? b - a : a - b))
          const levels = best.map((_, distance) => ladder.level(distance))
          assert.deepEqual(
            levels.map((each) => ladder.price(each)),
            best,
          )
          assert.deepEqual(
            levels.map((each) => ladder.quantity(each)),
            best,
          )
          assert.equal(ladder.level(best.length), NONE)
        }
      })
    }
  }

  it('meets a limit at or beyond its price', () => {
    const [bids, asks] = [new PriceLadder(BUY), new PriceLadder(SELL)]
    const [bid, ask] = [bids.open(100), asks.open(100)]
    assert.deepEqual(
      [99, 100, 101].map((limit) => bids.meets(bid, limit)),
      [true, true, false],
    )
    assert.deepEqual(
      [99, 100, 101].map((limit) => asks.meets(ask, limit)),
      [false, true, true],
    )
  })
})
