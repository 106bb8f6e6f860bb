import { RemovalPolicy, Tags, Validations } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import type * as eksL1 from 'aws-cdk-lib/aws-eks'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import { KubectlV34Layer } from '@aws-cdk/lambda-layer-kubectl-v34'
import { type Construct } from 'constructs'
import * as eks from '../eks.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { PORT } from '../network/security-groups.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type DataClassification, mandatoryTags, type SiteProps } from '../stack.ts'
import { KUBERNETES_VERSION, NODE_ADDONS } from '../versions.ts'
import { EngineNodes } from './engine-nodes.ts'
import { WATCHERS } from './release-watch.ts'

const CLASSIFICATION: DataClassification = 'confidential'

type ClusterStackProps = SiteProps & { readonly network: NetworkStack; readonly keys: KeysStack['keys'] }

/** Auto Mode runs everything stateless; engines have nodes of their own. */
export class ClusterStack extends BourseStack {
  readonly cluster: eks.Cluster
  /** The role of Auto Mode's nodes, which node classes name. */
  readonly nodeRole: iam.Role

  constructor(scope: Construct, props: ClusterStackProps) {
    super(scope, 'Cluster', {
      ...props,
      description: 'EKS control plane, nodes, access entries and managed add-ons',
      dataClassification: CLASSIFICATION,
    })
    const { network } = props
    this.nodeRole = this.#nodeRole()
    this.cluster = this.#cluster(props)
    this.#logGroup(props)
    this.#hardenControlPlane()
    this.#grantAccess()
    this.#allowTags()
    this.#connectPods(network)
    this.#connectNodes(network)
    const addons = this.#addons(network)
    const engineNodes = new EngineNodes(this, 'Engines', {
      cluster: this.cluster,
      engines: this.config.cluster.engines,
      subnets: network.vpc.selectSubnets({ subnetGroupName: 'application' }).subnets,
      environmentName: this.config.name,
      tags: mandatoryTags({ ...this.config, dataClassification: CLASSIFICATION }),
    })
    // A node that joins before its network is set up gives pods addresses of the wrong subnet.
    for (const nodegroup of engineNodes.nodegroups) nodegroup.node.addDependency(...addons)
  }

  #cluster({ network, keys }: ClusterStackProps): eks.Cluster {
    return new eks.Cluster(this, 'Cluster', {
      clusterName: this.localName('exchange'),
      version: eks.KubernetesVersion.of(KUBERNETES_VERSION),
      vpc: network.vpc,
      vpcSubnets: [{ subnetGroupName: 'application' }],
      endpointAccess: eks.EndpointAccess.PRIVATE,
      secretsEncryptionKey: keys.cluster,
      clusterLogging: Object.values(eks.ClusterLoggingTypes),
      defaultCapacityType: eks.DefaultCapacityType.AUTOMODE,
      compute: { nodePools: ['system'], nodeRole: this.nodeRole },
      kubectlProviderOptions: {
        kubectlLayer: new KubectlV34Layer(this, 'Kubectl'),
        privateSubnets: network.vpc.selectSubnets({ subnetGroupName: 'application' }).subnets,
      },
      removalPolicy: this.config.data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
  }

  #nodeRole(): iam.Role {
    return new iam.Role(this, 'NodeRole', {
      roleName: `${this.localName('nodes')}-${this.regionName}`,
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [
        iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonEKSWorkerNodeMinimalPolicy'),
        iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonEC2ContainerRegistryPullOnly'),
      ],
    })
  }

  /** Made before the cluster would make it itself, unencrypted and kept for ever. */
  #logGroup({ keys }: ClusterStackProps): void {
    const group = new logs.LogGroup(this, 'ControlPlaneLogs', {
      logGroupName: `/aws/eks/${this.localName('exchange')}/cluster`,
      retention: this.config.operations.logRetentionDays,
      encryptionKey: keys.logs,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.#resource().node.addDependency(group)
  }

  #hardenControlPlane(): void {
    const resource = this.#resource()
    // Traffic leaves an impaired zone by one command, or by itself with zonal autoshift.
    resource.addPropertyOverride('ZonalShiftConfig', { Enabled: true })
    resource.addPropertyOverride('DeletionProtection', this.config.data.immutable)
    resource.addPropertyOverride('UpgradePolicy', { SupportType: 'STANDARD' })
    resource.addPropertyOverride('BootstrapSelfManagedAddons', false)
    const id = 'CloudFormation-Validate::W9009'
    Validations.of(resource).acknowledge({
      id,
      reason: "The construct still writes 'secrets', the only value.",
    })
  }

