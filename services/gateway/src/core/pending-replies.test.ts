import assert from 'node:assert/strict'
import { blankReply } from '../testing/gateway.ts'
import { PendingReplies, type Failure, type Reply } from './pending-replies.ts'

describe('PendingReplies', () => {
  const wait = (pending: PendingReplies, request: number, sentAt: number, prompt = true) => {
    const outcomes: (Reply | Failure)[] = []
    pending.add(request, { sentAt, prompt, settle: (outcome) => outcomes.push(outcome) })
    return outcomes
  }
  const reply = (request: number) => ({ ...blankReply, request })

  it('gives an answer to the command that asked', () => {
    const pending = new PendingReplies()
    const [first, second] = [wait(pending, 1, 0), wait(pending, 2, 0)]
    pending.answered(reply(2), 5)
    assert.deepEqual([first, second], [[], [reply(2)]])
    assert.equal(pending.size, 1)
  })

  it('gives an answer once, and none to who has given up', () => {
    const pending = new PendingReplies()
    const outcomes = wait(pending, 1, 0)
    assert(pending.answered(reply(1), 5))
    assert.equal(pending.answered(reply(1), 6), undefined)
    assert.equal(outcomes.length, 1)

    const late = wait(pending, 2, 0)
    pending.abandon([2], 'overloaded')
    assert.equal(pending.answered(reply(2), 7), undefined)
    assert.deepEqual(late, ['overloaded'])
  })

  it('gives up what is too old, and only that', () => {
    const pending = new PendingReplies()
    const outcomes = [100, 200, 300].map((sentAt, index) => wait(pending, index + 1, sentAt))
    assert.equal(pending.expire(200), 2)
    assert.deepEqual(outcomes, [['outcome_unknown'], ['outcome_unknown'], []])
    assert.equal(pending.size, 1)
  })

  it('judges the lag by commands that are answered promptly', () => {
    const pending = new PendingReplies()
    wait(pending, 1, 0, false)
    assert.equal(pending.lagAt(9_000), 0)
    wait(pending, 2, 5_000)
    assert.equal(pending.lagAt(9_000), 4_000)
    pending.answered(reply(1), 9_000)
    assert.equal(pending.lagAt(9_000), 4_000)
  })
})
