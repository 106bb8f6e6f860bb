import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kms from 'aws-cdk-lib/aws-kms'
import { type Construct } from 'constructs'
import { AccessLogBucket } from '../data/access-log-bucket.ts'
import { ArchiveBucket } from '../data/archive-bucket.ts'
import { tag } from '../stack.ts'
import { type Organization } from './organization.ts'

const RETENTION_YEARS = 7

export const trailKeyAlias = 'alias/bourse-organization-trail'

export function trailBucketName(securityLoggingAccount: string): string {
  return `bourse-organization-trail-${securityLoggingAccount}`
}

type SecurityLoggingStackProps = StackProps & { readonly organization: Organization }

/** The Security-Logging account: the trails of all accounts, where nobody who acts can also erase. */
export class SecurityLoggingStack extends Stack {
  constructor(scope: Construct, { organization, ...props }: SecurityLoggingStackProps) {
    super(scope, 'SecurityLogging', {
      ...props,
      stackName: 'bourse-security-logging',
      description: 'The trails of every account, locked for seven years',
      terminationProtection: true,
    })
    tag(this, { name: 'shared', ...organization, dataClassification: 'restricted' })
    const cloudTrail = new iam.ServicePrincipal('cloudtrail.amazonaws.com')
    const trailArn = `arn:aws:cloudtrail:${organization.region}:${organization.accountIds.management}:trail/bourse-organization`
    const conditions = { StringEquals: { 'aws:SourceArn': trailArn } }
    const key = new kms.Key(this, 'Key', {
      alias: trailKeyAlias,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [cloudTrail],
        actions: ['kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions,
      }),
    )
    const trails = new ArchiveBucket(this, 'Trails', {
      bucketName: trailBucketName(organization.accountIds.securityLogging),
      encryptionKey: key,
      accessLogs: new AccessLogBucket(this, 'AccessLogs'),
      auditRetentionYears: RETENTION_YEARS,
      immutable: true,
      locked: true,
    })
    const allow = (action: string, resource: string) =>
      trails.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [cloudTrail],
          actions: [action],
          resources: [resource],
          conditions,
        }),
      )
    allow('s3:GetBucketAcl', trails.bucketArn)
    allow('s3:PutObject', trails.arnForObjects('AWSLogs/*'))
  }
}
