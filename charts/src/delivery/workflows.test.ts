import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const REPOSITORY = join(import.meta.dirname, '../../..')
const WORKFLOWS = join(REPOSITORY, '.github/workflows')

type Step = {
  readonly id?: string
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}
type Job = { readonly 'runs-on': string; readonly environment?: string; readonly steps: readonly Step[] }
type Workflow = {
  readonly on: Readonly<Record<string, { readonly 'paths-ignore'?: readonly string[] } | null>>
  readonly jobs: Readonly<Record<string, Job>>
}

const workflow = (name: string) => parse(readFileSync(join(WORKFLOWS, `${name}.yml`), 'utf8')) as Workflow
const workflows = readdirSync(WORKFLOWS).map((name) => workflow(name.replace('.yml', '')))
const jobs = workflows.flatMap((each) => Object.values(each.jobs))
const runs = ({ steps }: Job, command: RegExp) => steps.filter(({ run }) => command.test(run ?? ''))
const page = readFileSync(join(REPOSITORY, 'k8s/PROMOTION.md'), 'utf8')

describe('The workflows', () => {
  it('take every action by its commit', () => {
    const used = jobs.flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []))
    assert.deepEqual(
      used.filter((uses) => !/@[0-9a-f]{40}$/.test(uses)),
      [],
    )
  })

  it('make no image of what a promotion or a roll back changes, and test it before it is merged', () => {
    const { on } = workflow('ci')
    for (const script of ['promote', 'rollback', 'bluegreen']) {
      const text = readFileSync(join(REPOSITORY, `k8s/delivery/${script}.sh`), 'utf8')
      const changed = /git add (.*)/.exec(text)?.[1]?.split(' ') ?? []
      assert.deepEqual(
        changed.map((folder) => `${folder}/**`).toSorted(),
        on['push']?.['paths-ignore']?.toSorted(),
        script,
      )
    }
    assert.equal(on['pull_request'], null)
  })

  it('propose and take back by a token whose pull requests are tested', () => {
    const proposing = jobs.filter((job) => runs(job, /make (?:promote|rollback)/).length > 0)
    assert.equal(proposing.length, 3)
    const token = '${{ steps.app.outputs.token || github.token }}'
    for (const job of proposing) {
      const [first, second] = job.steps
      assert.match(`${first?.id} ${first?.uses}`, /^app actions\/create-github-app-token@/)
      assert.equal(second?.with?.['token'], token)
      for (const { env } of runs(job, /make (?:promote|rollback)/)) assert.equal(env?.['GH_TOKEN'], token)
    }
  })

  it('watch where nobody is asked for an approval, as the page says', () => {
    const watching = jobs.filter((job) => runs(job, /make watch-release/).length > 0)
    assert.deepEqual(
      watching.map(({ environment }) => environment),
      ['${{ matrix.environment }}-watch'],
    )
    for (const name of ['staging-watch', 'production-watch']) assert(page.includes(`\`${name}\``), name)
  })

  it('build the image from the digest of its base, and twice where timestamps can be rewritten', () => {
    const building = jobs.filter((job) => runs(job, /make (?:image|reproducible)/).length > 0)
    assert.deepEqual(
      building.flatMap((job) => runs(job, /make (?:image|reproducible)/).map(({ run }) => run)),
      ['make image PIN=1', 'make reproducible PIN=1'],
    )
    for (const { steps, 'runs-on': runner } of building) {
      assert(steps.some(({ uses }) => uses?.startsWith('docker/setup-buildx-action@')))
      assert.equal(runner, building[0]?.['runs-on'])
    }
  })
})
