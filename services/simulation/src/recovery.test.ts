import assert from 'node:assert/strict'
import { recoveryMutations, simulateRecovery, type RecoveryMutation } from './core/recovery.ts'

const SEEDS = process.env['TEST_ALL'] === '1' ? 2_000 : 40
const SEEDS_PER_MUTATION = 100
const SEEDS_MS_MAX = 180_000

describe('The exchange, recovered elsewhere', () => {
  it(`keeps every promise, and what was kept, seeds 1 to ${SEEDS}`, async () => {
    const sums = { dropped: 0, ordersBefore: 0, ordersAfter: 0, refused: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failure, ...counts } = await simulateRecovery(seed)
      if (failure !== undefined) assert.fail(`seed ${seed}: ${failure.stack}`)
      for (const name of ['dropped', 'ordersBefore', 'ordersAfter', 'refused'] as const)
        sums[name] += counts[name]
    }
    console.log(sums)
    for (const [name, sum] of Object.entries(sums))
      assert.ok(sum > SEEDS, `${name}: ${sum} in ${SEEDS} seeds`)
  }).timeout(SEEDS_MS_MAX)

  for (const mutation of Object.keys(recoveryMutations) as RecoveryMutation[]) {
    it(`finds that ${recoveryMutations[mutation]} (${mutation})`, async () => {
      let seed = 1
      while ((await simulateRecovery(seed, mutation)).failure === undefined) {
        seed++
        assert.ok(seed <= SEEDS_PER_MUTATION, `no seed up to ${SEEDS_PER_MUTATION} finds it`)
      }
    }).timeout(SEEDS_MS_MAX)
  }
})
