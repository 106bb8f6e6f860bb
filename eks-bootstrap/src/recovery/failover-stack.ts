import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as sfn from 'aws-cdk-lib/aws-stepfunctions'
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks'
import { type Construct } from 'constructs'
import { globalClusterName } from '../data/aurora.ts'
import { AlarmTopic, AlertsHeartbeat } from '../observability/alarm-topic.ts'
import { signalAlarm } from '../observability/signal-alarm.ts'
import { storeSignals } from '../observability/signals.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { standbyExchangeName } from './standby-exchange.ts'

const LIMIT = Duration.minutes(15)
const POLL = Duration.seconds(15)

/**
 * Whom this region's alerts wake, and about what: the exchange that follows here must be able to serve at any time. And a
 * machine that makes the copy of the lost database one of its own when an operator says so, as evidence of what the
 * cut has dropped: nobody waits for it.
 */
export class FailoverStack extends BourseStack {
  constructor(scope: Construct, props: SiteProps & { readonly keys: KeysStack['keys'] }) {
    super(scope, 'Failover', {
      ...props,
      description: 'Alarms of this region, and the state machine that keeps the copy of the database',
      dataClassification: 'internal',
    })
    const waking = { environment: this.config, messagesKey: props.keys.messages }
    const { topic } = new AlarmTopic(this, 'Alarms', waking)
    const alarms = [
      new AlertsHeartbeat(this, 'AlertsHeartbeat', waking).alarm,
      ...storeSignals(this.config, standbyExchangeName(this.config.name)).map((signal) =>
        signalAlarm(this, signal),
      ),
    ]
    for (const alarm of alarms) alarm.addAlarmAction(new actions.SnsAction(topic))
    this.#keepEvidence(props)
  }

  #keepEvidence(props: { readonly keys: KeysStack['keys'] }): void {
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
    const promoted = new sfn.Succeed(this, 'EvidenceKept', {
      comment: 'The copy has left the lost region: nothing that wakes there changes it',
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
