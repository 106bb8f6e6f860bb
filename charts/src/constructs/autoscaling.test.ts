import assert from 'node:assert/strict'
import { scrapedBy, stored } from '../alerts/scraped-labels.ts'
import { runRuleTests, seriesOf } from '../testing/promtool.ts'
import { at, named, one, rendered } from '../testing/rendered.ts'

type Trigger = {
  readonly type: string
  readonly metricType?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly authenticationRef?: { readonly name: string }
}
const scaler = (name: string, environment: 'local' | 'production' = 'production') =>
  one(rendered(environment), 'ScaledObject', name)
const triggers = (name: string, environment: 'local' | 'production' = 'production') =>
  at(scaler(name, environment), 'spec.triggers') as unknown as readonly Trigger[]

describe('the gateway in production', () => {
  it('is from 10 to 200 pods of two cores and four gigabytes', () => {
    assert.equal(at(scaler('gateway-blue'), 'spec.minReplicaCount'), 10)
    assert.equal(at(scaler('gateway-blue'), 'spec.maxReplicaCount'), 200)
    const deployment = one(rendered('production'), 'Deployment', 'gateway-blue')
    assert.deepEqual(at(deployment, 'spec.template.spec.containers.0.resources.requests'), {
      cpu: '2',
      memory: '4096Mi',
      'ephemeral-storage': '128Mi',
    })
  })

  it('grows at 70 % of CPU or 80 % of memory over five minutes, or 50 requests a second over two', () => {
    const [cpu, memory, requests] = triggers('gateway-blue').map(({ metadata }) => metadata)
    assert.equal(cpu?.['threshold'], '1.4')
    assert.match(cpu?.['query'] ?? '', /rate\(process_cpu_seconds_total\{job="gateway-blue"\}\[5m\]\)/)
    assert.equal(memory?.['threshold'], String(Math.round(0.8 * 4 * 1024 ** 3)))
    assert.match(
      memory?.['query'] ?? '',
      /avg_over_time\(process_resident_memory_bytes\{job="gateway-blue"\}\[5m\]\)/,
    )
    assert.equal(requests?.['threshold'], '50')
    assert.match(
      requests?.['query'] ?? '',
      /rate\(bourse_gateway_request_seconds_count\{job="gateway-blue"\}\[2m\]\)/,
    )
  })

  for (const environment of ['production', 'local'] as const) {
    it(`is measured by what Prometheus stores of it in ${environment}: of pods that answer, and of no others`, () => {
      const scraped = scrapedBy(rendered(environment), 'gateway-blue')
      assert(scraped)
      const pod = (instance: string, isUp: string) => {
        const target = { ...scraped.target, instance }
        const series = (name: string, values: string) => {
          const labels = name === 'up' ? target : stored({ service: 'gateway' }, { ...scraped, target })
          return { series: seriesOf(name, labels), values }
        }
        return [
          series('up', isUp),
          series('process_cpu_seconds_total', '0+12x60'),
          series('process_resident_memory_bytes', '1000x60'),
          series('bourse_gateway_request_seconds_count', '0+600x60'),
        ]
      }
      // One answers all the time; the other's last answer is its last.
      const input_series = [...pod('10.0.64.7:8081', '1x60'), ...pod('10.0.64.8:8081', '1x20 0x40')]
      const answers = [0.8, 1000, 40]
      const tests = triggers('gateway-blue', environment).map(({ metadata }, index) => ({
        expr: `round(${metadata['query'] ?? ''}, 0.001)`,
        eval_time: '14m',
        exp_samples: [{ labels: '{}', value: answers[index] ?? Number.NaN }],
      }))
      assert.equal(tests.length, answers.length)
      runRuleTests([], [{ interval: '15s', input_series, promql_expr_test: tests }])
    })
  }

  it('grows by half, shrinks by a quarter, and waits two minutes in between', () => {
    const behavior = 'spec.advanced.horizontalPodAutoscalerConfig.behavior'
    assert.deepEqual(at(scaler('gateway-blue'), behavior), {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        policies: [{ type: 'Percent', value: 50, periodSeconds: 120 }],
      },
      scaleDown: {
        stabilizationWindowSeconds: 120,
        policies: [{ type: 'Percent', value: 25, periodSeconds: 120 }],
      },
    })
  })

  it('serves within a minute, or the pod is started again', () => {
    const deployment = one(rendered('production'), 'Deployment', 'gateway-blue')
    const { periodSeconds, failureThreshold } = at(
      deployment,
      'spec.template.spec.containers.0.startupProbe',
    ) as { periodSeconds: number; failureThreshold: number }
    assert.equal(periodSeconds * failureThreshold, 60)
  })

  it('holds its replicas when a metric is gone: no answer is a failure, and a failure votes for what there is', () => {
    for (const { metricType, metadata } of triggers('gateway-blue')) {
      assert.equal(metadata['ignoreNullValues'], 'false')
      assert.equal(metricType, 'AverageValue')
      assert.match(metadata['query'] ?? '', /and on \(instance\) up\{job="gateway-blue"\} == 1/)
    }
    assert.deepEqual(at(scaler('gateway-blue'), 'spec.fallback'), {
      failureThreshold: 3,
      replicas: 10,
      behavior: 'currentReplicas',
    })
  })
})

