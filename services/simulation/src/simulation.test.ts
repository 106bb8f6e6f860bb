import assert from 'node:assert/strict'
import { mutations, type Mutation } from './core/mutations.ts'
import { simulate } from './core/simulate.ts'
import { FaultTable } from './fault-table.ts'

const GROUPS = process.env['TEST_ALL'] === '1' ? 200 : 20
const SEEDS_PER_GROUP = 100
const GROUP_MS_MAX = 180_000
const STORY_LINES = 40

describe('The exchange, simulated', () => {
  const table = new FaultTable()

  for (let group = 0; group < GROUPS; group++) {
    const [first, last] = [group * SEEDS_PER_GROUP + 1, (group + 1) * SEEDS_PER_GROUP]
    it(`keeps every promise, seeds ${first} to ${last}`, async () => {
      for (let seed = first; seed <= last; seed++) {
        const { failure, faults } = await simulate(seed)
        table.add(faults)
        if (failure !== undefined) assert.fail(await story(seed))
      }
    }).timeout(GROUP_MS_MAX)
  }

  it('was disturbed by every kind of fault', () => {
    console.log(table.toString())
    assert.deepEqual(table.harmless(), [])
  })

  it('does the same again for the same seed', async () => {
    for (const seed of [7, 8]) assert.deepEqual(await told(seed), await told(seed))
  })
})

describe('The simulation', () => {
  for (const mutation of Object.keys(mutations) as Mutation[]) {
    it(`finds that ${mutations[mutation]} (${mutation})`, async () => {
      let seed = 1
      while ((await simulate(seed, { mutation })).failure === undefined) {
        seed++
        assert.ok(seed <= SEEDS_PER_GROUP, `no seed up to ${SEEDS_PER_GROUP} finds it`)
      }
    }).timeout(GROUP_MS_MAX)
  }
})

async function told(seed: number): Promise<readonly string[]> {
  const lines: string[] = []
  await simulate(seed, { onStory: (line) => lines.push(line) })
  return lines
}

/** How a failing seed ended, and how to see the rest. */
async function story(seed: number): Promise<string> {
  const lines: string[] = []
  const { failure } = await simulate(seed, { onStory: (line) => lines.push(line) })
  const again = `npm run simulate -w @bourse/simulation -- --seed ${seed} --whole`
  return [`seed ${seed}: ${failure?.stack}`, ...lines.slice(-STORY_LINES), `The whole story: ${again}`].join(
    '\n',
  )
}
