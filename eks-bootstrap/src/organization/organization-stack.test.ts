import assert from 'node:assert/strict'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { App } from 'aws-cdk-lib'
import { flat, resources } from '../testing/resources.ts'
import { template } from '../testing/templates.ts'
import { OrganizationStack } from './organization-stack.ts'
import { ORGANIZATION } from './organization.ts'

const organization = () => template('organization', 'Organization')

describe('Organization', () => {
  it('has the units asked for, the three workloads under one', () => {
    const units = resources(organization(), 'AWS::Organizations::OrganizationalUnit').map(
      ({ properties }) => [
        String(properties['Name']),
        flat(properties['ParentId']).includes('UnitWorkloads'),
      ],
    )
    assert.deepEqual(Object.fromEntries(units), {
      Security: false,
      Infrastructure: false,
      Workloads: false,
      Sandbox: false,
      Dev: true,
      Staging: true,
      Prod: true,
    })
  })

  it('has an account for each unit of work and one for all trails', () => {
    const accounts = resources(organization(), 'AWS::Organizations::Account').map(
      ({ properties }) => properties['AccountName'],
    )
    assert.deepEqual(accounts.sort(), [
      'Dev',
      'Infrastructure',
      'Prod',
      'Sandbox',
      'Security-Logging',
      'Staging',
    ])
  })

  it('denies the root user', () => {
    assert.match(guardrail('deny-root-user'), /"Action":"\*".*arn:aws:iam::\*:root.*"Effect":"Deny"/)
  })

  it('denies every region but two, global services exempt', () => {
    const text = guardrail('allow-two-regions')
    assert.match(text, /"aws:RequestedRegion":\["us-east-1","us-west-2"\]/)
    for (const service of ['iam:*', 'route53:*', 'cloudfront:*', 'organizations:*', 'sts:*']) {
      assert.match(text, new RegExp(`"NotAction":\\[[^\\]]*"${service.replace('*', '\\*')}"`))
    }
  })

  it('keeps the record running and the backups whole', () => {
    for (const action of [
      'cloudtrail:StopLogging',
      'config:StopConfigurationRecorder',
      'guardduty:DeleteDetector',
      'backup:DeleteRecoveryPoint',
    ]) {
      assert(guardrail('protect-audit').includes(`"${action}"`), action)
    }
  })

  it('only ever denies', () => {
    for (const { properties } of resources(organization(), 'AWS::Organizations::Policy')) {
      assert.doesNotMatch(flat(properties), /"Effect":"Allow"/)
    }
  })

  it('tries guardrails in Sandbox first, and binds every unit afterwards', () => {
    const targets = (made: Template) =>
      resources(made, 'AWS::Organizations::Policy').map(({ properties }) => flat(properties['TargetIds']))
    for (const bound of targets(organization())) assert.match(bound, /^\["?\{UnitSandbox[^,]*\]$/)
    const everywhere = Template.fromStack(
      new OrganizationStack(new App(), { organization: { ...ORGANIZATION, guardrailRollout: 'everywhere' } }),
    )
    const [first] = targets(everywhere)
    for (const unit of ['Security', 'Infrastructure', 'Workloads', 'Sandbox'])
      assert(first!.includes(`Unit${unit}`), unit)
  })

  it('spells the four mandatory tags', () => {
    const policy = guardrail('mandatory-tags')
    for (const tag of ['Environment', 'Project', 'CostCenter', 'DataClassification'])
      assert(policy.includes(`"${tag}"`))
  })

  it('sends every trail to Security-Logging, where nothing is erased for seven years', () => {
    organization().hasResourceProperties('AWS::CloudTrail::Trail', {
      IsOrganizationTrail: true,
      IsMultiRegionTrail: true,
      S3BucketName: 'bourse-organization-trail-222222222222',
    })
    template('organization', 'SecurityLogging').hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'bourse-organization-trail-222222222222',
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 2557 } } },
    })
  })

  it('breaks the glass for an hour, with a second factor and an alarm', () => {
    organization().hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'break-glass',
      MaxSessionDuration: 3600,
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Condition: Match.objectLike({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } }),
          }),
        ],
      }),
    })
    organization().resourceCountIs('AWS::CloudWatch::Alarm', 2)
  })

  it('has a budget over all accounts', () => {
    organization().hasResourceProperties('AWS::Budgets::Budget', {
      Budget: Match.objectLike({ BudgetType: 'COST' }),
    })
  })
})

function guardrail(name: string): string {
  const found = resources(organization(), 'AWS::Organizations::Policy').find(
    ({ properties }) => properties['Name'] === name,
  )
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .sort()
              .map(([key, inner]) => [key, sorted(inner)]),
          )
        : value
  return flat(sorted(found?.properties['Content']))
}
