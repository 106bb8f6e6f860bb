import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { resources } from '../testing/resources.ts'
import { everyFeature, pick, templates } from '../testing/templates.ts'

const integrations = () => pick(everyFeature(), 'Integrations')

describe('Integrations', () => {
  it('are absent where no flag asks for them', () => {
    for (const name of ['dev', 'staging', 'production'] as const) assert(!templates(name).has('Integrations'))
  })

  it('accelerate sessions with DAX, encrypted on disk and on the wire, in three zones', () => {
    integrations().hasResourceProperties('AWS::DAX::Cluster', {
      ReplicationFactor: 3,
      SSESpecification: { SSEEnabled: true },
      ClusterEndpointEncryptionType: 'TLS',
    })
  })

  it('analyse in Redshift, in the data tier, over TLS', () => {
    integrations().hasResourceProperties('AWS::RedshiftServerless::Workgroup', {
      PubliclyAccessible: false,
      // The data tier has no way to the catalogue; Redshift's own network has.
      EnhancedVpcRouting: false,
      ConfigParameters: [{ ParameterKey: 'require_ssl', ParameterValue: 'true' }],
    })
  })

  it('search in OpenSearch, in three zones, encrypted', () => {
    integrations().hasResourceProperties('AWS::OpenSearchService::Domain', {
      ClusterConfig: Match.objectLike({ ZoneAwarenessConfig: { AvailabilityZoneCount: 3 } }),
      EncryptionAtRestOptions: Match.objectLike({ Enabled: true }),
      NodeToNodeEncryptionOptions: { Enabled: true },
      DomainEndpointOptions: Match.objectLike({ EnforceHTTPS: true }),
    })
  })

  it('publish events on a bus whose schemas are discovered', () => {
    // EventBridge discovers no schemas on a bus with a key of ours.
    integrations().hasResourceProperties('AWS::Events::EventBus', {
      Name: 'bourse-production-events',
      KmsKeyIdentifier: Match.absent(),
    })
    integrations().resourceCountIs('AWS::EventSchemas::Registry', 1)
    integrations().resourceCountIs('AWS::EventSchemas::Discoverer', 1)
    integrations().hasResourceProperties('AWS::Events::Archive', { RetentionDays: 30 })
  })

  it('take orders from a FIFO queue, and put aside what fails five times', () => {
    integrations().hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'bourse-production-orders.fifo',
      FifoQueue: true,
      KmsMasterKeyId: Match.anyValue(),
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    })
  })

  it('stream trades over two shards into Parquet', () => {
    integrations().hasResourceProperties('AWS::Kinesis::Stream', { ShardCount: 2 })
    integrations().hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
      ExtendedS3DestinationConfiguration: Match.objectLike({
        DataFormatConversionConfiguration: Match.objectLike({ Enabled: true }),
      }),
    })
  })

  it('are reached by pods on one port each, and reach nothing', () => {
    const groups = resources(integrations(), 'AWS::EC2::SecurityGroup')
    assert.equal(groups.length, 3)
    for (const { properties } of groups) {
      const [egress] = properties['SecurityGroupEgress'] as { CidrIp: string }[]
      assert.equal(egress?.CidrIp, '255.255.255.255/32')
    }
  })
})
