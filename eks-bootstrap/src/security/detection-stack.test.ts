import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { ManagedRuleIdentifiers } from 'aws-cdk-lib/aws-config'
import { flat, resources } from '../testing/resources.ts'
import { template, templates } from '../testing/templates.ts'

describe('Keys', () => {
  for (const stack of ['Keys', 'StandbyKeys']) {
    it(`rotate, and wait thirty days before they go (${stack})`, () => {
      const keys = resources(template('production', stack), 'AWS::KMS::Key')
      assert.equal(keys.length, 5)
      for (const { properties } of keys) {
        assert.equal(properties['EnableKeyRotation'], true)
        assert.equal(properties['PendingWindowInDays'], 30)
      }
    })
  }

  it('trust services of this account alone', () => {
    for (const { properties } of resources(template('production', 'Keys'), 'AWS::KMS::Key')) {
      const { Statement } = properties['KeyPolicy'] as {
        Statement: { Principal: { Service?: unknown }; Condition?: unknown }[]
      }
      for (const { Principal, Condition } of Statement) {
        if (Principal.Service !== undefined) assert(Condition !== undefined, flat(Principal))
      }
    }
  })
})

describe('Detection', () => {
  const detection = () => template('production', 'Detection')

  it('records every call of every region: 90 days to ask, seven years to prove', () => {
    detection().hasResourceProperties('AWS::CloudTrail::Trail', {
      IsMultiRegionTrail: true,
      IncludeGlobalServiceEvents: true,
      EnableLogFileValidation: true,
      KMSKeyId: Match.anyValue(),
    })
    detection().hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/bourse/production/cloudtrail',
      RetentionInDays: 90,
    })
    detection().hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'bourse-production-history-666666666666-us-east-1',
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 2557 } } },
    })
  })

  it('looks for threats in logs, images, the cluster and running pods, in both regions', () => {
    for (const stack of ['Detection', 'StandbyDetection']) {
      const [detector] = resources(template('production', stack), 'AWS::GuardDuty::Detector')
      const features = detector!.properties['Features'] as readonly Feature[]
      const enabled = features.flatMap(({ AdditionalConfiguration = [], ...feature }) => [
        feature,
        ...AdditionalConfiguration,
      ])
      for (const name of ['EKS_AUDIT_LOGS', 'RUNTIME_MONITORING', 'EKS_ADDON_MANAGEMENT', 'S3_DATA_EVENTS']) {
        assert.equal(enabled.find(({ Name }) => Name === name)?.Status, 'ENABLED', `${stack} ${name}`)
      }
      assert.equal(detector!.properties['Enable'], true)
      template('production', stack).resourceCountIs('AWS::SecurityHub::Hub', 1)
      template('production', stack).resourceCountIs('AWS::AccessAnalyzer::Analyzer', 1)
    }
  })

  it('holds everything to the four tags, encryption, rotation and no public access', () => {
    const rules = resources(detection(), 'AWS::Config::ConfigRule').map(({ properties }) => flat(properties))
    const required = rules.find((rule) => rule.includes('REQUIRED_TAGS')) ?? ''
    for (const tag of ['Environment', 'Project', 'CostCenter', 'DataClassification']) {
      assert.match(required, new RegExp(tag))
    }
    for (const rule of [
      'SECRETSMANAGER_SECRET_PERIODIC_ROTATION',
      'S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED',
      'RDS_INSTANCE_PUBLIC_ACCESS_CHECK',
      'EKS_ENDPOINT_NO_PUBLIC_ACCESS',
      'ROOT_ACCOUNT_HARDWARE_MFA_ENABLED',
      'IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS',
    ]) {
      assert(
        rules.some((text) => text.includes(rule)),
        rule,
      )
    }
  })

  it('names only rules that Config has', () => {
    const known: readonly string[] = Object.values(ManagedRuleIdentifiers)
    for (const { properties } of resources(detection(), 'AWS::Config::ConfigRule')) {
      const { SourceIdentifier } = properties['Source'] as { SourceIdentifier: string }
      assert(known.includes(SourceIdentifier), SourceIdentifier)
    }
  })

  // https://docs.aws.amazon.com/config/latest/developerguide/manage-delivery-channel.html
  it("keeps Config's history in a bucket without a lock, for Config refuses one with", () => {
    for (const stack of ['Detection', 'StandbyDetection']) {
      const made = template('production', stack)
      const [channel] = resources(made, 'AWS::Config::DeliveryChannel')
      const { Ref } = channel!.properties['S3BucketName'] as { Ref: string }
      const bucket = resources(made, 'AWS::S3::Bucket').find(({ logicalId }) => logicalId === Ref)
      assert(bucket, stack)
      assert.equal(bucket.properties['ObjectLockEnabled'], undefined, stack)
    }
  })

  it('repairs what can be repaired', () => {
    const repairs = resources(detection(), 'AWS::Config::RemediationConfiguration')
    assert.equal(repairs.length, 2)
    for (const { properties } of repairs) assert.equal(properties['Automatic'], true)
  })
})

type Feature = {
  readonly Name: string
  readonly Status: string
  readonly AdditionalConfiguration?: readonly { readonly Name: string; readonly Status: string }[]
}

