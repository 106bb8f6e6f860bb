import assert from 'node:assert/strict'

import { Problem } from './problem.ts'

describe('Problem', () => {
  it('has the members of RFC 9457, the code and the request’s id', () => {
    const problem = new Problem(409, 'exists_with_other_content', 'the id is taken', { orderId: '7' })
    assert.deepEqual(problem.toBody('r-1'), {
      type: 'urn:bourse:problem:exists_with_other_content',
      title: 'Conflict',
      status: 409,
      code: 'exists_with_other_content',
      detail: 'the id is taken',
      request_id: 'r-1',
      orderId: '7',
    })
  })

  it('keeps its cause to itself, and cannot be given another status by a field', () => {
    const problem = new Problem(400, 'malformed', undefined, { cause: new Error('inner'), status: 200 })
    const { cause, ...body } = problem.toBody('r-1')
    assert.equal(cause, undefined)
    assert.equal(body.status, 400)
    assert.equal('detail' in body, false)
    assert.match(String(problem.cause), /inner/)
  })
})
