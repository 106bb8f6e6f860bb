import assert from 'node:assert/strict'
import { monthOf } from './months.ts'

describe('monthOf', () => {
  it('names the month of a time and gives its bounds in UTC', () => {
    const december = { name: 'y2026m12', from: Date.UTC(2026, 11), to: Date.UTC(2027, 0) }
    assert.deepEqual(monthOf(Date.UTC(2026, 11)), december)
    assert.deepEqual(monthOf(Date.UTC(2027, 0) - 1), december)
    assert.equal(monthOf(Date.UTC(2027, 0)).name, 'y2027m01')
    assert.equal(monthOf(0).name, 'y1970m01')
  })

  for (const time of [-1, Number.NaN, Number.MAX_SAFE_INTEGER, Date.UTC(10_000, 0)]) {
    it(`refuses ${time}`, () => {
      assert.throws(() => monthOf(time), RangeError)
    })
  }
})
