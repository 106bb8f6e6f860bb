import assert from 'node:assert/strict'
import { type IPolicyValidationContext } from 'aws-cdk-lib'
import { buildApp } from '../app.ts'
import { ENVIRONMENTS } from '../environments.ts'
import { everyFeatureEnvironment, TEST_CONTEXT } from '../testing/templates.ts'
import { ACCEPTED_FINDINGS, type AcceptedFinding } from './accepted-findings.ts'
import { RulePack } from './rule-pack.ts'

describe('AwsSolutions rules', () => {
  const used = new Set<AcceptedFinding>()

  for (const [what, environments] of [
    ['every environment', ENVIRONMENTS],
    ['every feature', [everyFeatureEnvironment]],
  ] as const) {
    it(`find nothing in ${what} that is not accepted`, () => {
      const app = buildApp(environments, { context: TEST_CONTEXT })
      const pack = new RulePack(app)
      const context = { templatePaths: [], appConstruct: app } as unknown as IPolicyValidationContext
      const found = pack
        .validate(context)
        .violations.flatMap(({ ruleName, violatingResources }) =>
          violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
        )
      assert.deepEqual(found, [])
      for (const row of pack.used) used.add(row)
    })
  }

  it('accept nothing that nobody needs', () => {
    const unused = ACCEPTED_FINDINGS.filter((row) => !used.has(row)).map(({ reason }) => reason)
    assert.deepEqual(unused, [])
  })

  it('accept nothing without a reason', () => {
    for (const { reason } of ACCEPTED_FINDINGS) assert.match(reason, /^[A-Z].{30,}\.$/)
  })
})
