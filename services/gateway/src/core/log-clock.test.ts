import assert from 'node:assert/strict'
import { LogClock } from './log-clock.ts'

describe('LogClock', () => {
  it('is our clock before the first answer', () => {
    assert.equal(new LogClock().at(500), 500)
  })

  it('moves only as far as an answer proves it wrong', () => {
    const clock = new LogClock()
    // Sent at 100, answered at 110, appended at 1,104: the offset is between 994 and 1,004.
    clock.observe({ time: 1_104, sentAt: 100, receivedAt: 110 })
    assert.equal(clock.at(0), 1_004)
    clock.observe({ time: 1_203, sentAt: 200, receivedAt: 210 })
    assert.equal(clock.at(0), 1_003)
    clock.observe({ time: 1_302, sentAt: 298, receivedAt: 300 })
    assert.equal(clock.at(0), 1_003)
  })

  it('is not led astray by a slow answer', () => {
    const clock = new LogClock()
    clock.observe({ time: 1_000, sentAt: 1_000, receivedAt: 1_002 })
    // Appended at once, answered four seconds later.
    clock.observe({ time: 2_001, sentAt: 2_000, receivedAt: 6_000 })
    assert.equal(clock.at(6_000), 6_000)
  })

  it('follows a clock that was set back', () => {
    const clock = new LogClock()
    clock.observe({ time: 9_000, sentAt: 1_000, receivedAt: 1_001 })
    clock.observe({ time: 2_000, sentAt: 2_000, receivedAt: 2_001 })
    assert.equal(clock.at(2_001), 2_001)
  })
})
