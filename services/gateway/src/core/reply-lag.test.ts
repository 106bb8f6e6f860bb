import assert from 'node:assert/strict'
import { ReplyLag } from './reply-lag.ts'

describe('ReplyLag', () => {
  it('is the last answer’s latency while commands wait', () => {
    const lag = new ReplyLag()
    lag.answered({ sentAt: 100, now: 140 })
    assert.equal(lag.at(150, 145), 40)
  })

  it('grows while nothing is heard', () => {
    const lag = new ReplyLag()
    lag.answered({ sentAt: 100, now: 101 })
    assert.equal(lag.at(4_000, 1_000), 3_000)
  })

  it('counts from the last sign of life when one answer was lost', () => {
    const lag = new ReplyLag()
    lag.answered({ sentAt: 8_990, now: 9_000 })
    assert.equal(lag.at(9_050, 1_000), 50)
  })

  it('is nothing when nothing waits', () => {
    const lag = new ReplyLag()
    lag.answered({ sentAt: 0, now: 9_000 })
    assert.equal(lag.at(9_001, undefined), 0)
  })
})
