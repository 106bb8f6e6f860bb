import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ENVIRONMENTS } from '../environments.ts'
import { resources } from '../testing/resources.ts'
import {
  environment,
  everyFeature,
  everyFeatureEnvironment,
  template,
  templates,
  type Templates,
} from '../testing/templates.ts'
import { ASKED, ASKED_PER_RATE, ASKED_PLANS, ASKED_RESERVED, ASKED_TOTAL, compare } from './comparison.ts'
import { estimate, type Line, total } from './estimate.ts'
import { PRICES } from './prices.ts'
import { costReport, type StageTemplates } from './report.ts'
import { savings } from './savings.ts'
import { TWELVE_MILLION, workload } from './workload.ts'

describe('Cost model', () => {
  it('compares with the asked table: $3,830, $3,255, $3,064, $7.66 a request/s', () => {
    assert.equal(
      ASKED.reduce((sum, { usd }) => sum + usd, 0),
      ASKED_TOTAL,
    )
    assert.equal(ASKED_TOTAL, 3830)
    assert.equal(Math.round(ASKED_TOTAL * 0.85), 3256)
    assert(Math.abs(ASKED_RESERVED - ASKED_TOTAL * 0.85) < 1)
    assert.equal(ASKED_PLANS, ASKED_TOTAL * 0.8)
    assert.equal(ASKED_PER_RATE, ASKED_TOTAL / 500)
  })

  it('costs no more than the asked table for the services it names', () => {
    const { rows } = compare(primary(500, TWELVE_MILLION))
    const ours = rows.reduce((sum, { oursUsd }) => sum + oursUsd, 0)
    assert(ours > 1000 && ours <= 3830, `$${ours}`)
  })

  it('costs at most $7.66 a request/s with everything else of the region included', () => {
    assert(total(primary(500, TWELVE_MILLION)) / 500 <= 7.66)
  })

  it('takes the asked 40 % off the nodes by Spot and Savings Plans', () => {
    const nodes = primary(5000).filter(({ service }) => ['Stateless nodes', 'Engine nodes'].includes(service))
    const { onDemandUsd, withPlansUsd } = savings(nodes)
    assert(1 - withPlansUsd / onDemandUsd >= 0.4, `${withPlansUsd} of ${onDemandUsd}`)
  })

  it('saves more with every commitment', () => {
    const { onDemandUsd, withSpotUsd, withReservationsUsd, withPlansUsd, withLongPlansUsd } = savings(
      primary(5000),
    )
    const falling = [onDemandUsd, withSpotUsd, withReservationsUsd, withPlansUsd, withLongPlansUsd]
    assert.deepEqual(
      falling,
      [...falling].sort((a, b) => b - a),
    )
    assert.equal(new Set(falling).size, 5)
  })

  it('costs less per order as the load grows', () => {
    const perOrder = [100, 500, 1000, 5000].map((rate) => total(primary(rate)) / rate)
    assert.deepEqual(
      perOrder,
      [...perOrder].sort((a, b) => b - a),
    )
  })

  for (const { name, operations } of ENVIRONMENTS) {
    it(`keeps ${name} inside its budget`, () => {
      const load = workload(
        { dev: 10, staging: 100, production: 500 }[name],
        name === 'production' ? 1 : 0.25,
      )
      const usd = total(
        estimate({ environment: environment(name), templates: plain(templates(name)), workload: load }),
      )
      assert(usd <= operations.budgetUsdMonthly, `$${usd} of $${operations.budgetUsdMonthly}`)
    })
  }

  it('counts what a flag adds', () => {
    const everything = estimate({
      environment: everyFeatureEnvironment,
      templates: plain(everyFeature()),
      workload: workload(500, TWELVE_MILLION),
    })
    const services = new Set(everything.map(({ service }) => service))
    for (const service of [
      'DAX',
      'Redshift',
      'OpenSearch',
      'Kinesis',
      'Shield Advanced',
      'Global Accelerator',
      'API Gateway',
    ]) {
      assert(services.has(service), service)
    }
    assert(total(everything) > total(primary(500, TWELVE_MILLION)) + 3000)
  })

  it('names a source for every price', () => {
    for (const [name, { usd, source }] of Object.entries(PRICES)) {
      assert(usd > 0, name)
      assert.match(source, /^[a-z0-9/-]+\/(pricing|on-demand)/, name)
    }
  })

  it('is written down: COSTS.md says what the templates cost (npm run cost writes it)', () => {
    const written = readFileSync(new URL('../../COSTS.md', import.meta.url), 'utf8')
    assert.equal(
      costReport((name) => plain(templates(name))),
      written,
    )
  })
})

describe('Cost control', () => {
  const cost = () => template('production', 'Cost')

  it('budgets the month and warns of the forecast', () => {
    cost().hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetType: 'COST', BudgetLimit: { Amount: 8500, Unit: 'USD' } },
    })
    const notices = resources(cost(), 'AWS::Budgets::Budget').map(({ properties }) =>
      JSON.stringify(properties),
    )
    assert(notices.some((notice) => notice.includes('FORECASTED')))
  })

  it('warns when Savings Plans cover less than 60 %', () => {
    const [coverage] = resources(cost(), 'AWS::Budgets::Budget').filter(
      ({ logicalId }) => logicalId === 'Coverage',
    )
    assert.match(JSON.stringify(coverage), /SAVINGS_PLANS_COVERAGE.*LESS_THAN.*"Threshold":60/)
  })

  it('looks for anomalies and turns Compute Optimizer on', () => {
    cost().resourceCountIs('AWS::CE::AnomalySubscription', 1)
    cost().resourceCountIs('Custom::AWS', 1)
  })
})

function primary(requestsPerSecond: number, share?: number): readonly Line[] {
  const stacks = new Map([...plain(templates('production'))].filter(([id]) => !id.startsWith('Standby')))
  return estimate({
    environment: environment('production'),
    templates: stacks,
    workload: workload(requestsPerSecond, share),
  })
}

function plain(from: Templates): StageTemplates {
  return new Map([...from].map(([id, made]) => [id, made.toJSON()['Resources']]))
}
