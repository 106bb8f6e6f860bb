import assert from 'node:assert/strict'
import { isTransient } from './postgres-trouble.ts'

describe('isTransient', () => {
  const waits = [
    'CONNECTION_CLOSED',
    'ECONNREFUSED',
    '57P01',
    '28P01',
    '28000',
    '40001',
    '53300',
    '08006',
    '25006',
  ]
  const stops = ['42P01', '23505', '22003', '57', 'ELSE']
  for (const code of waits) {
    it(`waits after ${code}`, () => assert.equal(isTransient(Object.assign(new Error(), { code })), true))
  }
  for (const code of stops) {
    it(`stops after ${code}`, () => assert.equal(isTransient(Object.assign(new Error(), { code })), false))
  }
  it('stops after anything else', () => {
    assert.equal(isTransient(new Error('bug')), false)
    assert.equal(isTransient('57P01'), false)
  })
})
