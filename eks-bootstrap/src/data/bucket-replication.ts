import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { keyAlias } from '../security/keys-stack.ts'

/** S3 promises this with replication time control, and alarms when it is late. */
const REPLICATION_MINUTES = 15

type BucketReplicationProps = {
  /** By the noun in their names: the standby site has a bucket of each. */
  readonly buckets: Readonly<Record<string, s3.Bucket>>
  readonly sourceKey: kms.IKey
  readonly environment: Environment
}

/** Copies every new object to the recovery region, encrypted there with that region's key. */
export class BucketReplication extends Construct {
  constructor(scope: Construct, id: string, { buckets, sourceKey, environment }: BucketReplicationProps) {
    super(scope, id)
    const { account, recoveryRegion, name } = environment
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('s3.amazonaws.com'),
      description: 'Copies objects to the recovery region',
    })
    sourceKey.grantDecrypt(role)
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['kms:Encrypt', 'kms:GenerateDataKey'],
        resources: [`arn:aws:kms:${recoveryRegion}:${account}:key/*`],
        conditions: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': keyAlias(name, 'data') } },
      }),
    )
    for (const [noun, bucket] of Object.entries(buckets)) {
      const destination = `arn:aws:s3:::bourse-${name}-${noun}-${account}-${recoveryRegion}`
      this.#grant(role, bucket, destination)
      const resource = bucket.node.defaultChild as s3.CfnBucket
      resource.replicationConfiguration = {
        role: role.roleArn,
        rules: [
          replicationRule(destination, `arn:aws:kms:${recoveryRegion}:${account}:${keyAlias(name, 'data')}`),
        ],
      }
    }
  }

  #grant(role: iam.Role, bucket: s3.Bucket, destination: string): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:GetReplicationConfiguration', 's3:ListBucket'],
        resources: [bucket.bucketArn],
      }),
    )
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [
          's3:GetObjectVersionForReplication',
          's3:GetObjectVersionAcl',
          's3:GetObjectVersionTagging',
          's3:GetObjectRetention',
          's3:GetObjectLegalHold',
        ],
        resources: [bucket.arnForObjects('*')],
      }),
    )
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags'],
        resources: [`${destination}/*`],
      }),
    )
  }
}

function replicationRule(destination: string, keyArn: string): s3.CfnBucket.ReplicationRuleProperty {
  const withinMinutes = { minutes: REPLICATION_MINUTES }
  return {
    id: 'everything',
    status: 'Enabled',
    priority: 1,
    filter: { prefix: '' },
    deleteMarkerReplication: { status: 'Disabled' },
    sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
    destination: {
      bucket: destination,
      encryptionConfiguration: { replicaKmsKeyId: keyArn },
      replicationTime: { status: 'Enabled', time: withinMinutes },
      metrics: { status: 'Enabled', eventThreshold: withinMinutes },
    },
  }
}
