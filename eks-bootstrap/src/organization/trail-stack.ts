import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as sns from 'aws-cdk-lib/aws-sns'
import { type Construct } from 'constructs'
import { tag } from '../stack.ts'
import { type Organization } from './organization.ts'
import { BREAK_GLASS_ROLE } from './policies.ts'
import { trailBucketName, trailKeyAlias } from './security-logging-stack.ts'

const TRAIL_DAYS = 90

type OrganizationTrailStackProps = StackProps & { readonly organization: Organization }

/**
 * The trail of all accounts, written by the management account into the bucket of the Security-Logging account. Last of
 * its stage: the account comes from the organization, the bucket from the account.
 */
export class OrganizationTrailStack extends Stack {
  readonly #organization: Organization

  constructor(scope: Construct, { organization, ...props }: OrganizationTrailStackProps) {
    super(scope, 'OrganizationTrail', {
      ...props,
      stackName: 'bourse-organization-trail',
      description: 'The trail of every account and what it wakes people for',
      terminationProtection: true,
    })
    this.#organization = organization
    tag(this, { name: 'shared', ...organization, dataClassification: 'internal' })
    this.#watch(this.#trail(), this.#alarms())
  }

  /** Every account's every call, into the Security-Logging account's bucket. */
  #trail(): logs.LogGroup {
    const { accountIds, region } = this.#organization
    const key = new kms.Key(this, 'TrailLogsKey', {
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    key.grantEncryptDecrypt(new iam.ServicePrincipal(`logs.${region}.amazonaws.com`))
    const group = new logs.LogGroup(this, 'TrailLogs', {
      logGroupName: '/bourse/organization-trail',
      retention: TRAIL_DAYS,
      encryptionKey: key,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    const role = new iam.Role(this, 'TrailRole', {
      assumedBy: new iam.ServicePrincipal('cloudtrail.amazonaws.com'),
    })
    group.grantWrite(role)
    const trail = new cloudtrail.CfnTrail(this, 'Trail', {
      trailName: 'bourse-organization',
      isLogging: true,
      isOrganizationTrail: true,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableLogFileValidation: true,
      s3BucketName: trailBucketName(accountIds.securityLogging),
      kmsKeyId: `arn:aws:kms:${region}:${accountIds.securityLogging}:${trailKeyAlias}`,
      cloudWatchLogsLogGroupArn: group.logGroupArn,
      cloudWatchLogsRoleArn: role.roleArn,
    })
    trail.node.addDependency(role)
    return group
  }

  #alarms(): sns.Topic {
    const topic = new sns.Topic(this, 'Alarms', {
      masterKey: new kms.Key(this, 'AlarmsKey', {
        enableKeyRotation: true,
        removalPolicy: RemovalPolicy.RETAIN,
      }),
      enforceSSL: true,
    })
    topic.grantPublish(new iam.ServicePrincipal('cloudwatch.amazonaws.com'))
    new sns.Subscription(this, 'AlarmMail', {
      topic,
      protocol: sns.SubscriptionProtocol.EMAIL,
      endpoint: this.#organization.alarmEmail,
    })
    return topic
  }

  #watch(trailLogs: logs.LogGroup, alarms: sns.Topic): void {
    const used = (id: string, pattern: string) => {
      const metric = new logs.MetricFilter(this, `${id}Filter`, {
        logGroup: trailLogs,
        filterPattern: logs.FilterPattern.literal(pattern),
        metricNamespace: 'Bourse/Organization',
        metricName: id,
        metricValue: '1',
      }).metric({ statistic: 'Sum' })
      new cloudwatch.Alarm(this, id, {
        metric,
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }).addAlarmAction(new actions.SnsAction(alarms))
    }
    used('BreakGlassUsed', `{ $.requestParameters.roleArn = "*role/${BREAK_GLASS_ROLE}" }`)
    used('RootUserSeen', '{ $.userIdentity.type = "Root" && $.eventType != "AwsServiceEvent" }')
  }
}
