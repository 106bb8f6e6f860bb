import assert from 'node:assert/strict'
import { NONE, OrderSlots } from './order-slots.ts'
import { Random } from '../testing/random.ts'

describe('OrderSlots', () => {
  const spaces: readonly [string, (random: Random) => number][] = [
    ['dense ids', (random) => random.below(6_000) + 1],
    ['ids of several shards', (random) => random.below(4) * 2 ** 45 + random.below(2_000) + 1],
    ['ids that differ in the upper bits only', (random) => random.below(6_000) * 2 ** 32 + 7],
    ['ids over the whole range', (random) => random.below(2 ** 21) * 2 ** 32 + random.below(2 ** 32)],
  ]
  for (const [name, nextId] of spaces) {
    it(`finds the live orders and no others: ${name} (seed 31)`, () => {
      const random = new Random(31)
      const slots = new OrderSlots()
      const live = new Map<number, number>()
      for (let i = 0; i < 30_000; i++) {
        const id = nextId(random)
        const slot = slots.find(id)
        assert.equal(slot === NONE, !live.has(id))
        if (slot === NONE) {
          slots.add(id, i + 1, i % 7, i * 2)
          live.set(id, i)
        } else if (random.chance(70)) {
          slots.remove(slot)
          live.delete(id)
        }
        if (i % 3_000 === 0) slots.check()
      }
      slots.check()
      assert.equal(slots.size, live.size)
      for (const [id, i] of live) {
        const slot = slots.find(id)
        assert.deepEqual(
          [slots.id(slot), slots.remaining(slot), slots.account(slot), slots.createdAt(slot)],
          [id, i + 1, i % 7, i * 2],
        )
      }
    })
  }
})