  #resource(): eksL1.CfnCluster {
    return this.cluster.node.defaultChild as eksL1.CfnCluster
  }

  #grantAccess(): void {
    const everywhere = { accessScopeType: eks.AccessScopeType.CLUSTER }
    this.config.cluster.adminRoleArns.forEach((arn, index) => {
      const policy = eks.AccessPolicy.fromAccessPolicyName('AmazonEKSClusterAdminPolicy', everywhere)
      this.cluster.grantAccess(`Admin${index}`, arn, [policy])
    })
    this.config.cluster.viewerRoleArns.forEach((arn, index) => {
      const policy = eks.AccessPolicy.fromAccessPolicyName('AmazonEKSViewPolicy', everywhere)
      const entry = new eks.AccessEntry(this, `Viewer${index}`, {
        cluster: this.cluster,
        principal: arn,
        accessPolicies: [policy],
      })
      const made = entry.node.defaultChild as eksL1.CfnAccessEntry
      made.kubernetesGroups = [WATCHERS]
    })
  }

  /** Auto Mode's own policies allow no tags but its own; ours are on its machines, interfaces and volumes. */
  #allowTags(): void {
    const made = ['fleet', 'instance', 'launch-template', 'network-interface', 'snapshot', 'volume']
    this.cluster.role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        actions: [
          'CreateFleet',
          'RunInstances',
          'CreateLaunchTemplate',
          'CreateNetworkInterface',
          'CreateVolume',
          'CreateSnapshot',
        ].map((action) => `ec2:${action}`),
        resources: made.map((kind) => `arn:aws:ec2:${this.regionName}:${this.account}:${kind}/*`),
        conditions: {
          StringEquals: { 'aws:RequestTag/eks:eks-cluster-name': '${aws:PrincipalTag/eks:eks-cluster-name}' },
        },
      }),
    )
  }

  /** Private DNS sends nodes and the kubectl handler to the interface endpoints for images, tokens and logs. */
  #connectNodes({ securityGroups }: NetworkStack): void {
    new ec2.CfnSecurityGroupIngress(this, 'EndpointsIn', {
      groupId: securityGroups.endpoints.securityGroupId,
      sourceSecurityGroupId: this.cluster.clusterSecurityGroupId,
      ipProtocol: 'tcp',
      fromPort: PORT.https,
      toPort: PORT.https,
      description: '443 from nodes',
    })
  }

  /** Pods have their own security group: the control plane and the nodes reach them, and they reach the API and DNS. */
  #connectPods({ securityGroups }: NetworkStack): void {
    const pods = securityGroups.pods.securityGroupId
    const cluster = this.cluster.clusterSecurityGroupId
    const rules = [
      {
        name: 'Webhooks',
        groupId: pods,
        peer: cluster,
        protocol: '-1',
        port: undefined,
        why: 'Webhooks and probes',
      },
      { name: 'Api', groupId: cluster, peer: pods, protocol: 'tcp', port: PORT.https, why: 'Kubernetes API' },
      {
        name: 'Kubelet',
        groupId: cluster,
        peer: pods,
        protocol: 'tcp',
        port: 10250,
        why: 'Metrics of kubelets',
      },
      { name: 'Dns', groupId: cluster, peer: pods, protocol: 'udp', port: PORT.dns, why: 'DNS on the nodes' },
      {
        name: 'DnsTcp',
        groupId: cluster,
        peer: pods,
        protocol: 'tcp',
        port: PORT.dns,
        why: 'DNS on the nodes',
      },
    ]
    for (const { name, groupId, peer, protocol, port, why } of rules) {
      const range = port === undefined ? {} : { fromPort: port, toPort: port }
      const ports = { ipProtocol: protocol, ...range, description: why }
      new ec2.CfnSecurityGroupIngress(this, `${name}In`, { groupId, sourceSecurityGroupId: peer, ...ports })
      new ec2.CfnSecurityGroupEgress(this, `${name}Out`, {
        groupId: peer,
        destinationSecurityGroupId: groupId,
        ...ports,
      })
    }
  }

  /** For the engines' nodes. Returns what a node needs before it joins. */
  #addons({ vpc, securityGroups }: NetworkStack): eks.Addon[] {
    const podSubnets = vpc.selectSubnets({ subnetGroupName: 'pods' }).subnets
    const eniConfigs = podSubnets.map(({ availabilityZone, subnetId }) => [
      availabilityZone,
      { id: subnetId, securityGroups: [securityGroups.pods.securityGroupId] },
    ])
    const configuration: Partial<Record<keyof typeof NODE_ADDONS, Record<string, unknown>>> = {
      'vpc-cni': {
        env: {
          AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: 'true',
          ENI_CONFIG_LABEL_DEF: 'topology.kubernetes.io/zone',
          ENABLE_PREFIX_DELEGATION: 'true',
        },
        enableNetworkPolicy: 'true',
        eniConfig: { create: true, region: this.regionName, subnets: Object.fromEntries(eniConfigs) },
      },
    }
    return Object.entries(NODE_ADDONS).flatMap(([addonName, addonVersion]) => {
      const configurationValues = configuration[addonName as keyof typeof NODE_ADDONS]
      const addon = new eks.Addon(this, `Addon-${addonName}`, {
        cluster: this.cluster,
        addonName,
        addonVersion,
        ...(configurationValues === undefined ? {} : { configurationValues }),
      })
      Tags.of(addon).add('Name', addonName)
      return addonName === 'vpc-cni' || addonName === 'kube-proxy' ? [addon] : []
    })
  }
}
