import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { flat, resources } from '../testing/resources.ts'
import { template } from '../testing/templates.ts'

const backup = () => template('production', 'Backup')
const standby = () => template('production', 'StandbyData')

describe('Backups', () => {
  it('choose by tag, restore any second of 35 days, and are copied to us-west-2', () => {
    const [plan] = resources(backup(), 'AWS::Backup::BackupPlan')
    const rules = flat(plan)
    assert.match(rules, /"EnableContinuousBackup":true/)
    assert.match(rules, /"DeleteAfterDays":35/)
    assert.match(rules, /arn:aws:backup:us-west-2:666666666666:backup-vault:bourse-production/)
    backup().hasResourceProperties('AWS::Backup::BackupSelection', {
      BackupSelection: Match.objectLike({
        ListOfTags: [{ ConditionKey: 'Backup', ConditionType: 'STRINGEQUALS', ConditionValue: 'daily' }],
      }),
    })
  })

  it('take the database, the sessions and the files', () => {
    for (const [stack, type] of [
      ['Data', 'AWS::RDS::DBCluster'],
      ['Data', 'AWS::DynamoDB::GlobalTable'],
      ['Storage', 'AWS::EFS::FileSystem'],
    ] as const) {
      for (const { properties } of resources(template('production', stack), type)) {
        assert.match(flat(properties), /"Key":"Backup","Value":"daily"/, type)
      }
    }
  })

  it('lie in locked vaults that nobody can empty, in both regions', () => {
    for (const stack of ['Backup', 'StandbyBackup']) {
      template('production', stack).hasResourceProperties('AWS::Backup::BackupVault', {
        LockConfiguration: { MinRetentionDays: 7, MaxRetentionDays: 365, ChangeableForDays: 3 },
        EncryptionKeyArn: Match.anyValue(),
      })
    }
  })

  it('are restored every Sunday to prove that they can be', () => {
    backup().hasResourceProperties('AWS::Backup::RestoreTestingPlan', {
      ScheduleExpression: 'cron(0 8 ? * SUN *)',
    })
    const tested = resources(backup(), 'AWS::Backup::RestoreTestingSelection').map(
      ({ properties }) => properties['ProtectedResourceType'],
    )
    assert.deepEqual(tested.sort(), ['Aurora', 'DynamoDB', 'EFS'])
  })
})

describe('A lost zone', () => {
  it('finds every store in three zones and fails over by itself', () => {
    const data = template('production', 'Data')
    data.hasResourceProperties('AWS::ElastiCache::ReplicationGroup', { MultiAZEnabled: true })
    data.hasResourceProperties('AWS::MSK::Cluster', { NumberOfBrokerNodes: 3 })
    data.resourceCountIs('AWS::RDS::DBInstance', 3)
  })

  it('is rehearsed: network, nodes and database of one zone, stopped by an alarm', () => {
    const [experiment] = resources(template('production', 'Drills'), 'AWS::FIS::ExperimentTemplate')
    const text = flat(experiment)
    for (const action of [
      'aws:network:disrupt-connectivity',
      'aws:ec2:stop-instances',
      'aws:rds:failover-db-cluster',
    ]) {
      assert(text.includes(action), action)
    }
    assert.match(text, /us-east-1a/)
    // Auto Mode's machines bear the other tags too, and nobody may stop those.
    const { Targets } = experiment!.properties as { Targets: { engines: { ResourceTags: object } } }
    assert.deepEqual(Targets.engines.ResourceTags, { Environment: 'production', Workload: 'engines' })
    const tagged = flat(resources(template('production', 'Cluster'), 'AWS::EC2::LaunchTemplate'))
    assert.match(tagged, /"Key":"Workload","Value":"engines"/)
    assert.match(text, /"Source":"aws:cloudwatch:alarm"/)
  })
})

