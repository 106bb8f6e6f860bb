import assert from 'node:assert/strict'
import { Ownership } from './ownership.ts'

const reading = (pod: string, owned: boolean, askedAt: number, tookMs = 10) => ({
  ...{ pod, owned, askedAt },
  partition: 'orders.in/0',
  answeredAt: askedAt + tookMs,
})

describe('ownership of a partition', () => {
  it('is known from the first answer to the last question', () => {
    const ownership = new Ownership()
    for (const at of [0, 100, 200]) ownership.note(reading('a', true, at))
    assert.deepEqual(ownership.holds, [{ pod: 'a', partition: 'orders.in/0', from: 10, to: 200 }])
    assert.equal(ownership.owner('orders.in/0'), 'a')
  })

  it('overlaps where two pods claim it and claim it again', () => {
    const ownership = new Ownership()
    for (const at of [0, 100, 200]) ownership.note(reading('a', true, at))
    for (const at of [120, 180]) ownership.note(reading('b', true, at))
    assert.deepEqual(ownership.overlaps(), [{ partition: 'orders.in/0', pods: ['a', 'b'], ms: 50 }])
  })

  it('does not overlap when one pod gives it up between two readings, however slow they are', () => {
    const ownership = new Ownership()
    ownership.note(reading('a', true, 0))
    ownership.note(reading('a', true, 100, 500))
    ownership.note(reading('b', true, 300))
    ownership.note(reading('a', false, 700))
    ownership.note(reading('b', true, 800))
    assert.deepEqual(ownership.overlaps(), [])
    assert.equal(ownership.owner('orders.in/0'), 'b')
  })

  it('does not reach over a time in which nothing was heard', () => {
    const ownership = new Ownership()
    ownership.note(reading('a', true, 0))
    ownership.lost('a')
    for (const at of [500, 600]) ownership.note(reading('b', true, at))
    ownership.note(reading('a', true, 1_000))
    assert.deepEqual(ownership.overlaps(), [])
  })
})
