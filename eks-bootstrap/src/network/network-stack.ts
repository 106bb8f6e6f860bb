import { RemovalPolicy } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import { type Construct } from 'constructs'
import { BourseStack, type SiteProps } from '../stack.ts'
import { NetworkAcls } from './network-acls.ts'
import { SecurityGroups } from './security-groups.ts'
import { plannedAddresses, subnetConfiguration } from './subnet-plan.ts'

type NetworkStackProps = SiteProps & { readonly logsKey: kms.IKey }

/** The VPC of one site: four tiers in three zones, its endpoints, its rules and its flow logs. */
export class NetworkStack extends BourseStack {
  readonly vpc: ec2.Vpc
  readonly securityGroups: SecurityGroups['fixed']

  constructor(scope: Construct, props: NetworkStackProps) {
    super(scope, 'Network', {
      ...props,
      description: 'VPC, subnets, endpoints, security groups and flow logs',
      dataClassification: 'internal',
    })
    const { network } = this.config
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      vpcName: this.localName('vpc'),
      ipAddresses: plannedAddresses(network),
      availabilityZones: [...this.facts.zones],
      subnetConfiguration: subnetConfiguration(network),
      natGateways: network.natGateways,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      restrictDefaultSecurityGroup: true,
    })
    this.securityGroups = new SecurityGroups(this, 'SecurityGroups', {
      vpc: this.vpc,
      facts: this.facts,
      environment: this.config,
    }).fixed
    new NetworkAcls(this, 'NetworkAcls', { vpc: this.vpc, network })
    this.#flowLogs(props.logsKey)
    this.#gatewayEndpoints()
    this.#interfaceEndpoints()
  }

  #flowLogs(encryptionKey: kms.IKey): void {
    const group = new logs.LogGroup(this, 'FlowLogGroup', {
      logGroupName: `/bourse/${this.config.name}/vpc-flow-logs`,
      retention: this.config.operations.logRetentionDays,
      encryptionKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.vpc.addFlowLog('FlowLog', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(group),
      trafficType: ec2.FlowLogTrafficType.ALL,
    })
  }

  #gatewayEndpoints(): void {
    const s3 = this.vpc.addGatewayEndpoint('S3Endpoint', { service: ec2.GatewayVpcEndpointAwsService.S3 })
    s3.addToPolicy(this.#ownAccountOnly())
    // Image layers lie in a bucket of ECR's, not in ours.
    s3.addToPolicy(
      new iam.PolicyStatement({
        principals: [new iam.AnyPrincipal()],
        actions: ['s3:GetObject'],
        resources: [`arn:aws:s3:::prod-${this.regionName}-starport-layer-bucket/*`],
      }),
    )
    this.vpc
      .addGatewayEndpoint('DynamoDbEndpoint', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB })
      .addToPolicy(this.#ownAccountOnly())
  }

  #interfaceEndpoints(): void {
    for (const name of this.config.network.interfaceEndpoints) {
      const endpoint = this.vpc.addInterfaceEndpoint(`${name}Endpoint`, {
        service: new ec2.InterfaceVpcEndpointAwsService(name),
        subnets: { subnetGroupName: 'application' },
        securityGroups: [this.securityGroups.endpoints],
        privateDnsEnabled: true,
        open: false,
      })
      endpoint.addToPolicy(this.#ownAccountOnly())
    }
  }

  /** Endpoint policy: no credentials but this account's pass, so that none can carry data to another. */
  #ownAccountOnly(): iam.PolicyStatement {
    return new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: ['*'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:PrincipalAccount': this.account } },
    })
  }
}
