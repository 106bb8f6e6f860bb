import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { installTools, runTool, writeTemplates } from './python-tools.ts'

const MINUTES = 60_000

/** cfn-lint's warnings that are meant. */
const LINT_ACCEPTED = {
  W3005: 'CDK names dependencies that a reference implies already.',
  W3010: 'Zones are configuration: synthesis must ask nobody, and subnets must not move.',
  W3045: 'CloudFront delivers its logs by access control list.',
}

/** Checkov's findings that are meant. */
const CHECKOV_ACCEPTED = {
  CKV_AWS_18: 'A bucket that receives access logs would log itself.',
  CKV_AWS_115: "CDK's own handlers run only while a stack deploys.",
  CKV_AWS_116: 'Handlers and rotations are called by services that report the failure themselves.',
  CKV_AWS_117: 'They call AWS alone; only the kubectl handler needs the VPC, and stands in it.',
  CKV_AWS_173: "Variables of CDK's own handlers name no secret.",
  CKV_AWS_317:
    'Audit logs of OpenSearch need its own user database; access is by IAM, which CloudTrail records.',
  CKV_AWS_364: 'Secrets Manager calls the rotation; CDK writes its permission.',
}

describe('Templates under the tools', function () {
  this.timeout(8 * MINUTES)
  let folder = ''

  before(() => {
    installTools()
    folder = writeTemplates()
  })

  it('pass cfn-lint', () => {
    const ignored = Object.keys(LINT_ACCEPTED)
    const { stdout, stderr } = runTool(
      'cfn-lint',
      '-f',
      'parseable',
      '-t',
      `${folder}/*.json`,
      '-i',
      ...ignored,
    )
    assert.equal(stdout + stderr, '')
  })

  it('pass checkov', () => {
    const skipped = Object.keys(CHECKOV_ACCEPTED).join(',')
    const { stdout } = runTool(
      'checkov',
      ...['--directory', folder, '--framework', 'cloudformation', '--skip-check', skipped],
      ...['--output', 'json', '--quiet', '--compact', '--skip-download'],
    )
    const { summary, results } = JSON.parse(stdout) as CheckovReport
    const failed = results.failed_checks.map(
      ({ check_id, file_path, resource }) => `${check_id} ${file_path} ${resource}`,
    )
    assert.deepEqual(failed, [])
    assert(summary.passed > 1000, `only ${summary.passed} checks ran`)
    assert.equal(summary.parsing_errors, 0)
  })

  it('deploy to a local emulator as far as it goes', () => {
    copyFileSync(join(folder, 'complete-Integrations.json'), join(folder, 'production-Integrations.json'))
    const { stdout, stderr } = runTool('python', 'checks/deploy.py', folder, ...EMULATED)
    const line = stdout.trim().split('\n').at(-1) ?? ''
    assert(line.startsWith('{'), stderr.slice(-2000))
    const { deployed, left, seen } = JSON.parse(line) as Deployment
    for (const [type, count] of Object.entries(DEPLOYED_MIN))
      assert((deployed[type] ?? 0) >= count, `${type}: ${deployed[type]}`)
    assert.deepEqual(Object.keys(left).sort(), [...NOT_EMULATED].sort())
    assert.equal(seen.vpc, '10.0.0.0/16')
    assert.deepEqual(seen.subnets, SUBNETS)
    assert.equal(seen.nat_gateways, 3)
    // Three public tables and six private ones; the data tier's three have none.
    assert.equal(seen.default_routes, 9)
    assert.equal(seen.endpoints, 12)
    assert.deepEqual(seen.open_ports, [443])
    assert.equal(seen.keys, 5)
    assert.deepEqual(seen.keys_without_rotation, [])
    assert(seen.buckets.includes('bourse-production-audit-666666666666-us-east-1'))
    assert(seen.facts.includes('archive-bucket'))
    assert.deepEqual(seen.records, ['origin.bourse.example PRIMARY', 'us-east-1.bourse.example -'])
    assert.equal(seen.order_queue.FifoQueue, 'true')
    assert.equal(JSON.parse(seen.order_queue.RedrivePolicy).maxReceiveCount, 5)
  })
})

type CheckovReport = {
  readonly summary: { readonly passed: number; readonly parsing_errors: number }
  readonly results: {
    readonly failed_checks: readonly { check_id: string; file_path: string; resource: string }[]
  }
}

type Deployment = {
  readonly deployed: Readonly<Record<string, number>>
  readonly left: Readonly<Record<string, number>>
  readonly seen: {
    readonly vpc: string
    readonly subnets: readonly string[]
    readonly nat_gateways: number
    readonly default_routes: number
    readonly endpoints: number
    readonly open_ports: readonly number[]
    readonly buckets: readonly string[]
    readonly keys: number
    readonly keys_without_rotation: readonly string[]
    readonly facts: readonly string[]
    readonly records: readonly string[]
    readonly order_queue: { readonly FifoQueue: string; readonly RedrivePolicy: string }
  }
}

