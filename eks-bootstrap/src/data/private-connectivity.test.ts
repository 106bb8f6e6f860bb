import assert from 'node:assert/strict'
import { type Connectivity, connect } from './private-connectivity.ts'

describe('Private connectivity of the log', () => {
  it('is asked for once, and is there when the brokers are back', async () => {
    const states: Connectivity[] = [
      { state: 'CREATING', version: 'v1', enabled: false },
      { state: 'ACTIVE', version: 'v1', enabled: false },
      { state: 'UPDATING', version: 'v1', enabled: false },
      { state: 'ACTIVE', version: 'v2', enabled: true },
    ]
    const enabledAt: string[] = []
    const look = async () => states.shift()!
    const enable = async (version: string) => void enabledAt.push(version)
    const answers = []
    for (let step = 0; step < 4; step++) answers.push(await connect({ look, enable }))
    assert.deepEqual(answers, [false, false, false, true])
    assert.deepEqual(enabledAt, ['v1'])
  })

  it('changes nothing where it is there already', async () => {
    const look = async () => ({ state: 'ACTIVE', version: 'v2', enabled: true })
    assert(await connect({ look, enable: () => assert.fail('asked again') }))
  })

  it('gives up on a cluster that failed', async () => {
    const look = async () => ({ state: 'FAILED', version: 'v1', enabled: false })
    await assert.rejects(connect({ look, enable: async () => undefined }), /the cluster is FAILED/)
  })
})
