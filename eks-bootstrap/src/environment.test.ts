import assert from 'node:assert/strict'
import { type Environment, parseEnvironment } from './environment.ts'
import { ACCOUNTS, ENVIRONMENTS } from './environments.ts'
import { environment } from './testing/templates.ts'

const production = environment('production')

describe('Environment', () => {
  it('has dev, staging and production, each in an account of its own', () => {
    assert.deepEqual(
      ENVIRONMENTS.map(({ name, account }) => [name, account]),
      [
        ['dev', ACCOUNTS.dev],
        ['staging', ACCOUNTS.staging],
        ['production', ACCOUNTS.production],
      ],
    )
    assert.equal(new Set(Object.values(ACCOUNTS)).size, 7)
  })

  it('serves from us-east-1 and recovers to us-west-2', () => {
    for (const { primaryRegion, recoveryRegion } of ENVIRONMENTS) {
      assert.deepEqual([primaryRegion, recoveryRegion], ['us-east-1', 'us-west-2'])
    }
  })

  const refusals: readonly [string, unknown, RegExp][] = [
    ['an unknown key', { ...production, colour: 'blue' }, /colour/],
    [
      'an account of eleven digits',
      { ...production, account: '12345678901' },
      /twelve digits, not "12345678901"/,
    ],
    [
      'a subnet outside the VPC',
      withNetwork({
        subnets: { ...production.network.subnets, data: ['10.1.0.0/24', '10.0.21.0/24', '10.0.22.0/24'] },
      }),
      /data subnet 10\.1\.0\.0\/24 is outside the VPC's 10\.0\.0\.0\/16/,
    ],
    [
      'two subnets that overlap',
      withNetwork({
        subnets: {
          ...production.network.subnets,
          application: ['10.0.1.0/25', '10.0.11.0/24', '10.0.12.0/24'],
        },
      }),
      /public subnet 10\.0\.1\.0\/24 overlaps application subnet 10\.0\.1\.0\/25/,
    ],
    [
      'fewer pod addresses than pods',
      withNetwork({
        subnets: { ...production.network.subnets, pods: ['10.0.64.0/24', '10.0.65.0/24', '10.0.66.0/24'] },
      }),
      /podsMax 1000 exceeds the 502 pod addresses/,
    ],
    ['production with one NAT gateway', withNetwork({ natGateways: 1 }), /NAT gateway a zone: 3, not 1/],
    [
      'more readers at least than at most',
      { ...production, data: { ...production.data, aurora: { ...production.data.aurora, readersMin: 5 } } },
      /readersMin 5 exceeds readersMax 4/,
    ],
    [
      'a recovery region that is the primary one',
      { ...production, recoveryRegion: 'us-east-1' },
      /recoveryRegion us-east-1 is the primaryRegion us-east-1/,
    ],
    ['a region that the organization denies', { ...production, primaryRegion: 'eu-west-1' }, /primaryRegion/],
    [
      'rotation slower than 90 days',
      { ...production, data: { ...production.data, secretRotationDays: 91 } },
      /data\.secretRotationDays: .*90.*, not 91/,
    ],
    [
      'rotation faster than 30 days',
      { ...production, data: { ...production.data, secretRotationDays: 29 } },
      /data\.secretRotationDays: .*30.*, not 29/,
    ],
    [
      'more denied blocks than a network ACL takes',
      withNetwork({ deniedCidrs: Array.from({ length: 19 }, (_, index) => `198.51.100.${index}/32`) }),
      /network\.deniedCidrs: .*18.*, not 19/,
    ],
    [
      'seventeen readers',
      { ...production, data: { ...production.data, aurora: { ...production.data.aurora, readersMax: 17 } } },
      /readersMax: .*15.*, not 17/,
    ],
    ['a log level there is not', withLogLevel('TRACE'), /logLevel: .*DEBUG.*INFO.*WARN.*, not "TRACE"/],
    [
      'a copied log on brokers that offer no private connectivity',
      {
        ...production,
        data: { ...production.data, kafka: { ...production.data.kafka, instanceType: 'kafka.t3.small' } },
      },
      /standbyRegion is true, and .*kafka\.t3\.small/,
    ],
    [
      'debug logs in production',
      { ...production, operations: { ...production.operations, logLevel: 'DEBUG' } },
      /INFO or WARN, not DEBUG/,
    ],
    [
      'tracing of every request in production',
      { ...production, operations: { ...production.operations, traceSamplingPercent: 50 } },
      /5 to 10 % of requests, not 50 %/,
    ],
    [
      'a second region without sessions',
      { ...production, features: { ...production.features, globalTables: false } },
      /standbyRegion is true and globalTables false/,
    ],
    [
      'a global database on small instances',
      {
        ...production,
        data: { ...production.data, aurora: { ...production.data.aurora, instanceType: 't4g.medium' } },
      },
      /standbyRegion is true, and a global database does not run on t4g\.medium/,
    ],
    [
      'an audit kept six years',
      { ...production, data: { ...production.data, auditRetentionYears: 6 } },
      /7 years, not 6/,
    ],
    [
      'tiered storage on brokers without it',
      {
        ...production,
        data: {
          ...production.data,
          kafka: { ...production.data.kafka, instanceType: 'kafka.t3.small', tieredStorage: true },
        },
      },
      /tieredStorage is true, and kafka\.t3\.small/,
    ],
  ]
  for (const [what, value, message] of refusals) {
    it(`refuses ${what}`, () => assert.throws(() => parseEnvironment(value), message))
  }

  it('names every problem at once', () => {
    const bad = { ...withNetwork({ natGateways: 2 }), recoveryRegion: 'us-east-1' }
    assert.throws(() => parseEnvironment(bad), /NAT gateway a zone: 3, not 2[\s\S]*recoveryRegion us-east-1/)
  })
})

function withLogLevel(logLevel: string): unknown {
  return { ...production, operations: { ...production.operations, logLevel } }
}

function withNetwork(network: Partial<Environment['network']>): Environment {
  return { ...production, network: { ...production.network, ...network } }
}
