import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { type Construct } from 'constructs'

const DAYS_PER_YEAR = 365
const LEAP_DAYS = 2
const GLACIER_AFTER_DAYS = 90
const INCOMPLETE_UPLOAD_DAYS = 7

type ArchiveBucketProps = {
  readonly bucketName: string
  readonly encryptionKey: kms.IKey
  readonly accessLogs: s3.IBucket
  readonly auditRetentionYears: number
  /** Kept when the stack is deleted. */
  readonly immutable: boolean
  /** Object lock in compliance mode: not even the root user shortens it. @default false */
  readonly locked?: boolean
}

/**
 * A bucket for what is written once: versioned, tiered by use, in Glacier after 90 days. Instant Retrieval, because
 * Athena reads it there, and a restore of hours would miss the recovery objectives.
 */
export class ArchiveBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, props: ArchiveBucketProps) {
    const retention = Duration.days(props.auditRetentionYears * DAYS_PER_YEAR + LEAP_DAYS)
    super(scope, id, {
      bucketName: props.bucketName,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: props.encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      ...(props.locked ? { objectLockDefaultRetention: s3.ObjectLockRetention.compliance(retention) } : {}),
      lifecycleRules: [
        {
          transitions: [
            { storageClass: s3.StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(0) },
            {
              storageClass: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
              transitionAfter: Duration.days(GLACIER_AFTER_DAYS),
            },
          ],
          noncurrentVersionTransitions: [
            { storageClass: s3.StorageClass.GLACIER, transitionAfter: Duration.days(GLACIER_AFTER_DAYS) },
          ],
          noncurrentVersionExpiration: retention,
          abortIncompleteMultipartUploadAfter: Duration.days(INCOMPLETE_UPLOAD_DAYS),
        },
      ],
      removalPolicy: props.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      autoDeleteObjects: !props.immutable,
    })
    const resource = this.node.defaultChild as s3.CfnBucket
    resource.loggingConfiguration = {
      destinationBucketName: props.accessLogs.bucketName,
      logFilePrefix: `${id.toLowerCase()}/`,
    }
    // The bucket's own property; the construct's way would be a function that sets the same.
    resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } }
  }
}
