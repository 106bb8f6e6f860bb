import * as iam from 'aws-cdk-lib/aws-iam'
import * as resources from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'

const FIELD = 'BootstrapBrokerStringSaslIam'

/** Asks MSK for its brokers' addresses: CloudFormation does not tell them. */
export class BrokerAddresses extends Construct {
  /** `host:9098` of every broker, separated by commas. */
  readonly addresses: string

  constructor(scope: Construct, id: string, { clusterArn }: { readonly clusterArn: string }) {
    super(scope, id)
    const ask: resources.AwsSdkCall = {
      service: 'Kafka',
      action: 'getBootstrapBrokers',
      parameters: { ClusterArn: clusterArn },
      outputPaths: [FIELD],
      physicalResourceId: resources.PhysicalResourceId.of(`${id}-addresses`),
    }
    const asked = new resources.AwsCustomResource(this, 'Ask', {
      onCreate: ask,
      onUpdate: ask,
      installLatestAwsSdk: false,
      policy: resources.AwsCustomResourcePolicy.fromStatements([
        new iam.PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [clusterArn] }),
      ]),
    })
    this.addresses = asked.getResponseField(FIELD)
  }
}
