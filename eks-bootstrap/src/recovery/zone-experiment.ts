import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as fis from 'aws-cdk-lib/aws-fis'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import { RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { ENGINE_TAG } from '../cluster/engine-nodes.ts'
import { type Environment } from '../environment.ts'

const DURATION = 'PT10M'

const ROLE_POLICIES = [
  'AWSFaultInjectionSimulatorNetworkAccess',
  'AWSFaultInjectionSimulatorRDSAccess',
  'AWSFaultInjectionSimulatorEC2Access',
] as const

type ZoneExperimentProps = {
  readonly environment: Environment
  readonly zone: string
  /** Stops the experiment when people would already be hurt. */
  readonly stopAlarm: cloudwatch.IAlarm
  readonly logsKey: kms.IKey
}

/** Takes a zone away for ten minutes: its subnets lose their network, its database writer and its cache fail over. */
export class ZoneExperiment extends Construct {
  constructor(scope: Construct, id: string, { environment, zone, stopAlarm, logsKey }: ZoneExperimentProps) {
    super(scope, id)
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/bourse/${environment.name}/zone-experiment`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = this.#role()
    const tags = { Environment: environment.name, Project: environment.project }
    const { account, region } = Stack.of(this)
    new fis.CfnExperimentTemplate(this, 'Template', {
      description: `Loss of ${zone}`,
      roleArn: role.roleArn,
      tags: { Name: `bourse-${environment.name}-loss-of-a-zone`, ...tags },
      stopConditions: [{ source: 'aws:cloudwatch:alarm', value: stopAlarm.alarmArn }],
      logConfiguration: {
        logSchemaVersion: 2,
        cloudWatchLogsConfiguration: { LogGroupArn: logGroup.logGroupArn },
      },
      targets: {
        subnets: {
          resourceType: 'aws:ec2:subnet',
          selectionMode: 'ALL',
          resourceTags: tags,
          filters: [{ path: 'AvailabilityZone', values: [zone] }],
        },
        engines: {
          resourceType: 'aws:ec2:instance',
          selectionMode: 'ALL',
          resourceTags: { Environment: environment.name, ...ENGINE_TAG },
          filters: [
            { path: 'Placement.AvailabilityZone', values: [zone] },
            { path: 'State.Name', values: ['running'] },
          ],
        },
        database: {
          resourceType: 'aws:rds:cluster',
          selectionMode: 'ALL',
          resourceArns: [`arn:aws:rds:${region}:${account}:cluster:bourse-${environment.name}`],
        },
      },
      actions: {
        network: {
          actionId: 'aws:network:disrupt-connectivity',
          parameters: { duration: DURATION, scope: 'all' },
          targets: { Subnets: 'subnets' },
        },
        nodes: {
          actionId: 'aws:ec2:stop-instances',
          parameters: { startInstancesAfterDuration: DURATION },
          targets: { Instances: 'engines' },
        },
        database: {
          actionId: 'aws:rds:failover-db-cluster',
          parameters: {},
          targets: { Clusters: 'database' },
        },
      },
    })
  }

  #role(): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('fis.amazonaws.com'),
      managedPolicies: ROLE_POLICIES.map((name) =>
        iam.ManagedPolicy.fromAwsManagedPolicyName(`service-role/${name}`),
      ),
    })
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [
          'CreateLogDelivery',
          'PutResourcePolicy',
          'DescribeResourcePolicies',
          'DescribeLogGroups',
        ].map((action) => `logs:${action}`),
        resources: ['*'],
      }),
    )
    return role
  }
}
