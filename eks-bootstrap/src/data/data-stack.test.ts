import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { flat, resources } from '../testing/resources.ts'
import { everyFeature, pick, template, templates } from '../testing/templates.ts'

const data = () => template('production', 'Data')
const storage = () => template('production', 'Storage')

describe('Aurora', () => {
  it('has a writer and two readers on db.r6g.large', () => {
    const instances = resources(data(), 'AWS::RDS::DBInstance')
    assert.equal(instances.length, 3)
    for (const { properties } of instances) {
      assert.equal(properties['DBInstanceClass'], 'db.r6g.large')
      assert.equal(properties['PubliclyAccessible'], false)
    }
  })

  it('restores to any second of 35 days, is encrypted and protected', () => {
    data().hasResourceProperties('AWS::RDS::DBCluster', {
      BackupRetentionPeriod: 35,
      StorageEncrypted: true,
      KmsKeyId: Match.anyValue(),
      DeletionProtection: true,
      EnableIAMDatabaseAuthentication: true,
    })
  })

  it('refuses connections without TLS', () => {
    data().hasResourceProperties('AWS::RDS::DBClusterParameterGroup', {
      Parameters: Match.objectLike({ 'rds.force_ssl': '1' }),
    })
    data().hasResourceProperties('AWS::RDS::DBProxy', { RequireTLS: true })
  })

  it('scales its readers from 2 to 4 at 75 % CPU or 500 connections, within five minutes', () => {
    data().hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 4,
      ScalableDimension: 'rds:cluster:ReadReplicaCount',
    })
    const marks = resources(data(), 'AWS::ApplicationAutoScaling::ScalingPolicy').map(({ properties }) => {
      const tracking = properties['TargetTrackingScalingPolicyConfiguration'] as Tracking
      assert(tracking.ScaleOutCooldown! <= 300 || tracking.DisableScaleIn === true)
      return `${tracking.PredefinedMetricSpecification.PredefinedMetricType} ${tracking.TargetValue}`
    })
    assert.deepEqual(marks.sort(), [
      'KafkaBrokerStorageUtilization 60',
      'RDSReaderAverageCPUUtilization 75',
      'RDSReaderAverageDatabaseConnections 500',
    ])
  })

  it('takes, behind the proxy, the password that External Secrets hands out', () => {
    const [proxy] = resources(data(), 'AWS::RDS::DBProxy')
    const [auth] = proxy!.properties['Auth'] as readonly { AuthScheme: string; IAMAuth: string }[]
    assert.deepEqual([auth?.AuthScheme, auth?.IAMAuth], ['SECRETS', 'DISABLED'])
  })

  it('stands in the data tier, in three zones', () => {
    const [group] = resources(data(), 'AWS::RDS::DBSubnetGroup')
    assert.match(JSON.stringify(group), /dataSubnet1.*dataSubnet2.*dataSubnet3/)
  })
})

type Tracking = {
  readonly PredefinedMetricSpecification: { readonly PredefinedMetricType: string }
  readonly TargetValue: number
  readonly ScaleOutCooldown?: number
  readonly DisableScaleIn?: boolean
}

describe('Redis', () => {
  it('is a primary and a replica on cache.r6g.large that fail over by themselves', () => {
    data().hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
      CacheNodeType: 'cache.r6g.large',
      NumCacheClusters: 2,
      AutomaticFailoverEnabled: true,
      MultiAZEnabled: true,
    })
  })

  it('asks for a token over TLS, is encrypted at rest, and keeps a snapshot a day for seven', () => {
    data().hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
      AuthToken: Match.anyValue(),
      TransitEncryptionEnabled: true,
      AtRestEncryptionEnabled: true,
      KmsKeyId: Match.anyValue(),
      SnapshotRetentionLimit: 7,
      SnapshotWindow: '04:00-05:00',
    })
  })

  it('shards where it is told to', () => {
    pick(everyFeature(), 'Data').hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
      ClusterMode: 'enabled',
      NumNodeGroups: 3,
      ReplicasPerNodeGroup: 1,
    })
  })
})

describe('Functions', () => {
  // A new account may run ten at once, and none of them can be set aside.
  it('reserve no concurrency', () => {
    for (const [id, made] of templates('production')) {
      for (const { properties } of resources(made, 'AWS::Lambda::Function')) {
        assert.equal(properties['ReservedConcurrentExecutions'], undefined, id)
      }
    }
  })
})

