import { RemovalPolicy } from 'aws-cdk-lib'
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'

type LogArchiveProps = {
  readonly environment: Environment
  readonly archive: s3.IBucket
  readonly logsKey: kms.IKey
}

/**
 * The services' logs: JSON lines, encrypted, masked, kept for questions in CloudWatch and for good in the archive.
 * The group is made before the agent would make it without a key or an end.
 */
export class LogArchive extends Construct {
  readonly group: logs.LogGroup

  constructor(scope: Construct, id: string, { environment, archive, logsKey }: LogArchiveProps) {
    super(scope, id)
    this.group = new logs.LogGroup(this, 'Application', {
      logGroupName: `/aws/containerinsights/bourse-${environment.name}-exchange/application`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      dataProtectionPolicy: new logs.DataProtectionPolicy({
        name: 'mask-personal-data',
        description: 'What a service logged by mistake is masked for every reader',
        identifiers: [
          logs.DataIdentifier.EMAILADDRESS,
          logs.DataIdentifier.CREDITCARDNUMBER,
          logs.DataIdentifier.AWSSECRETKEY,
        ],
      }),
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const stream = this.#stream(environment.name, archive, logsKey)
    const role = new iam.Role(this, 'SubscriptionRole', {
      assumedBy: new iam.ServicePrincipal('logs.amazonaws.com'),
    })
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['firehose:PutRecord', 'firehose:PutRecordBatch'],
        resources: [stream.attrArn],
      }),
    )
    const subscription = new logs.CfnSubscriptionFilter(this, 'ToArchive', {
      logGroupName: this.group.logGroupName,
      destinationArn: stream.attrArn,
      roleArn: role.roleArn,
      filterPattern: '',
    })
    subscription.node.addDependency(role)
  }

  #stream(name: string, archive: s3.IBucket, logsKey: kms.IKey): firehose.CfnDeliveryStream {
    const role = new iam.Role(this, 'DeliveryRole', {
      assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com'),
    })
    archive.grantPut(role, 'logs/*')
    logsKey.grantEncryptDecrypt(role)
    const stream = new firehose.CfnDeliveryStream(this, 'Delivery', {
      deliveryStreamName: `bourse-${name}-logs`,
      deliveryStreamType: 'DirectPut',
      deliveryStreamEncryptionConfigurationInput: { keyType: 'CUSTOMER_MANAGED_CMK', keyArn: logsKey.keyArn },
      extendedS3DestinationConfiguration: {
        bucketArn: archive.bucketArn,
        roleArn: role.roleArn,
        prefix: 'logs/!{timestamp:yyyy/MM/dd}/',
        errorOutputPrefix: 'logs-failed/!{firehose:error-output-type}/',
        bufferingHints: { intervalInSeconds: 300, sizeInMBs: 64 },
        compressionFormat: 'UNCOMPRESSED',
      },
    })
    stream.node.addDependency(role)
    return stream
  }
}
