import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as sns from 'aws-cdk-lib/aws-sns'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Aws, Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type Region } from '../regions.ts'

/** How often Alertmanager says so. */
export const HEARTBEAT_SECONDS = 300
/** One message may fall beside its period. */
const SILENT_PERIODS = 3

/** By their names: who publishes from the cluster is made before the topics are. */
export const alarmTopicArn = (environment: Environment, region: Region): string =>
  topicArn(environment, region, 'alarms')
/** Nobody reads it: an alarm watches that it is written. */
export const heartbeatTopicArn = (environment: Environment, region: Region): string =>
  topicArn(environment, region, 'heartbeat')

type AlarmTopicProps = { readonly environment: Environment; readonly messagesKey: kms.IKey }

/** Where alarms go: mail, text message and the pager. Only this account's alarms and rules may publish. */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic

  constructor(scope: Construct, id: string, { environment, messagesKey }: AlarmTopicProps) {
    super(scope, id)
    const { alarmEmail, alarmPhone, pagerUrl } = environment.operations
    this.topic = new sns.Topic(this, 'Topic', {
      topicName: `bourse-${environment.name}-alarms`,
      masterKey: messagesKey,
      enforceSSL: true,
    })
    const services = ['cloudwatch', 'events', 'budgets', 'costalerts', 'backup', 'rds', 'elasticache']
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: services.map((service) => new iam.ServicePrincipal(`${service}.amazonaws.com`)),
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    )
    this.#subscribe('Mail', sns.SubscriptionProtocol.EMAIL, alarmEmail)
    this.#subscribe('Text', sns.SubscriptionProtocol.SMS, alarmPhone)
    if (pagerUrl !== undefined) this.#subscribe('Pager', sns.SubscriptionProtocol.HTTPS, pagerUrl)
  }

  #subscribe(id: string, protocol: sns.SubscriptionProtocol, endpoint: string): void {
    new sns.Subscription(this, id, { topic: this.topic, protocol, endpoint })
  }
}

/**
 * Alertmanager says every few minutes that it is there, and so that Prometheus still evaluates its rules: silence is
 * the alarm.
 */
export class AlertsHeartbeat extends Construct {
  readonly alarm: cloudwatch.Alarm

  constructor(scope: Construct, id: string, { environment, messagesKey }: AlarmTopicProps) {
    super(scope, id)
    const { topicName } = new sns.Topic(this, 'Topic', {
      topicName: `bourse-${environment.name}-heartbeat`,
      masterKey: messagesKey,
      enforceSSL: true,
    })
    this.alarm = new cloudwatch.Alarm(this, 'Alarm', {
      alarmName: `bourse-${environment.name}-AlertsHeartbeat`,
      alarmDescription: 'Alerts of the exchange would not arrive (errors)',
      metric: new cloudwatch.Metric({
        namespace: 'AWS/SNS',
        metricName: 'NumberOfMessagesPublished',
        dimensionsMap: { TopicName: topicName },
        statistic: 'Sum',
        period: Duration.seconds(HEARTBEAT_SECONDS),
      }),
      threshold: 1,
      evaluationPeriods: SILENT_PERIODS,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    })
  }
}

function topicArn({ name, account }: Environment, region: Region, noun: string): string {
  return `arn:aws:sns:${region}:${account}:bourse-${name}-${noun}`
}
