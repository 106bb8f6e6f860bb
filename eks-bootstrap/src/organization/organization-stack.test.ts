import assert from 'node:assert/strict'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { App, type Stack } from 'aws-cdk-lib'
import { flat, resources } from '../testing/resources.ts'
import { buildApp } from '../app.ts'
import { template, TEST_CONTEXT } from '../testing/templates.ts'
import { OrganizationStack } from './organization-stack.ts'
import { ORGANIZATION } from './organization.ts'

const organization = () => template('organization', 'Organization')

const trail = () => template('organization', 'OrganizationTrail')

describe('Organization', () => {
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-organizations-account.html
  for (const type of ['Account', 'OrganizationalUnit', 'Policy']) {
    it(`is changed one ${type} at a time`, () => {
      const made = Object.entries(organization().findResources(`AWS::Organizations::${type}`)) as [
        string,
        { DependsOn?: string[] },
      ][]
      const names = made.map(([name]) => name)
      const first = made.filter(([, { DependsOn = [] }]) => !DependsOn.some((name) => names.includes(name)))
      assert.equal(first.length, 1)
    })
  }

  it('turns on what its policies and its trail need', () => {
    const calls = resources(organization(), 'Custom::AWS').map(({ properties }) => flat(properties['Create']))
    for (const wanted of ['SERVICE_CONTROL_POLICY', 'TAG_POLICY', 'cloudtrail.amazonaws.com']) {
      assert(
        calls.some((call) => call.includes(wanted)),
        wanted,
      )
    }
    for (const { DependsOn } of Object.values(organization().findResources('AWS::Organizations::Policy')) as {
      DependsOn?: string[]
    }[]) {
      assert(DependsOn?.some((name) => /^(Enable|Guardrail)/.test(name)))
    }
  })

  it('has its accounts before their bucket, and the bucket before the trail', () => {
    const app = buildApp([], { context: TEST_CONTEXT })
    const stage = app.node.findChild('organization')
    const before = (id: string) =>
      (stage.node.findChild(id) as Stack).dependencies.map((stack) => stack.node.id)
    assert.deepEqual(before('SecurityLogging'), ['Organization'])
    assert.deepEqual(before('OrganizationTrail'), ['SecurityLogging'])
  })

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
    trail().hasResourceProperties('AWS::CloudTrail::Trail', {
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
    trail().resourceCountIs('AWS::CloudWatch::Alarm', 2)
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
