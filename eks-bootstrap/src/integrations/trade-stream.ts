import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kinesis from 'aws-cdk-lib/aws-kinesis'
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'

const SHARDS = 2
const RETENTION_DAYS = 7

type TradeStreamProps = {
  readonly environment: Environment
  readonly archive: s3.IBucket
  readonly key: kms.IKey
  readonly logsKey: kms.IKey
}

/**
 * Trades as JSON for consumers who live on Kinesis. The archive service writes them decoded; Firehose turns them into
 * Parquet by the catalogue's table. Frames of the log itself never come here: Firehose could not read them.
 */
export class TradeStream extends Construct {
  constructor(scope: Construct, id: string, { environment, archive, key, logsKey }: TradeStreamProps) {
    super(scope, id)
    const { name, account, primaryRegion: region } = environment
    const stream = new kinesis.Stream(this, 'Trades', {
      streamName: `bourse-${name}-trades`,
      streamMode: kinesis.StreamMode.PROVISIONED,
      shardCount: SHARDS,
      retentionPeriod: Duration.days(RETENTION_DAYS),
      encryption: kinesis.StreamEncryption.KMS,
      encryptionKey: key,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com') })
    stream.grantRead(role)
    archive.grantPut(role, 'stream/*')
    const tables = ['catalog', `database/bourse_${name}`, `table/bourse_${name}/trades`]
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['glue:GetTable', 'glue:GetTableVersion', 'glue:GetTableVersions'],
        resources: tables.map((resource) => `arn:aws:glue:${region}:${account}:${resource}`),
      }),
    )
    const failures = new logs.LogGroup(this, 'Failures', {
      logGroupName: `/bourse/${name}/trade-stream`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const failureStream = failures.addStream('S3')
    failures.grantWrite(role)
    const delivery = new firehose.CfnDeliveryStream(this, 'Delivery', {
      deliveryStreamName: `bourse-${name}-trades`,
      deliveryStreamType: 'KinesisStreamAsSource',
      kinesisStreamSourceConfiguration: { kinesisStreamArn: stream.streamArn, roleArn: role.roleArn },
      extendedS3DestinationConfiguration: {
        bucketArn: archive.bucketArn,
        roleArn: role.roleArn,
        prefix: 'stream/day=!{timestamp:yyyy-MM-dd}/',
        errorOutputPrefix: 'stream-failed/!{firehose:error-output-type}/',
        bufferingHints: { intervalInSeconds: 300, sizeInMBs: 128 },
        cloudWatchLoggingOptions: {
          enabled: true,
          logGroupName: failures.logGroupName,
          logStreamName: failureStream.logStreamName,
        },
        dataFormatConversionConfiguration: {
          enabled: true,
          inputFormatConfiguration: { deserializer: { openXJsonSerDe: {} } },
          outputFormatConfiguration: { serializer: { parquetSerDe: { compression: 'SNAPPY' } } },
          schemaConfiguration: {
            databaseName: `bourse_${name}`,
            tableName: 'trades',
            region,
            roleArn: role.roleArn,
          },
        },
      },
    })
    delivery.node.addDependency(role)
  }
}