describe('The zone experiment', () => {
  // https://docs.aws.amazon.com/fis/latest/userguide/monitoring-logging.html
  it('may deliver its log', () => {
    const text = flat(resources(template('production', 'Drills'), 'AWS::IAM::Policy'))
    for (const action of ['CreateLogDelivery', 'PutResourcePolicy', 'DescribeResourcePolicies']) {
      assert(text.includes(`logs:${action}`), action)
    }
  })
})

describe('A lost region', () => {
  it('finds the database in us-west-2, a second behind', () => {
    template('production', 'Data').hasResourceProperties('AWS::RDS::GlobalCluster', {
      GlobalClusterIdentifier: 'bourse-production-global',
    })
    standby().hasResourceProperties('AWS::RDS::DBCluster', {
      GlobalClusterIdentifier: 'bourse-production-global',
      StorageEncrypted: true,
      BackupRetentionPeriod: 35,
    })
    const copies = resources(standby(), 'AWS::RDS::DBInstance').filter(
      ({ properties }) => properties['DBInstanceClass'] === 'db.r6g.large',
    )
    assert.equal(copies.length, 2)
  })

  it('finds an exchange that follows, with a database of its own: inside the cut, and large enough to serve', () => {
    const [database] = resources(standby(), 'AWS::RDS::DBCluster').filter(
      ({ properties }) => properties['GlobalClusterIdentifier'] === undefined,
    )
    assert(database)
    const { DBClusterIdentifier, ServerlessV2ScalingConfiguration } = database.properties
    assert.equal(DBClusterIdentifier, 'bourse-production-standby-exchange')
    assert.deepEqual(ServerlessV2ScalingConfiguration, { MinCapacity: 2, MaxCapacity: 32 })
    for (const [property, wanted] of [
      ['StorageEncrypted', true],
      ['DeletionProtection', true],
      ['EnableIAMDatabaseAuthentication', true],
      ['BackupRetentionPeriod', 35],
    ] as const)
      assert.equal(database.properties[property], wanted, property)
    const instances = resources(standby(), 'AWS::RDS::DBInstance').filter(
      ({ properties }) => properties['DBInstanceClass'] === 'db.serverless',
    )
    assert.deepEqual(
      instances.map(({ properties }) => properties['PromotionTier']),
      [0, 1],
    )
  })

  it('rotates the passwords of what will serve, and points the charts there', () => {
    standby().hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'bourse/production/standby-exchange',
      ReplicaRegions: Match.absent(),
    })
    const schedules = resources(standby(), 'AWS::SecretsManager::RotationSchedule')
    assert.equal(schedules.length, 2)
    for (const { properties } of schedules) assert.match(flat(properties['RotationRules']), /rate\(30 days\)/)
    for (const [fact, endpoint] of [
      ['database-host', 'Endpoint'],
      ['database-reader-host', 'ReadEndpoint'],
    ] as const) {
      const parameter = resources(template('production', 'StandbyAddons'), 'AWS::SSM::Parameter').find(
        ({ properties }) => properties['Name'] === `/bourse/production/${fact}`,
      )
      assert.match(
        flat(parameter?.properties['Value']),
        new RegExp(`ImportValue.*StandbyExchangeCluster.*${endpoint}Address`),
      )
    }
  })

  it('hears of what would keep it from serving, in its own region, and grows its log', () => {
    const failover = template('production', 'StandbyFailover')
    const alarms = resources(failover, 'AWS::CloudWatch::Alarm')
    const named = (name: string) =>
      alarms.find(({ properties }) => properties['AlarmName'] === `bourse-production-${name}`)
    assert.match(flat(named('AuroraCpu')), /bourse-production-standby-exchange/)
    for (const name of ['RedisMemory', 'OfflinePartitions', 'UnderMinIsr-1', 'KafkaDisk-3'])
      assert(named(name), name)
    for (const { properties } of alarms) assert.match(flat(properties['AlarmActions']), /AlarmsTopic/)
    standby().hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      ScalableDimension: 'kafka:broker-storage:VolumeSize',
    })
  })

  it('finds the inputs under the alias of where they come from, with their own times and nobody’s offsets', () => {
    const [replicator] = resources(standby(), 'AWS::MSK::Replicator')
    const text = flat(replicator)
    assert.match(text, /"TopicsToReplicate":\["risk\\\\.in","orders\\\\.in"\]/)
    assert.match(text, /"TopicNameConfiguration":\{"Type":"PREFIXED_WITH_SOURCE_CLUSTER_ALIAS"\}/)
    assert.match(text, /"CopyTopicConfigurations":false/)
    assert.match(text, /"ConsumerGroupsToReplicate":\[\]/)
    assert.match(text, /"SynchroniseConsumerGroupOffsets":false/)
    assert.match(text, /"StartingPosition":\{"Type":"EARLIEST"\}/)
  })

  it('reaches the source in its own region and the copy through a group that lets it in', () => {
    const [replicator] = resources(standby(), 'AWS::MSK::Replicator')
    const [source, target] = replicator!.properties['KafkaClusters'] as readonly {
      VpcConfig: { SubnetIds: unknown; SecurityGroupIds?: unknown }
    }[]
    // What comes from another region is read out of it; what is imported is of this one.
    assert.match(flat(source!.VpcConfig.SubnetIds), /ExportsReader.*dataSubnet1.*dataSubnet3/)
    assert.equal(source!.VpcConfig.SecurityGroupIds, undefined)
    assert.match(flat(target!.VpcConfig.SubnetIds), /ImportValue.*dataSubnet1.*dataSubnet3/)
    assert.match(flat(target!.VpcConfig.SecurityGroupIds), /SecurityGroupskafka/)
  })

  it('finds a cluster, an entry and a firewall that wait', () => {
    for (const [stack, type] of [
      ['StandbyCluster', 'AWS::EKS::Cluster'],
      ['StandbyEdge', 'AWS::ElasticLoadBalancingV2::LoadBalancer'],
      ['StandbyEdge', 'AWS::WAFv2::WebACL'],
    ] as const) {
      template('production', stack).resourceCountIs(type, 1)
    }
  })

  it('finds its images, its credentials and its sessions', () => {
    template('production', 'Storage').hasResourceProperties('AWS::ECR::ReplicationConfiguration', {
      ReplicationConfiguration: {
        Rules: [Match.objectLike({ Destinations: [{ Region: 'us-west-2', RegistryId: '666666666666' }] })],
      },
    })
    const registry = { Name: '/bourse/production/image-repository' }
    template('production', 'StandbyAddons').hasResourceProperties('AWS::SSM::Parameter', {
      ...registry,
      Value: '666666666666.dkr.ecr.us-west-2.amazonaws.com/bourse',
    })
    template('production', 'Data').hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'bourse/production/aurora',
      ReplicaRegions: [Match.objectLike({ Region: 'us-west-2' })],
    })
    template('production', 'StandbyAddons').hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/bourse/production/sessions-table',
      Value: 'bourse-production-sessions',
    })
  })

  it('has the same network there', () => {
    template('production', 'StandbyNetwork').hasResourceProperties('AWS::EC2::VPC', {
      CidrBlock: '10.0.0.0/16',
    })
    template('production', 'StandbyNetwork').hasResourceProperties('AWS::EC2::Subnet', {
      AvailabilityZone: 'us-west-2c',
      CidrBlock: '10.0.22.0/24',
    })
  })

  it('keeps the copy of the lost database as evidence, by a machine that says so within fifteen minutes, or that it could not', () => {
    const [machine] = resources(template('production', 'StandbyFailover'), 'AWS::StepFunctions::StateMachine')
    const definition = flat(machine!.properties['DefinitionString']).replaceAll('\\', '')
    assert.match(definition, /rds:failoverGlobalCluster/)
    assert.match(definition, /"TimeoutSeconds":900/)
    assert.match(definition, /"AllowDataLoss":true/)
  })
})
