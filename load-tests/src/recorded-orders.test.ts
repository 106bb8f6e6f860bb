import assert from 'node:assert/strict'
import { readRecording } from './recorded-orders.ts'

const HEADER = 'id,timestamp,exchange.timestamp,price,volume,action,direction\n'

describe('readRecording', () => {
  it('sends what was created, and cancels what was deleted with volume left', () => {
    const { events } = readRecording(
      `${HEADER}7,1000,1000,236.47,200000000,created,bid\n7,1005,1000,236.47,150000000,deleted,bid\n`,
    )
    assert.deepEqual(events, [
      { type: 'create', id: '7', at: 1000, side: 'buy', price: '236.47', volume: 200000000n },
      { type: 'cancel', id: '7', at: 1005 },
    ])
  })

  it('skips and counts what matching decided, and what was there before', () => {
    const { events, skipped } = readRecording(
      `${HEADER}1,1,1,10.00,5,created,ask\n1,2,1,10.00,3,changed,ask\n1,3,1,10.00,0,deleted,ask\n9,4,1,10.00,5,deleted,bid\n`,
    )
    assert.equal(events.length, 1)
    assert.deepEqual(skipped, { filled: 1, changed: 1, unknown: 1 })
  })

  for (const [what, bad] of [
    ['a price that is no decimal', '1,1,1,abc,5,created,ask'],
    ['a negative volume', '1,1,1,10.00,-5,created,ask'],
    ['an unknown action', '1,1,1,10.00,5,moved,ask'],
    ['an unknown direction', '1,1,1,10.00,5,created,up'],
  ] as const) {
    it(`refuses ${what} and names the line`, () => {
      assert.throws(() => readRecording(`${HEADER}2,1,1,10.00,5,created,ask\n${bad}\n`), /line 3/)
    })
  }
})
