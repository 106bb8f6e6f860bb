import * as analyzer from 'aws-cdk-lib/aws-accessanalyzer'
import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail'
import * as guardduty from 'aws-cdk-lib/aws-guardduty'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as s3 from 'aws-cdk-lib/aws-s3'
import * as securityhub from 'aws-cdk-lib/aws-securityhub'
import { RemovalPolicy } from 'aws-cdk-lib'
import { type Construct } from 'constructs'
import { ArchiveBucket } from '../data/archive-bucket.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { Compliance } from './compliance.ts'

type DetectionStackProps = SiteProps & { readonly accessLogs: s3.IBucket; readonly logsKey: kms.IKey }

/** CloudWatch keeps the trail this long for questions; the bucket keeps it for years. */
const TRAIL_DAYS = 90

const GUARDDUTY_FEATURES = [
  'S3_DATA_EVENTS',
  'EKS_AUDIT_LOGS',
  'EBS_MALWARE_PROTECTION',
  'RDS_LOGIN_EVENTS',
  'LAMBDA_NETWORK_LOGS',
] as const

/** Watches one region of the account: who did what, what changed, what looks like an attack. */
export class DetectionStack extends BourseStack {
  constructor(scope: Construct, props: DetectionStackProps) {
    super(scope, 'Detection', {
      ...props,
      description: 'CloudTrail, Config, GuardDuty, Security Hub and Access Analyzer',
      dataClassification: 'confidential',
    })
    // One trail covers every region of the account.
    if (this.role === 'primary') {
      const { immutable } = this.config.data
      this.#trail(this.#bucket('History', 'cloudtrail', immutable, props), props.logsKey)
    }
    // Config delivers into no bucket with a default lock.
    const history = this.#bucket('Configuration', 'config', false, props)
    new Compliance(this, 'Compliance', { history, role: this.role })
    this.#threats()
    new analyzer.CfnAnalyzer(this, 'ExternalAccess', {
      type: 'ACCOUNT',
      analyzerName: this.localName('external-access'),
    })
    const hub = new securityhub.CfnHub(this, 'SecurityHub', {
      enableDefaultStandards: true,
      autoEnableControls: true,
    })
    hub.applyRemovalPolicy(this.#removal)
  }

  /** What one service writes about this account. */
  #bucket(noun: string, service: string, locked: boolean, props: DetectionStackProps): s3.Bucket {
    const { immutable, auditRetentionYears } = this.config.data
    const bucket = new ArchiveBucket(this, noun, {
      bucketName: this.globalName(noun.toLowerCase()),
      encryptionKey: props.logsKey,
      accessLogs: props.accessLogs,
      auditRetentionYears,
      immutable,
      locked,
    })
    const grant = (actions: string[], resources: string[]) =>
      bucket.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [new iam.ServicePrincipal(`${service}.amazonaws.com`)],
          actions,
          resources,
          conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
        }),
      )
    grant(['s3:GetBucketAcl', 's3:ListBucket'], [bucket.bucketArn])
    grant(['s3:PutObject'], [bucket.arnForObjects('AWSLogs/*')])
    return bucket
  }

  #trail(bucket: s3.Bucket, encryptionKey: kms.IKey): void {
    const cloudWatchLogGroup = new logs.LogGroup(this, 'TrailLogs', {
      logGroupName: `/bourse/${this.config.name}/cloudtrail`,
      retention: TRAIL_DAYS,
      encryptionKey,
      removalPolicy: this.#removal,
    })
    new cloudtrail.Trail(this, 'Trail', {
      trailName: this.localName('trail'),
      bucket,
      encryptionKey,
      sendToCloudWatchLogs: true,
      cloudWatchLogGroup,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableFileValidation: true,
      insightTypes: [cloudtrail.InsightType.API_CALL_RATE, cloudtrail.InsightType.API_ERROR_RATE],
    })
  }

  /** Mining, stolen credentials and compromised hosts are findings of the base plan; the features add their sources. */
  #threats(): void {
    new guardduty.CfnDetector(this, 'GuardDuty', {
      enable: true,
      findingPublishingFrequency: 'FIFTEEN_MINUTES',
      features: [
        ...GUARDDUTY_FEATURES.map((name) => ({ name, status: 'ENABLED' })),
        {
          name: 'RUNTIME_MONITORING',
          status: 'ENABLED',
          additionalConfiguration: [{ name: 'EKS_ADDON_MANAGEMENT', status: 'ENABLED' }],
        },
      ],
    })
  }

  get #removal(): RemovalPolicy {
    return this.config.data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
  }
}
