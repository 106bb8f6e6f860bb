import assert from 'node:assert/strict'
import { StallWatch } from './stall-watch.ts'

const CHECKS_MAX = 3

describe('StallWatch', () => {
  let position: number
  let end: number
  let reads: boolean
  let reachable: boolean
  let asked: number
  let stalled: string[]
  let watch: StallWatch

  beforeEach(() => {
    position = 10
    end = 20
    reads = true
    reachable = true
    asked = 0
    stalled = []
    watch = new StallWatch({
      standings: () =>
        reads ? [{ topic: 'risk.in', partition: 1, position, isBehind: (high) => high > position }] : [],
      end: async () => {
        asked++
        if (!reachable) throw new Error('no broker')
        return end
      },
      onStalled: ({ topic, partition, end: at }) => stalled.push(`${topic}/${partition} of ${at}`),
      checksMax: CHECKS_MAX,
    })
  })

  const checks = async (count: number, between = () => {}) => {
    for (let i = 0; i < count; i++) {
      await watch.check()
      between()
    }
  }

  it('tells, once, of a partition that has records and does not move', async () => {
    await checks(CHECKS_MAX)
    assert.deepEqual(stalled, [], 'the first check has nothing to compare with')
    await checks(5)
    assert.deepEqual(stalled, ['risk.in/1 of 20'])
  })

  it('says nothing of one that moves, and does not even ask', async () => {
    await checks(10, () => position++)
    assert.deepEqual([stalled, asked], [[], 0])
  })

  it('says nothing of one that is at the end', async () => {
    end = 10
    await checks(10)
    assert.deepEqual(stalled, [])
  })

  it('begins anew when it has moved in between, or nobody wanted to read', async () => {
    await checks(CHECKS_MAX)
    position++
    await checks(CHECKS_MAX)
    reads = false
    await checks(1)
    reads = true
    await checks(CHECKS_MAX)
    assert.deepEqual(stalled, [])
  })

  it('knows nothing while no broker can be asked', async () => {
    reachable = false
    await watch.check()
    for (let i = 0; i < 10; i++) await assert.rejects(watch.check(), /no broker/)
    assert.deepEqual(stalled, [])
  })
})
