import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as sfn from 'aws-cdk-lib/aws-stepfunctions'
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks'
import { type Construct } from 'constructs'
import { globalClusterName } from '../data/aurora.ts'
import { AlarmTopic, AlertsHeartbeat } from '../observability/alarm-topic.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'

/** Within the quarter of an hour that a lost region may cost. */
const LIMIT = Duration.minutes(15)
const POLL = Duration.seconds(15)

/**
 * Moves the database to this region when an operator says so: the first steps of the runbook, as a machine that runs
 * where it is needed. It ends where judgement begins: the cut of the log. Here is also where this region's alerts go.
 */
export class FailoverStack extends BourseStack {
  constructor(scope: Construct, props: SiteProps & { readonly keys: KeysStack['keys'] }) {
    super(scope, 'Failover', {
      ...props,
      description: 'The state machine that promotes this region, and whom its alerts wake',
      dataClassification: 'internal',
    })
    const waking = { environment: this.config, messagesKey: props.keys.messages }
    const { topic } = new AlarmTopic(this, 'Alarms', waking)
    new AlertsHeartbeat(this, 'AlertsHeartbeat', waking).alarm.addAlarmAction(new actions.SnsAction(topic))
    const globalCluster = globalClusterName(this.config.name)
    const standby = this.localName('standby')
    const standbyArn = `arn:aws:rds:${this.regionName}:${this.account}:cluster:${standby}`
    const globalArn = `arn:aws:rds::${this.account}:global-cluster:${globalCluster}`
    const promote = new tasks.CallAwsService(this, 'PromoteDatabase', {
      service: 'rds',
      action: 'failoverGlobalCluster',
      parameters: {
        GlobalClusterIdentifier: globalCluster,
        TargetDbClusterIdentifier: standbyArn,
        AllowDataLoss: true,
      },
      iamResources: [
        globalArn,
        standbyArn,
        `arn:aws:rds:${this.config.primaryRegion}:${this.account}:cluster:${this.localName('').slice(0, -1)}`,
      ],
      resultPath: sfn.JsonPath.DISCARD,
    })
    const look = new tasks.CallAwsService(this, 'LookAtDatabase', {
      service: 'rds',
      action: 'describeGlobalClusters',
      parameters: { GlobalClusterIdentifier: globalCluster },
      iamResources: [globalArn],
      resultSelector: { 'status.$': '$.GlobalClusters[0].Status' },
      resultPath: '$.database',
    })
    const wait = new sfn.Wait(this, 'WaitForDatabase', { time: sfn.WaitTime.duration(POLL) })
    const promoted = new sfn.Succeed(this, 'MakeTheCutNow', {
      comment: 'The database writes here: continue the runbook with the cut of the log',
    })
    const available = sfn.Condition.stringEquals('$.database.status', 'available')
    const machine = new sfn.StateMachine(this, 'Machine', {
      stateMachineName: this.localName('failover'),
      timeout: LIMIT,
      tracingEnabled: true,
      definitionBody: sfn.DefinitionBody.fromChainable(
        promote
          .next(wait)
          .next(look)
          .next(new sfn.Choice(this, 'Promoted').when(available, promoted).otherwise(wait)),
      ),
      logs: {
        level: sfn.LogLevel.ALL,
        destination: new logs.LogGroup(this, 'Log', {
          logGroupName: `/aws/vendedlogs/states/${this.localName('failover')}`,
          retention: this.config.operations.logRetentionDays,
          encryptionKey: props.keys.logs,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      },
    })
    machine.addToRolePolicy(
      new iam.PolicyStatement({ actions: ['rds:DescribeGlobalClusters'], resources: [globalArn] }),
    )
  }
}
