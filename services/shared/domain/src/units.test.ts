import assert from 'node:assert/strict'
import { lots, ticks } from './units.ts'

describe('units', () => {
  it('brands whole numbers from 0 to 2^53 − 1 and crashes on any other, naming it', () => {
    for (const value of [0, 1, Number.MAX_SAFE_INTEGER]) {
      assert.equal(ticks(value), value)
      assert.equal(lots(value), value)
    }
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Infinity]) {
      assert.throws(() => ticks(value), { message: `invariant broken: ${value} is no price in ticks` })
      assert.throws(() => lots(value), { message: `invariant broken: ${value} is no quantity in lots` })
    }
  })
})
