import assert from 'node:assert/strict'
import { alertGroups } from './alerts.ts'
import { exportedMetrics } from './exported-metrics.ts'
import { metricsIn } from './metric-names.ts'

describe('Alerts', () => {
  const exported = exportedMetrics()
  const unknownIn = (expr: string): readonly string[] =>
    metricsIn(expr).filter((metric) => !exported.has(metric))

  it('name metrics that a service exports', () => {
    const unknown = alertGroups.flatMap(({ rules }) =>
      rules.flatMap(({ alert, expr }) => unknownIn(expr).map((metric) => `${alert}: ${metric}`)),
    )
    assert.deepEqual(unknown, [])
  })

  it('would be refused for a metric that nobody exports', () => {
    assert.deepEqual(unknownIn('max(bourse_engine_owned) + bourse_engine_owner'), ['bourse_engine_owner'])
  })
})
