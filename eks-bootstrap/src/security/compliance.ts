import * as config from 'aws-cdk-lib/aws-config'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { type Role } from '../stack.ts'

/** Identifiers of AWS's managed rules, with parameters where they take any. */
const RULES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  REQUIRED_TAGS: {
    tag1Key: 'Environment',
    tag2Key: 'Project',
    tag3Key: 'CostCenter',
    tag4Key: 'DataClassification',
  },
  ACCESS_KEYS_ROTATED: { maxAccessKeyAge: '90' },
  SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK: {},
  SECRETSMANAGER_SECRET_PERIODIC_ROTATION: { maxDaysSinceRotation: '90' },
  S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED: {},
  S3_BUCKET_SSL_REQUESTS_ONLY: {},
  S3_BUCKET_VERSIONING_ENABLED: {},
  RDS_STORAGE_ENCRYPTED: {},
  RDS_INSTANCE_PUBLIC_ACCESS_CHECK: {},
  DYNAMODB_PITR_ENABLED: {},
  ELASTICACHE_REDIS_CLUSTER_AUTOMATIC_BACKUP_CHECK: { snapshotRetentionPeriod: '7' },
  EKS_ENDPOINT_NO_PUBLIC_ACCESS: {},
  EKS_SECRETS_ENCRYPTED: {},
  ENCRYPTED_VOLUMES: {},
  RESTRICTED_INCOMING_TRAFFIC: {
    blockedPort1: '22',
    blockedPort2: '3389',
    blockedPort3: '5432',
    blockedPort4: '6379',
  },
  VPC_FLOW_LOGS_ENABLED: {},
  CLOUD_TRAIL_ENABLED: {},
  GUARDDUTY_ENABLED_CENTRALIZED: {},
  MULTI_REGION_CLOUD_TRAIL_ENABLED: {},
}

/** Rules about things that are global: checked once, from the primary region. */
const GLOBAL_RULES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ROOT_ACCOUNT_MFA_ENABLED: {},
  ROOT_ACCOUNT_HARDWARE_MFA_ENABLED: {},
  IAM_ROOT_ACCESS_KEY_CHECK: {},
  IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS: {},
  MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS: {},
}

/** What Config puts right by itself, through AWS's own runbooks. */
const REMEDIATIONS = [
  {
    rule: 'S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED',
    document: 'AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock',
    resourceParameter: 'BucketName',
    actions: ['s3:PutBucketPublicAccessBlock', 's3:GetBucketPublicAccessBlock'],
  },
  {
    rule: 'S3_BUCKET_VERSIONING_ENABLED',
    document: 'AWS-ConfigureS3BucketVersioning',
    resourceParameter: 'BucketName',
    actions: ['s3:PutBucketVersioning', 's3:GetBucketVersioning'],
  },
] as const

const ATTEMPTS_MAX = 3
const RETRY_SECONDS = 60

type ComplianceProps = { readonly history: s3.IBucket; readonly role: Role }

/** Config: the history of every resource, the rules it must keep, and the repair of what can be repaired safely. */
export class Compliance extends Construct {
  constructor(scope: Construct, id: string, { history, role }: ComplianceProps) {
    super(scope, id)
    const recorder = this.#record(history, role)
    const rules = { ...RULES, ...(role === 'primary' ? GLOBAL_RULES : {}) }
    const made = new Map(
      Object.entries(rules).map(([identifier, parameters]) => {
        const rule = new config.CfnConfigRule(this, identifier, {
          configRuleName: `bourse-${identifier.toLowerCase().replaceAll('_', '-')}`,
          source: { owner: 'AWS', sourceIdentifier: identifier },
          ...(Object.keys(parameters).length === 0 ? {} : { inputParameters: parameters }),
        })
        rule.addResourceDependency(recorder)
        return [identifier, rule]
      }),
    )
    this.#remediate(made)
  }

  #record(history: s3.IBucket, role: Role): config.CfnConfigurationRecorder {
    const recorderRole = new iam.Role(this, 'RecorderRole', {
      assumedBy: new iam.ServicePrincipal('config.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWS_ConfigRole')],
    })
    history.grantPut(recorderRole, 'AWSLogs/*')
    const recorder = new config.CfnConfigurationRecorder(this, 'Recorder', {
      roleArn: recorderRole.roleArn,
      recordingGroup: { allSupported: true, includeGlobalResourceTypes: role === 'primary' },
    })
    new config.CfnDeliveryChannel(this, 'Delivery', {
      s3BucketName: history.bucketName,
      configSnapshotDeliveryProperties: { deliveryFrequency: 'TwentyFour_Hours' },
    })
    return recorder
  }

  #remediate(rules: ReadonlyMap<string, config.CfnConfigRule>): void {
    const role = new iam.Role(this, 'RemediationRole', {
      assumedBy: new iam.ServicePrincipal('ssm.amazonaws.com'),
    })
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: REMEDIATIONS.flatMap(({ actions }) => [...actions]),
        resources: [`arn:aws:s3:::bourse-*-${Stack.of(this).account}-*`],
      }),
    )
    for (const { rule, document, resourceParameter } of REMEDIATIONS) {
      const broken = rules.get(rule)
      if (broken === undefined) throw new Error(`no rule ${rule} to remediate`)
      new config.CfnRemediationConfiguration(this, `Remediate-${rule}`, {
        configRuleName: broken.ref,
        targetType: 'SSM_DOCUMENT',
        targetId: document,
        automatic: true,
        maximumAutomaticAttempts: ATTEMPTS_MAX,
        retryAttemptSeconds: RETRY_SECONDS,
        parameters: {
          AutomationAssumeRole: { StaticValue: { Values: [role.roleArn] } },
          [resourceParameter]: { ResourceValue: { Value: 'RESOURCE_ID' } },
        },
      })
    }
  }
}
