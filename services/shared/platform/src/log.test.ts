import assert from 'node:assert/strict'

import { createLog } from './log.ts'

describe('createLog', () => {
  const lines: Record<string, unknown>[] = []
  const log = createLog(
    { name: 'gateway', level: 'info' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  )

  beforeEach(() => lines.splice(0))

  it('writes a line of JSON with the service, the level by name and the fields', () => {
    log.info({ orderId: '7' }, 'order accepted')
    const [{ time, ...line }] = lines as [Record<string, unknown>]
    assert.deepEqual(line, {
      level: 'info',
      service: 'gateway',
      name: 'gateway',
      orderId: '7',
      msg: 'order accepted',
    })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  })

  it('never writes a secret', () => {
    const secrets = { authorization: 'hunter2', password: 'hunter2', token: 'hunter2' }
    log.warn({ ...secrets, req: { ...secrets, headers: secrets } }, 'request failed')
    assert(!JSON.stringify(lines).includes('hunter2'))
    assert.equal(lines[0]!['password'], '[redacted]')
  })

  it('leaves out what is below its level', () => {
    log.debug('detail')
    assert.deepEqual(lines, [])
  })
})
