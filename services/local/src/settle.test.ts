import { deepEqual, equal, rejects } from 'node:assert/strict'
import { settleAll } from './settle.ts'

describe('settleAll', () => {
  it('returns all results in order', async () => {
    deepEqual(await settleAll([Promise.resolve(1), 'two', undefined]), [1, 'two', undefined])
  })

  it('throws the first failure, but only when the others have ended', async () => {
    let ended = false
    const slow = new Promise<void>((resolve) => setTimeout(() => ((ended = true), resolve()), 20))
    await rejects(settleAll([Promise.reject(new Error('no port')), slow]), /no port/)
    equal(ended, true)
  })
})
