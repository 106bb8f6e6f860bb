import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { type Construct } from 'constructs'

const KEPT_DAYS = 365

type AccessLogBucketProps = {
  readonly bucketName?: string
  /** CloudFront writes with an access control list. @default false */
  readonly withAccessControlLists?: boolean
  /** Goes with its stack, and everything in it. @default false */
  readonly disposable?: boolean
}

/** Receives access logs: of other buckets, of load balancers, of CloudFront. S3's own key, for none can use another. */
export class AccessLogBucket extends s3.Bucket {
  constructor(
    scope: Construct,
    id: string,
    { bucketName, withAccessControlLists = false, disposable = false }: AccessLogBucketProps = {},
  ) {
    super(scope, id, {
      ...(bucketName === undefined ? {} : { bucketName }),
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: withAccessControlLists
        ? s3.ObjectOwnership.BUCKET_OWNER_PREFERRED
        : s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(KEPT_DAYS), noncurrentVersionExpiration: Duration.days(1) },
      ],
      removalPolicy: disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: disposable,
    })
    this.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('logging.s3.amazonaws.com')],
        actions: ['s3:PutObject'],
        resources: [this.arnForObjects('*')],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    )
  }
}
