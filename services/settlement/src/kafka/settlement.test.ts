import assert from 'node:assert/strict'
import { riskOut } from '../testing/ledger-suite.ts'
import { startOffset } from './settlement.ts'

describe('startOffset', () => {
  it('begins one record early, to compare it', () => {
    assert.equal(startOffset(riskOut, 7, { low: 0, high: 9 }), 6)
    assert.equal(startOffset(riskOut, 0, { low: 0, high: 0 }), 0)
  })
  it('begins at the oldest record where the one before was deleted', () => {
    assert.equal(startOffset(riskOut, 7, { low: 7, high: 9 }), 7)
  })
  it('refuses a log that begins too late or ends too early', () => {
    assert.throws(
      () => startOffset(riskOut, 7, { low: 8, high: 9 }),
      /begins at 8, the ledger needs it from 7 on/,
    )
    assert.throws(
      () => startOffset(riskOut, 7, { low: 0, high: 6 }),
      /ends at 6, the ledger has read up to 7/,
    )
  })
})
