import assert from 'node:assert/strict'

import { Resources } from './resources.ts'

describe('Resources', () => {
  it('closes last in, first out, one after the other, and only once', async () => {
    const resources = new Resources()
    const closed: string[] = []
    assert.equal(
      resources.own('database', async (name) => {
        await Promise.resolve()
        closed.push(name)
      }),
      'database',
    )
    resources.own('server', (name) => closed.push(name))
    await resources.closeAll()
    await resources.closeAll()
    assert.deepEqual(closed, ['server', 'database'])
  })

  it('closes the rest when one fails, and reports every failure', async () => {
    const resources = new Resources()
    const closed: string[] = []
    resources.own('first', (name) => closed.push(name))
    resources.own('second', () => Promise.reject(new Error('second')))
    await assert.rejects(resources.closeAll(), { message: 'second' })
    assert.deepEqual(closed, ['first'])

    resources.own('a', () => Promise.reject(new Error('a')))
    resources.own('b', () => Promise.reject(new Error('b')))
    await assert.rejects(resources.closeAll(), ({ errors }) => {
      assert.deepEqual(
        errors.map(({ message }: Error) => message),
        ['b', 'a'],
      )
      return true
    })
  })
})
