import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import * as budgets from 'aws-cdk-lib/aws-budgets'
import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as organizations from 'aws-cdk-lib/aws-organizations'
import * as sns from 'aws-cdk-lib/aws-sns'
import { type Construct } from 'constructs'
import { type Organization } from './organization.ts'
import { BREAK_GLASS_ROLE, GUARDRAILS, TAG_POLICY } from './policies.ts'
import { tag } from '../stack.ts'
import { trailBucketName, trailKeyAlias } from './security-logging-stack.ts'

const TRAIL_DAYS = 90
const BREAK_GLASS_HOURS = 1

type OrganizationStackProps = StackProps & { readonly organization: Organization }

/** The management account: units, accounts, guardrails, the trail of all accounts and the budget over them. */
export class OrganizationStack extends Stack {
  readonly #organization: Organization

  constructor(scope: Construct, { organization, ...props }: OrganizationStackProps) {
    super(scope, 'Organization', {
      ...props,
      stackName: 'bourse-organization',
      description: 'Organization units, accounts, guardrails, trail and budget',
      terminationProtection: true,
    })
    this.#organization = organization
    tag(this, { name: 'shared', ...organization, dataClassification: 'internal' })
    const root = new organizations.CfnOrganization(this, 'Root', { featureSet: 'ALL' })
    root.applyRemovalPolicy(RemovalPolicy.RETAIN)
    const units = this.#units(root.attrRootId)
    this.#accounts(units)
    this.#guardrails(units, root.attrRootId)
    const alarms = this.#alarms()
    const trailLogs = this.#trail(root)
    this.#breakGlass(trailLogs, alarms)
    this.#budget()
  }

  #units(rootId: string): Readonly<Record<string, organizations.CfnOrganizationalUnit>> {
    const unit = (name: string, parentId: string) => {
      const made = new organizations.CfnOrganizationalUnit(this, `Unit-${name}`, { name, parentId })
      made.applyRemovalPolicy(RemovalPolicy.RETAIN)
      return made
    }
    const workloads = unit('Workloads', rootId)
    return {
      Security: unit('Security', rootId),
      Infrastructure: unit('Infrastructure', rootId),
      Workloads: workloads,
      Sandbox: unit('Sandbox', rootId),
      Dev: unit('Dev', workloads.attrId),
      Staging: unit('Staging', workloads.attrId),
      Prod: unit('Prod', workloads.attrId),
    }
  }

  /** Existing accounts are imported by `cdk import`; new ones are made here. Neither is ever closed by a deployment. */
  #accounts(units: Readonly<Record<string, organizations.CfnOrganizationalUnit>>): void {
    for (const { name, unit, email } of this.#organization.accounts) {
      const parent = units[unit]
      if (parent === undefined) throw new Error(`account ${name} names unit ${unit}, and there is none`)
      new organizations.CfnAccount(this, `Account-${name}`, {
        accountName: name,
        email,
        parentIds: [parent.attrId],
      }).applyRemovalPolicy(RemovalPolicy.RETAIN)
    }
  }

  /** First in Sandbox alone; after two people approved the change of `rollout`, over every unit. */
  #guardrails(units: Readonly<Record<string, organizations.CfnOrganizationalUnit>>, rootId: string): void {
    const { Sandbox, Security, Infrastructure, Workloads } = units as Record<
      'Sandbox' | 'Security' | 'Infrastructure' | 'Workloads',
      organizations.CfnOrganizationalUnit
    >
    const everywhere = this.#organization.guardrailRollout === 'everywhere'
    const bound = everywhere ? [Security, Infrastructure, Workloads, Sandbox] : [Sandbox]
    for (const [name, content] of Object.entries(GUARDRAILS)) {
      new organizations.CfnPolicy(this, `Guardrail-${name}`, {
        name,
        type: 'SERVICE_CONTROL_POLICY',
        content,
        targetIds: bound.map(({ attrId }) => attrId),
      })
    }
    new organizations.CfnPolicy(this, 'MandatoryTags', {
      name: 'mandatory-tags',
      type: 'TAG_POLICY',
      content: TAG_POLICY,
      targetIds: everywhere ? [rootId] : [Sandbox.attrId],
    })
  }

  /** Every account's every call, into the Security-Logging account's bucket. */
  #trail(root: organizations.CfnOrganization): logs.LogGroup {
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
    trail.node.addDependency(root, role)
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

  /** For the day when nothing else lets anyone in: a second factor, one hour, and an alarm for everybody. */
  #breakGlass(trailLogs: logs.LogGroup, alarms: sns.Topic): void {
    new iam.CfnRole(this, 'BreakGlass', {
      roleName: BREAK_GLASS_ROLE,
      maxSessionDuration: BREAK_GLASS_HOURS * 3600,
      managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: [...this.#organization.breakGlassPrincipals] },
            Action: 'sts:AssumeRole',
            Condition: {
              Bool: { 'aws:MultiFactorAuthPresent': 'true' },
              NumericLessThan: { 'aws:MultiFactorAuthAge': '300' },
            },
          },
        ],
      },
    })
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

  #budget(): void {
    const { budgetUsdMonthly, alarmEmail } = this.#organization
    const notify = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: {
        notificationType,
        threshold,
        thresholdType: 'PERCENTAGE',
        comparisonOperator: 'GREATER_THAN',
      },
      subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail }],
    })
    new budgets.CfnBudget(this, 'Budget', {
      budget: {
        budgetName: 'bourse-organization',
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: budgetUsdMonthly, unit: 'USD' },
      },
      notificationsWithSubscribers: [notify('ACTUAL', 80), notify('ACTUAL', 100), notify('FORECASTED', 100)],
    })
  }
}
