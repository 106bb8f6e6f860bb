import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as events from 'aws-cdk-lib/aws-events'
import * as eventTargets from 'aws-cdk-lib/aws-events-targets'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import * as scheduler from 'aws-cdk-lib/aws-scheduler'
import type * as sns from 'aws-cdk-lib/aws-sns'
import * as xray from 'aws-cdk-lib/aws-xray'
import { Duration } from 'aws-cdk-lib'
import { type Construct } from 'constructs'
import { type EdgeStack } from '../edge/edge-stack.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { AlarmTopic, AlertsHeartbeat } from './alarm-topic.ts'
import { Dashboards } from './dashboards.ts'
import { LogArchive } from './log-archive.ts'
import { signalAlarm } from './signal-alarm.ts'
import { learnedSignals, type Signal, signals } from './signals.ts'

type ObservabilityStackProps = SiteProps & {
  readonly edge: EdgeStack
  readonly archive: s3.IBucket
  readonly keys: KeysStack['keys']
}

/** Standard deviations around the learned level before an alarm. */
const BAND = 3
const HEARTBEAT_MINUTES = 5

/** Findings and failures that people hear of, by what EventBridge calls them. */
const NOTICES: Readonly<Record<string, events.EventPattern>> = {
  Threats: { source: ['aws.guardduty'], detail: { severity: [{ numeric: ['>=', 7] }] } },
  CriticalImageFindings: {
    source: ['aws.ecr', 'aws.inspector2'],
    detailType: ['ECR Image Scan'],
    detail: { 'finding-severity-counts': { CRITICAL: [{ exists: true }] } },
  },
  NotCompliant: {
    source: ['aws.config'],
    detailType: ['Config Rules Compliance Change'],
    detail: { newEvaluationResult: { complianceType: ['NON_COMPLIANT'] } },
  },
  FailedBackups: { source: ['aws.backup'], detail: { state: ['FAILED', 'EXPIRED', 'ABORTED'] } },
  PublicAccess: { source: ['aws.access-analyzer'], detail: { status: ['ACTIVE'] } },
  AwsHealth: { source: ['aws.health'], detail: { eventTypeCategory: ['issue'] } },
  SpotInterruptions: { source: ['aws.ec2'], detailType: ['EC2 Instance Rebalance Recommendation'] },
}

/** What the exchange tells about itself, and whom it wakes. */
export class ObservabilityStack extends BourseStack {
  readonly topic: sns.Topic
  /** The first one tells that people are hurt already. */
  readonly alarms: readonly [cloudwatch.AlarmBase, ...cloudwatch.AlarmBase[]]

  constructor(scope: Construct, props: ObservabilityStackProps) {
    super(scope, 'Observability', {
      ...props,
      description: 'Alarms, dashboards, traces and the archive of logs',
      dataClassification: 'internal',
    })
    const { config: environment } = this
    const { keys, archive, edge } = props
    this.topic = new AlarmTopic(this, 'Alarms', { environment, messagesKey: keys.messages }).topic
    const { loadBalancer, targetGroups } = edge.entry
    const groups = Object.entries(targetGroups).map(([service, group]) => [
      service,
      group.targetGroupFullName,
    ])
    const watched = {
      environment,
      loadBalancerFullName: loadBalancer.loadBalancerFullName,
      targetGroupFullNames: Object.fromEntries(groups) as Record<string, string>,
    }
    const [first, ...others] = signals(watched).map((signal) => signalAlarm(this, signal))
    if (first === undefined) throw new Error('no signals to watch')
    this.alarms = [
      first,
      ...others,
      ...learnedSignals(watched).map((signal) => this.#learnedAlarm(signal)),
      this.#heartbeat(),
      new AlertsHeartbeat(this, 'AlertsHeartbeat', { environment, messagesKey: keys.messages }).alarm,
    ]
    for (const alarm of this.alarms) alarm.addAlarmAction(new actions.SnsAction(this.topic))
    const all = [
      ...signals(watched),
      ...learnedSignals(watched).map((signal) => ({ ...signal, threshold: 0 })),
    ]
    new Dashboards(this, 'Dashboards', { environment, signals: all, alarms: this.alarms })
    new LogArchive(this, 'Logs', { environment, archive, logsKey: keys.logs })
    this.#traces()
    this.#notices()
    this.#drill()
  }

  #learnedAlarm({ id, kind, metric, minutes, meaning }: Omit<Signal, 'threshold'>): cloudwatch.AlarmBase {
    return new cloudwatch.AnomalyDetectionAlarm(this, id, {
      alarmName: this.localName(id),
      alarmDescription: `${meaning} (${kind})`,
      metric,
      stdDevs: BAND,
      evaluationPeriods: minutes,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
    })
  }

  /** The agent counts nodes every minute: silence is the alarm, for then every other one is blind. */
  #heartbeat(): cloudwatch.Alarm {
    return new cloudwatch.Alarm(this, 'Heartbeat', {
      alarmName: this.localName('Heartbeat'),
      alarmDescription: 'No telemetry arrives from the cluster (errors)',
      metric: new cloudwatch.Metric({
        namespace: 'ContainerInsights',
        metricName: 'cluster_node_count',
        dimensionsMap: { ClusterName: this.localName('exchange') },
        statistic: 'SampleCount',
        period: Duration.minutes(1),
      }),
      threshold: 1,
      evaluationPeriods: HEARTBEAT_MINUTES,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    })
  }

  /** A dead man's switch: every day an alarm goes the whole way, and the pager complains when it does not arrive. */
  #drill(): void {
    const alarmName = this.localName('DailyDrill')
    const drill = new cloudwatch.Alarm(this, 'DailyDrill', {
      alarmName,
      alarmDescription:
        'The daily proof that alarms arrive: the pager expects it and calls when it is missing',
      metric: new cloudwatch.Metric({ namespace: 'Bourse', metricName: 'drill', statistic: 'Sum' }),
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    })
    drill.addAlarmAction(new actions.SnsAction(this.topic))
    const role = new iam.Role(this, 'DrillRole', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com'),
    })
    role.addToPolicy(
      new iam.PolicyStatement({ actions: ['cloudwatch:SetAlarmState'], resources: [drill.alarmArn] }),
    )
    new scheduler.CfnSchedule(this, 'DrillSchedule', {
      scheduleExpression: 'cron(0 9 * * ? *)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: 'arn:aws:scheduler:::aws-sdk:cloudwatch:setAlarmState',
        roleArn: role.roleArn,
        input: JSON.stringify({ AlarmName: alarmName, StateValue: 'ALARM', StateReason: 'Daily drill' }),
      },
    })
  }

  /** For what samples by X-Ray's rules, as API Gateway does; the collector samples the services' own traces. */
  #traces(): void {
    new xray.CfnSamplingRule(this, 'Sampling', {
      samplingRule: {
        ruleName: this.localName('sampling'),
        priority: 100,
        fixedRate: this.config.operations.traceSamplingPercent / 100,
        reservoirSize: 1,
        serviceName: '*',
        serviceType: '*',
        host: '*',
        httpMethod: '*',
        urlPath: '*',
        resourceArn: '*',
        version: 1,
      },
    })
    new xray.CfnGroup(this, 'Slow', {
      groupName: this.localName('slow'),
      filterExpression: 'responsetime > 1',
    })
  }

  #notices(): void {
    for (const [id, eventPattern] of Object.entries(NOTICES)) {
      new events.Rule(this, id, {
        ruleName: this.localName(id),
        eventPattern,
        targets: [new eventTargets.SnsTopic(this.topic)],
      })
    }
  }
}