const EMULATED = [
  'Keys',
  'Network',
  'Storage',
  'Edge',
  'Addons',
  'Data',
  'Observability',
  'Backup',
  'Detection',
  'Integrations',
]

const SUBNETS = [
  'us-east-1a 10.0.1.0/24',
  'us-east-1a 10.0.10.0/24',
  'us-east-1a 10.0.20.0/24',
  'us-east-1a 10.0.64.0/18',
  'us-east-1b 10.0.11.0/24',
  'us-east-1b 10.0.128.0/18',
  'us-east-1b 10.0.2.0/24',
  'us-east-1b 10.0.21.0/24',
  'us-east-1c 10.0.12.0/24',
  'us-east-1c 10.0.192.0/18',
  'us-east-1c 10.0.22.0/24',
  'us-east-1c 10.0.3.0/24',
]

const DEPLOYED_MIN: Readonly<Record<string, number>> = {
  'AWS::EC2::Subnet': 12,
  'AWS::EC2::SecurityGroup': 9,
  'AWS::IAM::Role': 25,
  'AWS::KMS::Key': 5,
  'AWS::S3::Bucket': 7,
  'AWS::SQS::Queue': 2,
  'AWS::SSM::Parameter': 7,
  'AWS::Route53::RecordSet': 2,
}

/** Types of which the emulator makes some or none; the README lists them. A change here is a change there. */
const NOT_EMULATED = [
  'AWS::AccessAnalyzer::Analyzer',
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::ApplicationAutoScaling::ScalingPolicy',
  'AWS::Athena::WorkGroup',
  'AWS::Backup::BackupPlan',
  'AWS::Backup::BackupSelection',
  'AWS::Backup::BackupVault',
  'AWS::Backup::RestoreTestingPlan',
  'AWS::Backup::RestoreTestingSelection',
  'AWS::CertificateManager::Certificate',
  'AWS::CloudFront::CachePolicy',
  'AWS::CloudFront::Distribution',
  'AWS::CloudFront::Function',
  'AWS::CloudTrail::Trail',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Config::ConfigRule',
  'AWS::Config::ConfigurationRecorder',
  'AWS::Config::DeliveryChannel',
  'AWS::Config::RemediationConfiguration',
  'AWS::DAX::Cluster',
  'AWS::DAX::SubnetGroup',
  'AWS::DynamoDB::GlobalTable',
  'AWS::EC2::NetworkAcl',
  'AWS::EC2::NetworkAclEntry',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SubnetNetworkAclAssociation',
  'AWS::ECR::ReplicationConfiguration',
  'AWS::EFS::FileSystem',
  'AWS::EFS::MountTarget',
  'AWS::EKS::Addon',
  'AWS::EKS::PodIdentityAssociation',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::ElastiCache::SubnetGroup',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::ListenerRule',
  'AWS::EventSchemas::Discoverer',
  'AWS::EventSchemas::Registry',
  'AWS::Events::Archive',
  'AWS::Glue::DataCatalogEncryptionSettings',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::GuardDuty::Detector',
  'AWS::IAM::Policy',
  'AWS::KinesisFirehose::DeliveryStream',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogStream',
  'AWS::Logs::SubscriptionFilter',
  'AWS::MSK::Cluster',
  'AWS::MSK::ClusterPolicy',
  'AWS::MSK::Configuration',
  'AWS::OpenSearchService::Domain',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBClusterParameterGroup',
  'AWS::RDS::DBInstance',
  'AWS::RDS::DBProxy',
  'AWS::RDS::DBProxyTargetGroup',
  'AWS::RDS::GlobalCluster',
  'AWS::RedshiftServerless::Namespace',
  'AWS::RedshiftServerless::Workgroup',
  'AWS::Route53::RecordSet',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::SSM::Parameter',
  'AWS::Scheduler::Schedule',
  'AWS::SecretsManager::ResourcePolicy',
  'AWS::SecretsManager::RotationSchedule',
  'AWS::SecretsManager::Secret',
  'AWS::SecretsManager::SecretTargetAttachment',
  'AWS::SecurityHub::Hub',
  'AWS::StepFunctions::StateMachine',
  'AWS::WAFv2::LoggingConfiguration',
  'AWS::WAFv2::WebACL',
  'AWS::WAFv2::WebACLAssociation',
  'AWS::XRay::Group',
  'AWS::XRay::SamplingRule',
  'Custom::AWS',
  'Custom::AWSCDK-EKS-HelmChart',
  'Custom::AWSCDK-EKS-KubernetesResource',
  'Custom::CrossRegionExportWriter',
  'Custom::MskPrivateConnectivity',
  'Custom::OpenSearchAccessPolicy',
  'Custom::S3AutoDeleteObjects',
  'Custom::VpcRestrictDefaultSG',
]
