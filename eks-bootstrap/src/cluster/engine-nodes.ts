import { Fn } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import * as eks from '../eks.ts'
import { type Environment } from '../environment.ts'

const ROOT_VOLUME_GIB = 50

/** Engines select and tolerate this key; nothing else runs beside them. */
export const ENGINE_TAINT = 'bourse.dev/engines'

type EngineNodesProps = {
  readonly cluster: eks.Cluster
  readonly engines: Environment['cluster']['engines']
  /** One in each zone. */
  readonly subnets: readonly ec2.ISubnet[]
  readonly environmentName: string
  /** For machines, disks and interfaces: node groups hand none of theirs on. */
  readonly tags: Readonly<Record<string, string>>
}

/** What the zone drill stops; Auto Mode's machines are not ours to stop. */
export const ENGINE_TAG = { Workload: 'engines' } as const

/**
 * On-demand nodes for risk and matching: a group a zone, so that a follower always stands in another one.
 * `spread` puts every node on a rack of its own: two copies of a book never share a failure. `cluster` packs a zone's
 * nodes for the shortest path between them.
 */
export class EngineNodes extends Construct {
  readonly nodegroups: readonly eks.Nodegroup[]

  constructor(
    scope: Construct,
    id: string,
    { cluster, engines, subnets, environmentName, tags }: EngineNodesProps,
  ) {
    super(scope, id)
    const nodeRole = this.#role()
    const spread = engines.placement === 'spread' ? this.#placement('Spread', 'spread') : undefined
    this.nodegroups = subnets.map((subnet, index) => {
      const zone = String.fromCharCode('a'.charCodeAt(0) + index)
      const placement = spread ?? this.#placement(`Cluster-${zone}`, 'cluster')
      const template = this.#launchTemplate(`${environmentName}-engines-${zone}`, placement, tags)
      const instanceType = new ec2.InstanceType(engines.instanceType)
      const arm = instanceType.architecture === ec2.InstanceArchitecture.ARM_64
      return cluster.addNodegroupCapacity(`Engines-${zone}`, {
        nodegroupName: `engines-${zone}`,
        nodeRole,
        subnets: { subnets: [subnet] },
        instanceTypes: [instanceType],
        amiType: arm
          ? eks.NodegroupAmiType.AL2023_ARM_64_STANDARD
          : eks.NodegroupAmiType.AL2023_X86_64_STANDARD,
        capacityType: eks.CapacityType.ON_DEMAND,
        minSize: engines.nodesPerZone,
        desiredSize: engines.nodesPerZone,
        maxSize: engines.nodesPerZoneMax,
        maxUnavailable: 1,
        enableNodeAutoRepair: true,
        labels: { [ENGINE_TAINT]: 'true' },
        taints: [{ key: ENGINE_TAINT, value: 'true', effect: eks.TaintEffect.NO_SCHEDULE }],
        launchTemplateSpec: { id: template.ref, version: template.attrLatestVersionNumber },
      })
    })
  }

  #placement(id: string, strategy: 'spread' | 'cluster'): ec2.CfnPlacementGroup {
    return new ec2.CfnPlacementGroup(this, id, {
      strategy,
      ...(strategy === 'spread' ? { spreadLevel: 'rack' } : {}),
    })
  }

  #role(): iam.Role {
    const policies = [
      'AmazonEKSWorkerNodePolicy',
      'AmazonEC2ContainerRegistryPullOnly',
      'AmazonEKS_CNI_Policy',
    ]
    return new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: policies.map((name) => iam.ManagedPolicy.fromAwsManagedPolicyName(name)),
    })
  }

  #launchTemplate(
    name: string,
    placement: ec2.CfnPlacementGroup,
    common: Readonly<Record<string, string>>,
  ): ec2.CfnLaunchTemplate {
    const tags = Object.entries({ ...common, ...ENGINE_TAG }).map(([key, value]) => ({ key, value }))
    return new ec2.CfnLaunchTemplate(this, name, {
      launchTemplateName: `bourse-${name}`,
      tagSpecifications: [{ resourceType: 'launch-template', tags }],
      launchTemplateData: {
        tagSpecifications: ['instance', 'volume', 'network-interface'].map((resourceType) => ({
          resourceType,
          tags,
        })),
        placement: { groupName: Fn.ref(placement.logicalId) },
        // Pods get credentials from Pod Identity, so the instance's own stay out of their reach.
        metadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1, httpEndpoint: 'enabled' },
        monitoring: { enabled: true },
        blockDeviceMappings: [
          {
            deviceName: '/dev/xvda',
            ebs: { encrypted: true, volumeType: 'gp3', volumeSize: ROOT_VOLUME_GIB },
          },
        ],
      },
    })
  }
}
