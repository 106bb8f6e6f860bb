import assert from 'node:assert/strict'
import { POLLS_MAX, rotate, type Token } from './token-rotation.ts'

const SECRET = 'arn:secret'
const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret']

describe('Rotation of the Redis token', () => {
  it('goes from one token to the next, Redis first, readers after', async () => {
    const { token, log } = fake()
    for (const Step of STEPS) await rotate({ SecretId: SECRET, ClientRequestToken: 'v2', Step }, token)
    assert.deepEqual(log, ['put v2 random', 'modify random ROTATE', 'promote v2 from v1'])
  })

  it('keeps the pending token when a step is repeated', async () => {
    const { token, log } = fake()
    for (const Step of ['createSecret', 'createSecret', 'setSecret']) {
      await rotate({ SecretId: SECRET, ClientRequestToken: 'v2', Step }, token)
    }
    assert.deepEqual(log, ['put v2 random', 'modify random ROTATE'])
  })

  it('does nothing to a version that is current already', async () => {
    const { token, log } = fake()
    for (const Step of STEPS) await rotate({ SecretId: SECRET, ClientRequestToken: 'v1', Step }, token)
    assert.deepEqual(log, [])
  })

  it('gives up while Redis stays busy', async () => {
    const { token } = fake({ status: async () => 'modifying' })
    let pauses = 0
    const busy = { ...token, pause: async () => void pauses++ }
    const event = { SecretId: SECRET, ClientRequestToken: 'v2', Step: 'testSecret' }
    await assert.rejects(rotate(event, busy), /not available/)
    assert.equal(pauses, POLLS_MAX)
  })

  it('refuses a step it does not know', async () => {
    const event = { SecretId: SECRET, ClientRequestToken: 'v2', Step: 'dance' }
    await assert.rejects(rotate(event, fake().token), /unknown rotation step dance/)
  })
})

function fake(overrides: Partial<Token> = {}): { token: Token; log: string[] } {
  const log: string[] = []
  const stages: Record<string, string[]> = { v1: ['AWSCURRENT'], v2: [] }
  let pending = ''
  const token: Token = {
    stages: async () => stages,
    random: async () => 'random',
    put: async (_, version, value) => {
      pending = value
      stages[version] = ['AWSPENDING']
      log.push(`put ${version} ${value}`)
    },
    pending: async () => pending,
    promote: async (_, to, from) => void log.push(`promote ${to} from ${from}`),
    modify: async (value, strategy) => void log.push(`modify ${value} ${strategy}`),
    status: async () => 'available',
    pause: async () => undefined,
    ...overrides,
  }
  return { token, log }
}