describe('Every stack', () => {
  const OPEN = /0\.0\.0\.0\/0/

  for (const stage of ['dev', 'staging', 'production', 'organization'] as const) {
    it(`bears the four tags on everything that can (${stage})`, () => {
      for (const [id, made] of templates(stage)) {
        for (const { logicalId, type, properties } of resources(made)) {
          if (!TAGGED.includes(type)) continue
          // CDK writes the handlers of its own custom resources without tags.
          if (/^Custom(CrossRegionExport|VpcRestrictDefaultSG|S3AutoDeleteObjects)/.test(logicalId)) continue
          const { Tags, TagSpecifications, FileSystemTags, UserPoolTags } = properties
          const tags = flat([Tags, TagSpecifications, FileSystemTags, UserPoolTags])
          for (const tag of ['Environment', 'Project', 'CostCenter', 'DataClassification']) {
            assert(tags.includes(tag), `${id}/${logicalId} has no ${tag}`)
          }
        }
      }
    })

    it(`encrypts whatever it stores (${stage})`, () => {
      for (const [id, made] of templates(stage)) {
        for (const { logicalId, type, properties } of resources(made)) {
          const key = ENCRYPTED[type]
          if (key !== undefined) assert(flat(properties).includes(key), `${id}/${logicalId} lacks ${key}`)
        }
      }
    })

    it(`shows no store to the world (${stage})`, () => {
      for (const [id, made] of templates(stage)) {
        for (const { logicalId, type, properties } of resources(made)) {
          const text = flat(properties)
          if (type === 'AWS::S3::Bucket') {
            for (const lock of [
              'BlockPublicAcls',
              'BlockPublicPolicy',
              'IgnorePublicAcls',
              'RestrictPublicBuckets',
            ]) {
              assert(text.includes(`"${lock}":true`), `${id}/${logicalId} lacks ${lock}`)
            }
          }
          if (type === 'AWS::RDS::DBInstance')
            assert.match(text, /"PubliclyAccessible":false/, `${id}/${logicalId}`)
          const ingress =
            type === 'AWS::EC2::SecurityGroup' ? flat(properties['SecurityGroupIngress'] ?? '') : ''
          if (OPEN.test(ingress)) {
            assert.match(String(properties['GroupName']), /loadbalancer$/, `${id}/${logicalId} is open`)
            assert(ingress.includes('"FromPort":443') && ingress.includes('"ToPort":443'))
          }
        }
      }
    })

    it(`takes no call without TLS into a bucket, a topic or a queue (${stage})`, () => {
      for (const [id, made] of templates(stage)) {
        for (const [store, policy] of SECURE_TRANSPORT) {
          const policies = resources(made, policy).map(({ properties }) => flat(properties))
          const secured = policies.filter((text) => text.includes('"aws:SecureTransport":"false"'))
          assert(secured.length >= resources(made, store).length, `${id}: ${store}`)
        }
      }
    })

    it(`keeps every log group encrypted and finite (${stage})`, () => {
      for (const [id, made] of templates(stage)) {
        for (const { logicalId, properties } of resources(made, 'AWS::Logs::LogGroup')) {
          assert(properties['KmsKeyId'], `${id}/${logicalId}`)
          assert(properties['RetentionInDays'], `${id}/${logicalId}`)
        }
      }
    })
  }
})

const TAGGED: readonly string[] = [
  'AWS::EC2::VPC',
  'AWS::EC2::Subnet',
  'AWS::EC2::NatGateway',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::LaunchTemplate',
  'AWS::EKS::Cluster',
  'AWS::EKS::Nodegroup',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::MSK::Cluster',
  'AWS::S3::Bucket',
  'AWS::EFS::FileSystem',
  'AWS::ECR::Repository',
  'AWS::KMS::Key',
  'AWS::SecretsManager::Secret',
  'AWS::IAM::Role',
  'AWS::Lambda::Function',
  'AWS::Logs::LogGroup',
  'AWS::SNS::Topic',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::CloudFront::Distribution',
  'AWS::Cognito::UserPool',
  'AWS::StepFunctions::StateMachine',
]

const ENCRYPTED: Readonly<Record<string, string>> = {
  'AWS::S3::Bucket': 'ServerSideEncryptionByDefault',
  'AWS::RDS::DBCluster': '"StorageEncrypted":true',
  'AWS::ElastiCache::ReplicationGroup': '"AtRestEncryptionEnabled":true',
  'AWS::MSK::Cluster': 'DataVolumeKMSKeyId',
  'AWS::DynamoDB::GlobalTable': '"SSEEnabled":true',
  'AWS::EFS::FileSystem': '"Encrypted":true',
  'AWS::ECR::Repository': '"EncryptionType":"KMS"',
  'AWS::SNS::Topic': 'KmsMasterKeyId',
  'AWS::SecretsManager::Secret': 'KmsKeyId',
  'AWS::Backup::BackupVault': 'EncryptionKeyArn',
  'AWS::EKS::Cluster': 'EncryptionConfig',
  'AWS::CloudTrail::Trail': 'KMSKeyId',
}

const SECURE_TRANSPORT = [
  ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy'],
  ['AWS::SNS::Topic', 'AWS::SNS::TopicPolicy'],
  ['AWS::SQS::Queue', 'AWS::SQS::QueuePolicy'],
] as const
