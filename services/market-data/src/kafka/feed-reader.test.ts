import assert from 'node:assert/strict'
import { FeedReader } from './feed-reader.ts'

const PARTITION = { topic: 'orders.out', partition: 0 }

describe('FeedReader', () => {
  it('waits for its checkpoint while PostgreSQL refuses the password', async () => {
    const refused = Object.assign(new Error('refused'), { code: '28P01' })
    const answers = [Promise.reject(refused), Promise.resolve(undefined)]
    const { reader, unknown } = reading(() => answers.shift())
    assert.deepEqual(await reader.assign([PARTITION]), [{ ...PARTITION, offset: 0 }])
    assert.deepEqual(unknown, [refused])
    assert.equal(reader.feeds.length, 1)
  })

  it('does not wait where the checkpoint is damaged', async () => {
    const { reader, unknown } = reading(() => Promise.reject(new Error('damaged')))
    await assert.rejects(reader.assign([PARTITION]), /damaged/)
    assert.deepEqual(unknown, [])
  })
})

function reading(load: () => Promise<undefined> | undefined) {
  const unknown: unknown[] = []
  const nothing = () => {}
  const reader = new FeedReader({
    checkpoints: { load: async () => load(), save: async () => {} },
    watermarks: async () => ({ low: 0, high: 5 }),
    checkpointIntervalMs: 1_000,
    signal: new AbortController().signal,
    publisher: { add: nothing, remove: nothing, wake: nothing },
    events: {
      ...{ assigned: nothing, revoked: nothing, gap: nothing, lagging: nothing, lagUnknown: nothing },
      checkpointFailed: nothing,
      checkpointUnknown: (error) => unknown.push(error),
    },
  })
  return { reader, unknown }
}
