import { deepEqual, equal, rejects } from 'node:assert/strict'
import { topics } from '@bourse/protocol/streams'
import { writeGenesis, type GenesisParts } from './genesis.ts'

const connection = { brokers: '127.0.0.1:1', clientId: 'test' }

/** Two partitions each, all empty; what is written is noted. */
function parts(partitionsOf: GenesisParts['admin']['partitionsOf']) {
  const written: string[] = []
  const values = new Set<string>()
  const watermarks = () => Promise.resolve({ low: 0, high: 0 })
  const send: GenesisParts['producer']['send'] = (topic, partition, value) => {
    written.push(`${topic}/${partition}`)
    values.add(value.toString('hex'))
  }
  const flush = () => Promise.resolve()
  return {
    written,
    values,
    of: { admin: { partitionsOf, watermarks }, producer: { send, flush }, connection },
  }
}

describe('writeGenesis', () => {
  it('names every partition of every log alike', async () => {
    const { written, values, of } = parts(() => Promise.resolve(2))
    await writeGenesis(of)
    deepEqual(written.sort(), topics.flatMap((topic) => [`${topic}/0`, `${topic}/1`]).sort())
    equal(values.size, 1)
  })

  it('writes nothing at all where it cannot see a topic: another one would name the rest', async () => {
    const { written, of } = parts((topic) =>
      topic === topics.at(-1) ? Promise.reject(new Error('there is no such topic')) : Promise.resolve(2),
    )
    await rejects(writeGenesis(of), /there is no such topic/)
    deepEqual(written, [])
  })
})
