import assert from 'node:assert/strict'
import { AMOUNT_MAX, formatDecimal, lots, parseAmount, parseLots, parseTicks, ticks } from './units.ts'

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

describe('Decimals', () => {
  const table: readonly (readonly [string, number, number | string])[] = [
    ['100.50', 2, 10_050],
    ['100.5', 2, 10_050],
    ['0.01', 2, 1],
    ['1.000', 2, 100],
    ['007', 0, 7],
    ['90071992547409.91', 2, Number.MAX_SAFE_INTEGER],
    ['90071992547409.92', 2, 'out_of_range'],
    ['0', 2, 'out_of_range'],
    ['1.005', 2, 'too_precise'],
    ['1.', 2, 'not_a_decimal'],
    ['.5', 2, 'not_a_decimal'],
    ['-1', 2, 'not_a_decimal'],
    ['+1', 2, 'not_a_decimal'],
    ['1e3', 2, 'not_a_decimal'],
    ['1,5', 2, 'not_a_decimal'],
    [' 1', 2, 'not_a_decimal'],
    ['', 2, 'not_a_decimal'],
    ['1'.repeat(39), 2, 'not_a_decimal'],
  ]
  for (const [text, decimals, expected] of table) {
    it(`reads '${text}' with ${decimals} decimals as ${expected}`, () => {
      for (const parsed of [parseTicks(text, decimals), parseLots(text, decimals)]) {
        assert.equal(parsed.ok ? parsed.value : parsed.error, expected)
      }
    })
  }

  it('reads amounts up to what the log carries', () => {
    assert.deepEqual(parseAmount(`${AMOUNT_MAX}`, 0), { ok: true, value: AMOUNT_MAX })
    assert.deepEqual(parseAmount(`${AMOUNT_MAX + 1n}`, 0), { ok: false, error: 'out_of_range' })
    assert.deepEqual(parseAmount('0.000000000000000001', 18), { ok: true, value: 1n })
  })

  for (const [value, decimals, text] of [
    [10_050, 2, '100.5'],
    [0, 8, '0'],
    [-5n, 3, '-0.005'],
    [12n, 0, '12'],
    [10n ** 20n, 18, '100'],
  ] as const) {
    it(`writes ${value} with ${decimals} decimals as '${text}'`, () => {
      assert.equal(formatDecimal(value, decimals), text)
    })
  }
})
