import assert from 'node:assert/strict'
import { metricsIn } from './metric-names.ts'

describe('Metrics in a query', () => {
  const QUERIES: readonly (readonly [query: string, metrics: readonly string[]])[] = [
    ['up{namespace="bourse"} == 0', ['up']],
    ['time() - max(a_seconds) > 60\nor\nabsent(a_seconds)', ['a_seconds']],
    ['max by (service, partition) (a_records and (b_owned == 1)) > 5000', ['a_records', 'b_owned']],
    [
      'sum(increase(a_total{verdict="gap", topic=~"x y"}[1m])) / ignoring (x) b_total > bool 0',
      ['a_total', 'b_total'],
    ],
  ]
  for (const [query, metrics] of QUERIES)
    it(`are ${metrics.join(' and ')}`, () => assert.deepEqual(metricsIn(query), metrics))
})