describe('Secrets', () => {
  it('rotate every 30 days', () => {
    const schedules = resources(data(), 'AWS::SecretsManager::RotationSchedule')
    assert.equal(schedules.length, 2)
    for (const { properties } of schedules) {
      assert.match(JSON.stringify(properties['RotationRules']), /rate\(30 days\)/)
    }
  })

  it('are encrypted with the key of the data', () => {
    for (const { properties } of resources(data(), 'AWS::SecretsManager::Secret'))
      assert(properties['KmsKeyId'])
  })
})

describe('Log', () => {
  it('has brokers in three zones behind TLS and IAM, and none in public', () => {
    data().hasResourceProperties('AWS::MSK::Cluster', {
      NumberOfBrokerNodes: 3,
      ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
      EncryptionInfo: {
        EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true },
        EncryptionAtRest: { DataVolumeKMSKeyId: Match.anyValue() },
      },
      BrokerNodeGroupInfo: {
        ClientSubnets: [Match.anyValue(), Match.anyValue(), Match.anyValue()],
        ConnectivityInfo: { PublicAccess: { Type: 'DISABLED' } },
      },
    })
  })

  it('loses nothing with one broker, deletes nothing by itself, and hands over at once', () => {
    const [configuration] = resources(data(), 'AWS::MSK::Configuration')
    const properties = String(configuration?.properties['ServerProperties']).split('\n')
    for (const wanted of [
      'min.insync.replicas=2',
      'default.replication.factor=3',
      'unclean.leader.election.enable=false',
      'auto.create.topics.enable=false',
      'log.retention.ms=-1',
      'group.initial.rebalance.delay.ms=0',
      'group.min.session.timeout.ms=3000',
    ]) {
      assert(properties.includes(wanted), wanted)
    }
    const limit = Number(properties.find((line) => line.startsWith('message.max.bytes='))?.split('=')[1])
    assert(limit >= 2 * 512 * 1024, 'a frame of 512 KiB with room to spare')
  })

  // MSK refuses a cluster that is created with it: https://docs.aws.amazon.com/msk/latest/developerguide/mvpc-cluster-owner-action-turn-on.html
  it('opens private connectivity after it was made, and only where a second region copies it', () => {
    for (const [id, made] of templates('production')) {
      for (const { properties } of resources(made, 'AWS::MSK::Cluster')) {
        assert.doesNotMatch(flat(properties), /VpcConnectivity/, id)
      }
    }
    data().hasResourceProperties('Custom::MskPrivateConnectivity', {
      ClusterArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('LogCluster'), 'Arn'] },
    })
    for (const [stage, stack] of [
      ['production', 'StandbyData'],
      ['staging', 'Data'],
      ['dev', 'Data'],
    ] as const) {
      template(stage, stack).resourceCountIs('Custom::MskPrivateConnectivity', 0)
    }
  })

  it('lets the replicator in, once the connectivity is there', () => {
    const [policy] = Object.values(data().findResources('AWS::MSK::ClusterPolicy')) as Policy[]
    assert.match(String(policy?.DependsOn), /PrivateConnectivity/)
    const { Statement } = policy!.Properties.Policy
    assert.deepEqual(Statement, [
      {
        Effect: 'Allow',
        Principal: { Service: 'kafka.amazonaws.com' },
        Action: ['kafka:CreateVpcConnection', 'kafka:GetBootstrapBrokers', 'kafka:DescribeClusterV2'],
        Resource: policy!.Properties.ClusterArn,
      },
    ])
  })

  it('tiers its storage where it is told to', () => {
    data().hasResourceProperties('AWS::MSK::Cluster', { StorageMode: Match.absent() })
    pick(everyFeature(), 'Data').hasResourceProperties('AWS::MSK::Cluster', { StorageMode: 'TIERED' })
  })
})

type Policy = {
  readonly DependsOn?: readonly string[]
  readonly Properties: { readonly ClusterArn: unknown; readonly Policy: { readonly Statement: unknown } }
}

