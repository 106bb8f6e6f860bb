import assert from 'node:assert/strict'

import { kafkaError } from './error.ts'

describe('kafkaError', () => {
  it('names an error by its number', () => {
    const error = kafkaError({ code: -184, message: 'Local: Queue full' }, 'produce to t[0]')
    assert.equal(error.code, 'queue_full')
    assert.equal(error.message, 'produce to t[0]: Local: Queue full')
  })

  it('names an error that lost its number by its text, in either spelling', () => {
    assert.equal(kafkaError({ code: -1, message: 'message timed out' }, 'x').code, 'msg_timed_out')
    assert.equal(
      kafkaError({ message: 'Broker: Not enough in-sync replicas' }, 'x').code,
      'not_enough_replicas',
    )
  })

  it('says unknown rather than guess', () => {
    assert.equal(kafkaError({ code: -1, message: 'new trouble' }, 'x').code, 'unknown')
  })
})
