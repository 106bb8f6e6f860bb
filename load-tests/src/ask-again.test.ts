import assert from 'node:assert/strict'
import { askUntilDefinite, isIndefinite } from './ask-again.ts'
import type { Answer } from './exchange-client.ts'

const answer = (status: number, code: string): Answer => ({ status, code, body: undefined })
const unknown = answer(504, 'outcome_unknown')

describe('asking again', () => {
  for (const [indefinite, of] of [
    [true, unknown],
    [true, answer(0, 'no_answer')],
    [true, answer(503, 'overloaded')],
    [true, answer(502, 'malformed_answer')],
    [false, answer(503, 'expired')],
    [false, answer(429, 'rate_limited')],
    [false, answer(202, 'accepted')],
    [false, answer(409, 'order_closed')],
  ] as const) {
    it(`${of.status} ${of.code} is ${indefinite ? 'no outcome' : 'an outcome'}`, () => {
      assert.equal(isIndefinite(of), indefinite)
    })
  }

  const ask = (...answers: Answer[]) =>
    askUntilDefinite(async () => answers.shift() ?? assert.fail('asked too often'), {
      pauseMs: 1,
      askedMax: 3,
    })

  it('goes on until the outcome is known', async () => {
    const { answer: last, indefinite } = await ask(unknown, answer(0, 'no_answer'), answer(202, 'accepted'))
    assert.deepEqual([last.code, indefinite], ['accepted', ['outcome_unknown', 'no_answer']])
  })

  it('does not take rate_limited for the outcome of what was asked before', async () => {
    const limited = answer(429, 'rate_limited')
    assert.equal((await ask(limited)).answer.code, 'rate_limited')
    assert.equal((await ask(unknown, limited, answer(202, 'accepted'))).answer.code, 'accepted')
  })

  it('ends at the limit, and the outcome stays unknown', async () => {
    const { answer: last, indefinite } = await ask(unknown, unknown, unknown)
    assert.deepEqual([last.code, indefinite.length], ['outcome_unknown', 2])
  })
})
