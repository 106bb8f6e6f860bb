import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { flat, resources } from '../testing/resources.ts'
import { template } from '../testing/templates.ts'

const observability = () => template('production', 'Observability')

describe('Alarms', () => {
  const alarms = () =>
    resources(observability(), 'AWS::CloudWatch::Alarm').map(({ properties }) => properties)

  it('cover latency, traffic, errors and saturation', () => {
    const meanings = alarms().map(({ AlarmDescription }) => String(AlarmDescription))
    for (const kind of ['latency', 'traffic', 'errors', 'saturation']) {
      assert(
        meanings.some((meaning) => meaning.endsWith(`(${kind})`)),
        kind,
      )
    }
  })

  it('all reach people', () => {
    for (const { AlarmActions, AlarmName } of alarms()) {
      assert.match(flat(AlarmActions), /AlarmsTopic/, String(AlarmName))
    }
  })

  it('go to mail, text message and the pager', () => {
    const protocols = resources(observability(), 'AWS::SNS::Subscription').map(
      ({ properties }) => properties['Protocol'],
    )
    assert.deepEqual(protocols.sort(), ['email', 'https', 'sms'])
  })

  it('ask for metrics by the dimensions that the services publish', () => {
    const dimensions = (metricName: string) =>
      alarms()
        .filter(({ MetricName }) => MetricName === metricName)
        .map(({ Dimensions }) => (Dimensions as { Name: string }[]).map(({ Name }) => Name).sort())
    assert.deepEqual(dimensions('UnderMinIsrPartitionCount'), Array(3).fill(['Broker ID', 'Cluster Name']))
    assert.deepEqual(dimensions('OfflinePartitionsCount'), [['Cluster Name']])
    assert.deepEqual(dimensions('UnHealthyHostCount'), Array(4).fill(['LoadBalancer', 'TargetGroup']))
  })

  it('learn what is usual', () => {
    const learned = alarms().filter(({ Metrics }) => flat(Metrics ?? '').includes('ANOMALY_DETECTION_BAND'))
    assert.equal(learned.length, 2)
  })

  it('sound when nothing is heard any more', () => {
    observability().hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'bourse-production-Heartbeat',
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
    })
  })

  it("sound when Prometheus' alerts would not be heard", () => {
    observability().hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'bourse-production-AlertsHeartbeat',
      MetricName: 'NumberOfMessagesPublished',
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
    })
  })

  it('prove every day that they arrive', () => {
    observability().hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'cron(0 9 * * ? *)',
      Target: Match.objectLike({
        Arn: 'arn:aws:scheduler:::aws-sdk:cloudwatch:setAlarmState',
        Input: Match.stringLikeRegexp('bourse-production-DailyDrill.*ALARM'),
      }),
    })
  })

  it('take messages of this account alone, encrypted, over TLS', () => {
    observability().hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() })
    const [policy] = resources(observability(), 'AWS::SNS::TopicPolicy')
    const text = flat(policy)
    assert.match(text, /"aws:SecureTransport":"false"/)
    assert.match(text, /"aws:SourceAccount"/)
  })
})

describe('Notices', () => {
  it('tell of threats, critical images, drift, failed backups and public access', () => {
    const patterns = resources(observability(), 'AWS::Events::Rule').map(({ properties }) => flat(properties))
    for (const source of ['guardduty', 'ecr', 'config', 'backup', 'access-analyzer', 'health']) {
      const found = patterns.find((pattern) => pattern.includes(`aws.${source}`))
      assert(found?.includes('AlarmsTopic'), source)
    }
    assert(patterns.some((pattern) => pattern.includes('"CRITICAL":[{"exists":true}]')))
  })
})

describe('Dashboards', () => {
  it('are three, each with a policy that opens it and no other', () => {
    for (const view of ['executive', 'operations', 'cost']) {
      const name = `bourse-production-${view}`
      observability().hasResourceProperties('AWS::CloudWatch::Dashboard', { DashboardName: name })
      observability().hasResourceProperties('AWS::IAM::ManagedPolicy', {
        ManagedPolicyName: `${name}-readers`,
        PolicyDocument: Match.objectLike({
          Statement: [
            {
              Action: 'cloudwatch:GetDashboard',
              Effect: 'Allow',
              Resource: `arn:aws:cloudwatch::666666666666:dashboard/${name}`,
            },
          ],
        }),
      })
    }
  })
})

describe('Logs and traces', () => {
  it('are encrypted, masked, kept 90 days and archived', () => {
    observability().hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/aws/containerinsights/bourse-production-exchange/application',
      RetentionInDays: 90,
      KmsKeyId: Match.anyValue(),
      DataProtectionPolicy: Match.objectLike({ Name: 'mask-personal-data' }),
    })
    observability().resourceCountIs('AWS::Logs::SubscriptionFilter', 1)
    observability().hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
      ExtendedS3DestinationConfiguration: Match.objectLike({ Prefix: 'logs/!{timestamp:yyyy/MM/dd}/' }),
    })
  })

  it('sample between 5 and 10 %', () => {
    const [rule] = resources(observability(), 'AWS::XRay::SamplingRule')
    const { FixedRate } = rule!.properties['SamplingRule'] as { FixedRate: number }
    assert(FixedRate >= 0.05 && FixedRate <= 0.1)
  })
})