describe('what reads the log', () => {
  it('is scaled by the lag of its own group', () => {
    const groups = ['settlement', 'market-data', 'risk-engine', 'matching-engine'].map((name) =>
      triggers(name, 'local').map(({ metadata }) => `${metadata['consumerGroup']} ${metadata['topic']}`),
    )
    assert.deepEqual(groups, [
      ['settlement risk.out', 'settlement orders.out'],
      ['market-data orders.out'],
      ['risk-engine risk.in'],
      ['matching-engine orders.in'],
    ])
    const [archive, analytics] = ['archive', 'analytics'].map((name) =>
      triggers(name, 'production').map(({ metadata }) => `${metadata['consumerGroup']} ${metadata['topic']}`),
    )
    assert.deepEqual(archive, ['archive risk.in', 'archive orders.in'])
    assert.deepEqual(analytics, ['analytics risk.out', 'analytics orders.out'])
  })

  it('keeps two engines at least and lets one go in ten minutes, half an hour after the need', () => {
    for (const name of ['risk-engine', 'matching-engine']) {
      assert.equal(at(scaler(name), 'spec.minReplicaCount'), 2)
      assert.deepEqual(at(scaler(name), 'spec.advanced.horizontalPodAutoscalerConfig.behavior'), {
        scaleDown: {
          stabilizationWindowSeconds: 1800,
          policies: [{ type: 'Pods', value: 1, periodSeconds: 600 }],
        },
      })
    }
  })

  it('is measured at MSK by an identity, in the cluster without one', () => {
    const [trigger] = triggers('settlement')
    assert.deepEqual(trigger?.authenticationRef, { name: 'kafka-iam' })
    assert.equal(trigger?.metadata['saslTokenProvider'], 'aws_msk_iam')
    one(rendered('production'), 'TriggerAuthentication', 'kafka-iam')
    assert.equal(triggers('settlement', 'local')[0]?.authenticationRef, undefined)
    assert.deepEqual(named(rendered('local'), 'TriggerAuthentication'), [])
  })
})

describe('without KEDA', () => {
  it('the gateway alone is scaled, by CPU and memory at the same pace', () => {
    const objects = rendered('minimal')
    assert.deepEqual(named(objects, 'HorizontalPodAutoscaler'), ['gateway-blue'])
    const autoscaler = one(objects, 'HorizontalPodAutoscaler', 'gateway-blue')
    assert.deepEqual(at(autoscaler, 'spec.metrics.0.resource'), {
      name: 'cpu',
      target: { type: 'Utilization', averageUtilization: 70 },
    })
    assert.deepEqual(at(autoscaler, 'spec.metrics.1.resource'), {
      name: 'memory',
      target: { type: 'Utilization', averageUtilization: 80 },
    })
    assert.deepEqual(at(autoscaler, 'spec.behavior.scaleUp.policies'), [
      { type: 'Percent', value: 50, periodSeconds: 120 },
    ])
  })
})
