import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kms from 'aws-cdk-lib/aws-kms'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { Duration } from 'aws-cdk-lib'
import { type Construct } from 'constructs'
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
      accessLogs: this.#accessLogs(),
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

  #accessLogs(): s3.Bucket {
    const bucket = new s3.Bucket(this, 'AccessLogs', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [{ expiration: Duration.days(365), noncurrentVersionExpiration: Duration.days(1) }],
      removalPolicy: RemovalPolicy.RETAIN,
    })
    return bucket
  }
}
