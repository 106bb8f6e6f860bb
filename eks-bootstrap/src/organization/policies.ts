import { Region } from '../regions.ts'

type PolicyDocument = {
  readonly Version: '2012-10-17'
  readonly Statement: readonly Record<string, unknown>[]
}

export const BREAK_GLASS_ROLE = 'break-glass'

/** Services that live in no region, or answer from us-east-1 alone: the region guardrail leaves them be. */
const GLOBAL_SERVICES = [
  'account:*',
  'artifact:*',
  'aws-portal:*',
  'billing:*',
  'budgets:*',
  'ce:*',
  'cloudfront:*',
  'cur:*',
  'globalaccelerator:*',
  'health:*',
  'iam:*',
  'organizations:*',
  'pricing:*',
  'route53:*',
  'route53domains:*',
  'savingsplans:*',
  'shield:*',
  'sso:*',
  'sts:*',
  'support:*',
  'tag:*',
  'trustedadvisor:*',
  'waf:*',
  'wafv2:*',
] as const

const policy = (...Statement: readonly Record<string, unknown>[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement,
})

/** Guardrails only deny; what is allowed is said by IAM. Each is a policy of its own, to be tried and lifted alone. */
export const GUARDRAILS: Readonly<Record<string, PolicyDocument>> = {
  'deny-root-user': policy({
    Sid: 'DenyRootUser',
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { StringLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:root' } },
  }),
  'allow-two-regions': policy({
    Sid: 'DenyOtherRegions',
    Effect: 'Deny',
    NotAction: [...GLOBAL_SERVICES],
    Resource: '*',
    Condition: {
      StringNotEquals: { 'aws:RequestedRegion': Region.options },
      ArnNotLike: { 'aws:PrincipalArn': `arn:aws:iam::*:role/${BREAK_GLASS_ROLE}` },
    },
  }),
  'protect-audit': policy(
    {
      Sid: 'DenyStoppingTheRecord',
      Effect: 'Deny',
      Action: [
        'cloudtrail:StopLogging',
        'cloudtrail:DeleteTrail',
        'cloudtrail:UpdateTrail',
        'cloudtrail:PutEventSelectors',
        'config:DeleteConfigurationRecorder',
        'config:DeleteDeliveryChannel',
        'config:StopConfigurationRecorder',
        'guardduty:DeleteDetector',
        'guardduty:DisassociateFromAdministratorAccount',
        'guardduty:UpdateDetector',
        'securityhub:DisableSecurityHub',
        'access-analyzer:DeleteAnalyzer',
        'backup:DeleteBackupVault',
        'backup:DeleteRecoveryPoint',
      ],
      Resource: '*',
      Condition: {
        ArnNotLike: {
          'aws:PrincipalArn': [
            `arn:aws:iam::*:role/${BREAK_GLASS_ROLE}`,
            'arn:aws:iam::*:role/cdk-*-cfn-exec-role-*',
          ],
        },
      },
    },
    { Sid: 'DenyLeaving', Effect: 'Deny', Action: ['organizations:LeaveOrganization'], Resource: '*' },
  ),
  'deny-public-data': policy({
    Sid: 'DenyOpeningDataToTheWorld',
    Effect: 'Deny',
    Action: [
      's3:PutAccountPublicAccessBlock',
      'ec2:DisableEbsEncryptionByDefault',
      'ram:CreateResourceShare',
    ],
    Resource: '*',
    Condition: { ArnNotLike: { 'aws:PrincipalArn': `arn:aws:iam::*:role/${BREAK_GLASS_ROLE}` } },
  }),
}

const enforced = (values: readonly string[], types: readonly string[]) => ({
  tag_value: { '@@assign': values },
  enforced_for: { '@@assign': types },
})

const TAGGED_TYPES = [
  'ec2:instance',
  'ec2:volume',
  'rds:cluster',
  's3:bucket',
  'dynamodb:table',
  'secretsmanager:*',
]

/** The four mandatory tags, their spelling and, where the list is closed, their values. */
export const TAG_POLICY = {
  tags: {
    Environment: {
      tag_key: { '@@assign': 'Environment' },
      ...enforced(['dev', 'staging', 'production', 'shared', 'sandbox'], TAGGED_TYPES),
    },
    Project: { tag_key: { '@@assign': 'Project' } },
    CostCenter: { tag_key: { '@@assign': 'CostCenter' } },
    DataClassification: {
      tag_key: { '@@assign': 'DataClassification' },
      ...enforced(['public', 'internal', 'confidential', 'restricted'], TAGGED_TYPES),
    },
  },
} as const
