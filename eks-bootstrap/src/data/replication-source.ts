import { CustomResource, Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs'
import * as logs from 'aws-cdk-lib/aws-logs'
import type * as msk from 'aws-cdk-lib/aws-msk'
import { CfnClusterPolicy } from 'aws-cdk-lib/aws-msk'
import * as resources from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'
import { fileURLToPath } from 'node:url'
import { type Environment } from '../environment.ts'

/** The longest that CloudFormation waits; the brokers' restart takes half of it. */
const WAIT_MAX = Duration.hours(1)
const LOOK_EVERY = Duration.seconds(30)

type ReplicationSourceProps = {
  readonly cluster: msk.CfnCluster
  readonly environment: Environment
  readonly logsKey: kms.IKey
}

/**
 * Lets a replicator of another region read the log: private connectivity, which MSK takes only on a cluster that
 * exists, and the policy that admits the replicator.
 */
export class ReplicationSource extends Construct {
  constructor(scope: Construct, id: string, props: ReplicationSourceProps) {
    super(scope, id)
    const clusterArn = props.cluster.attrArn
    const { onEventHandler, isCompleteHandler, logGroup } = this.#handlers(props)
    const provider = new resources.Provider(this, 'Provider', {
      onEventHandler,
      isCompleteHandler,
      logGroup,
      queryInterval: LOOK_EVERY,
      totalTimeout: WAIT_MAX,
      disableWaiterStateMachineLogging: true,
    })
    const connectivity = new CustomResource(this, 'PrivateConnectivity', {
      resourceType: 'Custom::MskPrivateConnectivity',
      serviceToken: provider.serviceToken,
      properties: { ClusterArn: clusterArn },
    })
    new CfnClusterPolicy(this, 'Policy', {
      clusterArn,
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'kafka.amazonaws.com' },
            Action: ['kafka:CreateVpcConnection', 'kafka:GetBootstrapBrokers', 'kafka:DescribeClusterV2'],
            Resource: clusterArn,
          },
        ],
      },
    }).node.addDependency(connectivity)
  }

  #handlers({ cluster, environment, logsKey }: ReplicationSourceProps) {
    const logGroup = new logs.LogGroup(this, 'HandlerLog', {
      logGroupName: `/bourse/${environment.name}/private-connectivity`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const handler = (name: 'onEvent' | 'isComplete') =>
      new NodejsFunction(this, name, {
        handler: name,
        logGroup,
        runtime: lambda.Runtime.NODEJS_24_X,
        architecture: lambda.Architecture.ARM_64,
        entry: fileURLToPath(new URL('connect-replication-source.ts', import.meta.url)),
        depsLockFilePath: fileURLToPath(new URL('../../../package-lock.json', import.meta.url)),
        projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
        timeout: Duration.minutes(1),
      })
    const isCompleteHandler = handler('isComplete')
    isCompleteHandler.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['kafka:DescribeClusterV2', 'kafka:UpdateConnectivity'],
        resources: [cluster.attrArn],
      }),
    )
    // MSK looks at the brokers' subnets in the name of whoever asks.
    isCompleteHandler.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['ec2:DescribeRouteTables', 'ec2:DescribeSubnets', 'ec2:DescribeVpcs'],
        resources: ['*'],
      }),
    )
    return { onEventHandler: handler('onEvent'), isCompleteHandler, logGroup }
  }
}
