import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { type Environment } from '../environment.ts'

export const TIERS = ['public', 'application', 'pods', 'data'] as const
export type Tier = (typeof TIERS)[number]

const SUBNET_TYPES: Record<Tier, ec2.SubnetType> = {
  public: ec2.SubnetType.PUBLIC,
  application: ec2.SubnetType.PRIVATE_WITH_EGRESS,
  pods: ec2.SubnetType.PRIVATE_WITH_EGRESS,
  data: ec2.SubnetType.PRIVATE_ISOLATED,
}

/** The tiers as the VPC construct wants them; every block is the configuration's, none is computed. */
export function subnetConfiguration(network: Environment['network']): ec2.SubnetConfiguration[] {
  return TIERS.map((tier) => ({
    name: tier,
    subnetType: SUBNET_TYPES[tier],
    cidrMask: Number(network.subnets[tier][0].split('/')[1]),
    ...(tier === 'public' ? { mapPublicIpOnLaunch: false } : {}),
  }))
}

/** Hands out exactly the configured blocks, tier by tier and zone by zone. */
export function plannedAddresses(network: Environment['network']): ec2.IIpAddresses {
  return {
    allocateVpcCidr: () => ({ cidrBlock: network.vpcCidr, ipamOptions: [] }),
    allocateSubnetsCidr: ({ requestedSubnets }) => {
      const used = new Map<string, number>()
      return {
        allocatedSubnets: requestedSubnets.map(({ configuration }) => {
          const zone = used.get(configuration.name) ?? 0
          used.set(configuration.name, zone + 1)
          const cidr = network.subnets[configuration.name as Tier][zone]
          if (cidr === undefined) throw new Error(`no ${configuration.name} block for zone ${zone + 1} of 3`)
          return { cidr }
        }),
      }
    },
  }
}
