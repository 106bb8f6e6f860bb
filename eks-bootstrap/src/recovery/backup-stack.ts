import { Duration, RemovalPolicy, Tags } from 'aws-cdk-lib'
import * as backup from 'aws-cdk-lib/aws-backup'
import * as events from 'aws-cdk-lib/aws-events'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import type * as sns from 'aws-cdk-lib/aws-sns'
import { type Construct, type IConstruct } from 'constructs'
import { BourseStack, type SiteProps } from '../stack.ts'

const DAILY_KEPT_DAYS = 35
const MONTHLY_KEPT_DAYS = 365
const VAULT_MIN_DAYS = 7
/** After this the lock itself cannot be lifted by anyone. */
const LOCK_GRACE_DAYS = 3
const RESTORE_WINDOW_HOURS = 8

/** What is restored every week to prove that it can be. */
const RESTORED = ['Aurora', 'DynamoDB', 'EFS'] as const

type BackupStackProps = SiteProps & { readonly key: kms.IKey; readonly alarms?: sns.ITopic }

/** Puts a resource into the daily backups: they choose by tag, so what bears none is not backed up. */
export function backUp(scope: IConstruct): void {
  Tags.of(scope).add('Backup', 'daily')
}

export function vaultName(environmentName: string): string {
  return `bourse-${environmentName}`
}

/** The vault of one region, and in the primary one the plan that fills both and the weekly restore that proves it. */
export class BackupStack extends BourseStack {
  constructor(scope: Construct, props: BackupStackProps) {
    super(scope, 'Backup', {
      ...props,
      description: 'Backup vault, plan, copies and restore tests',
      dataClassification: 'restricted',
    })
    const { immutable } = this.config.data
    const vault = new backup.BackupVault(this, 'Vault', {
      backupVaultName: vaultName(this.config.name),
      encryptionKey: props.key,
      ...(props.alarms === undefined
        ? {}
        : {
            notificationTopic: props.alarms,
            notificationEvents: [
              backup.BackupVaultEvents.BACKUP_JOB_FAILED,
              backup.BackupVaultEvents.COPY_JOB_FAILED,
              backup.BackupVaultEvents.RESTORE_JOB_COMPLETED,
            ],
          }),
      ...(immutable
        ? {
            lockConfiguration: {
              minRetention: Duration.days(VAULT_MIN_DAYS),
              maxRetention: Duration.days(MONTHLY_KEPT_DAYS),
              changeableFor: Duration.days(LOCK_GRACE_DAYS),
            },
          }
        : {}),
      removalPolicy: immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
    if (this.role === 'standby') return
    this.#plan(vault)
    this.#restoreTests(vault)
  }

  #plan(vault: backup.BackupVault): void {
    const { account, recoveryRegion, name, features } = this.config
    const elsewhere = backup.BackupVault.fromBackupVaultArn(
      this,
      'Elsewhere',
      `arn:aws:backup:${recoveryRegion}:${account}:backup-vault:${vaultName(name)}`,
    )
    const copies = (days: number) =>
      features.standbyRegion
        ? { copyActions: [{ destinationBackupVault: elsewhere, deleteAfter: Duration.days(days) }] }
        : {}
    const plan = new backup.BackupPlan(this, 'Plan', {
      backupPlanName: this.localName('plan'),
      backupVault: vault,
      backupPlanRules: [
        new backup.BackupPlanRule({
          ruleName: 'daily',
          // Continuous: restores any second of the last 35 days where the service can.
          enableContinuousBackup: true,
          deleteAfter: Duration.days(DAILY_KEPT_DAYS),
          scheduleExpression: events.Schedule.cron({ hour: '5', minute: '0' }),
          startWindow: Duration.hours(1),
          completionWindow: Duration.hours(6),
          ...copies(DAILY_KEPT_DAYS),
        }),
        new backup.BackupPlanRule({
          ruleName: 'monthly',
          deleteAfter: Duration.days(MONTHLY_KEPT_DAYS),
          scheduleExpression: events.Schedule.cron({ day: '1', hour: '3', minute: '0' }),
          ...copies(MONTHLY_KEPT_DAYS),
        }),
      ],
    })
    plan.addSelection('Tagged', {
      backupSelectionName: 'tagged-daily',
      resources: [backup.BackupResource.fromTag('Backup', 'daily')],
      allowRestores: true,
    })
  }

  #restoreTests(vault: backup.BackupVault): void {
    const role = new iam.Role(this, 'RestoreRole', {
      assumedBy: new iam.ServicePrincipal('backup.amazonaws.com'),
      managedPolicies: ['AWSBackupServiceRolePolicyForBackup', 'AWSBackupServiceRolePolicyForRestores'].map(
        (name) => iam.ManagedPolicy.fromAwsManagedPolicyName(`service-role/${name}`),
      ),
    })
    // Restore testing allows no hyphen in its names.
    const restoreTestingPlanName = `bourse_${this.config.name}`
    const plan = new backup.CfnRestoreTestingPlan(this, 'RestoreTests', {
      restoreTestingPlanName,
      scheduleExpression: 'cron(0 8 ? * SUN *)',
      startWindowHours: RESTORE_WINDOW_HOURS,
      recoveryPointSelection: {
        algorithm: 'RANDOM_WITHIN_WINDOW',
        includeVaults: [vault.backupVaultArn],
        recoveryPointTypes: ['SNAPSHOT', 'CONTINUOUS'],
        selectionWindowDays: VAULT_MIN_DAYS,
      },
    })
    for (const protectedResourceType of RESTORED) {
      new backup.CfnRestoreTestingSelection(this, `Restore-${protectedResourceType}`, {
        restoreTestingPlanName,
        restoreTestingSelectionName: protectedResourceType.toLowerCase(),
        protectedResourceType,
        protectedResourceArns: ['*'],
        iamRoleArn: role.roleArn,
        validationWindowHours: 1,
      }).addResourceDependency(plan)
    }
  }
}