describe('Sessions', () => {
  it('are paid by use, expire, restore to any second of 35 days and are encrypted', () => {
    data().hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: Match.arrayWith([
        Match.objectLike({
          Region: 'us-east-1',
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 35 },
        }),
      ]),
    })
  })

  it('are copied to the second region where global tables are on', () => {
    template('staging', 'Data').hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: [Match.anyValue()],
    })
    data().hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: Match.arrayWith([Match.objectLike({ Region: 'us-west-2' })]),
    })
  })

  it('show a role of one user that user alone', () => {
    data().hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'bourse-production-user-sessions',
      Policies: [
        Match.objectLike({
          PolicyDocument: Match.objectLike({
            Statement: [
              Match.objectLike({
                Condition: {
                  'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/userId}'] },
                  Null: { 'dynamodb:LeadingKeys': 'false' },
                },
              }),
            ],
          }),
        }),
      ],
    })
  })
})

describe('Objects', () => {
  const bucket = (noun: string) => ({ BucketName: `bourse-production-${noun}-666666666666-us-east-1` })

  for (const noun of ['archive', 'audit', 'snapshots']) {
    it(`of the ${noun} are versioned, tiered, in Glacier after 90 days and copied to us-west-2`, () => {
      storage().hasResourceProperties('AWS::S3::Bucket', {
        ...bucket(noun),
        VersioningConfiguration: { Status: 'Enabled' },
        LifecycleConfiguration: {
          Rules: [
            Match.objectLike({
              Transitions: [
                { StorageClass: 'INTELLIGENT_TIERING', TransitionInDays: 0 },
                { StorageClass: 'GLACIER_IR', TransitionInDays: 90 },
              ],
              NoncurrentVersionTransitions: [{ StorageClass: 'GLACIER', TransitionInDays: 90 }],
            }),
          ],
        },
        ReplicationConfiguration: {
          Rules: [
            Match.objectLike({
              Destination: Match.objectLike({
                Bucket: `arn:aws:s3:::bourse-production-${noun}-666666666666-us-west-2`,
                ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } },
              }),
            }),
          ],
        },
        NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      })
      const copy = { BucketName: `bourse-production-${noun}-666666666666-us-west-2` }
      template('production', 'StandbyStorage').hasResourceProperties('AWS::S3::Bucket', copy)
    })
  }

  it('of the audit cannot be changed for seven years, by anyone, in either region', () => {
    const lock = {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 7 * 365 + 2 } } },
    }
    storage().hasResourceProperties('AWS::S3::Bucket', { ...bucket('audit'), ...lock })
    // What a disaster leaves.
    template('production', 'StandbyStorage').hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'bourse-production-audit-666666666666-us-west-2',
      ...lock,
    })
  })

  it('of the audit keep their holds in the copy', () => {
    const policies = flat(resources(storage(), 'AWS::IAM::Policy'))
    for (const action of ['s3:GetObjectRetention', 's3:GetObjectLegalHold'])
      assert(policies.includes(action), action)
  })

  it('of the archive are tables of Parquet to Athena', () => {
    const tables = resources(storage(), 'AWS::Glue::Table').map(
      ({ properties }) => properties['TableInput'] as TableInput,
    )
    assert.deepEqual(tables.map(({ Name }) => Name).sort(), ['events', 'trades'])
    for (const { Parameters } of tables) assert.equal(Parameters['classification'], 'parquet')
    storage().hasResourceProperties('AWS::Athena::WorkGroup', {
      WorkGroupConfiguration: Match.objectLike({ EnforceWorkGroupConfiguration: true }),
    })
  })
})

type TableInput = { readonly Name: string; readonly Parameters: Readonly<Record<string, string>> }

describe('Files and images', () => {
  it('share an encrypted file system with a mount in each zone', () => {
    storage().hasResourceProperties('AWS::EFS::FileSystem', { Encrypted: true })
    storage().resourceCountIs('AWS::EFS::MountTarget', 3)
  })

  for (const stack of ['Storage', 'StandbyStorage']) {
    it(`scan every image that is pushed, and never move a tag (${stack})`, () => {
      const images = resources(template('production', stack), 'AWS::ECR::Repository')
      assert.equal(images.length, 1)
      for (const { properties } of images) {
        assert.equal(properties['RepositoryName'], 'bourse')
        assert.deepEqual(properties['ImageScanningConfiguration'], { ScanOnPush: true })
        assert.equal(properties['ImageTagMutability'], 'IMMUTABLE')
        assert.match(flat(properties['EncryptionConfiguration']), /"KMS"/)
      }
    })
  }
})
