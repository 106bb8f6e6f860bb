import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { PORT } from './security-groups.ts'
import { type Tier } from './subnet-plan.ts'

const RULE_STEP = 10
const ALLOW_ALL_RULE = 1000

/** Ports that the data tier serves to the tiers before it. */
const DATA_PORTS = [
  PORT.postgresql,
  PORT.redis,
  PORT.kafkaTls,
  PORT.kafkaIam,
  PORT.nfs,
  PORT.dax,
  PORT.redshift,
  PORT.https,
]

type InboundRule = { readonly cidr: string; readonly traffic: ec2.AclTraffic; readonly deny?: boolean }

type NetworkAclsProps = {
  readonly vpc: ec2.IVpc
  readonly network: Environment['network']
}

/**
 * The stateless second line behind the security groups: a denylist around the tiers that reach outside, an allowlist
 * around the data, which speaks to the VPC and to nothing else.
 */
export class NetworkAcls extends Construct {
  constructor(scope: Construct, id: string, { vpc, network }: NetworkAclsProps) {
    super(scope, id)
    for (const tier of ['public', 'application', 'pods'] as const)
      this.#denylist(vpc, tier, network.deniedCidrs)
    this.#data(vpc, network)
  }

  #denylist(vpc: ec2.IVpc, tier: Tier, deniedCidrs: readonly string[]): void {
    const acl = this.#acl(vpc, tier)
    for (const direction of [ec2.TrafficDirection.INGRESS, ec2.TrafficDirection.EGRESS]) {
      const name = direction === ec2.TrafficDirection.INGRESS ? 'In' : 'Out'
      deniedCidrs.forEach((cidr, index) => {
        acl.addEntry(`Deny${name}${index}`, {
          cidr: ec2.AclCidr.ipv4(cidr),
          ruleNumber: (index + 1) * RULE_STEP,
          traffic: ec2.AclTraffic.allTraffic(),
          direction,
          ruleAction: ec2.Action.DENY,
        })
      })
      acl.addEntry(`Allow${name}`, {
        cidr: ec2.AclCidr.anyIpv4(),
        ruleNumber: ALLOW_ALL_RULE,
        traffic: ec2.AclTraffic.allTraffic(),
        direction,
      })
    }
  }

  /**
   * The public tier is refused first; what then comes from the VPC's block is the other tiers. One rule a port, not one
   * a port and subnet: AWS takes 20 rules a direction, its own final one among them.
   */
  #data(vpc: ec2.IVpc, { subnets, vpcCidr }: Environment['network']): void {
    const acl = this.#acl(vpc, 'data')
    const inbound: readonly InboundRule[] = [
      ...subnets.public.map((cidr) => ({ cidr, traffic: ec2.AclTraffic.allTraffic(), deny: true })),
      // Brokers and replicas speak among themselves.
      ...subnets.data.map((cidr) => ({ cidr, traffic: ec2.AclTraffic.allTraffic() })),
      ...DATA_PORTS.map((port) => ({ cidr: vpcCidr, traffic: ec2.AclTraffic.tcpPort(port) })),
    ]
    inbound.forEach(({ cidr, traffic, deny = false }, index) => {
      acl.addEntry(`In${index + 1}`, {
        cidr: ec2.AclCidr.ipv4(cidr),
        ruleNumber: (index + 1) * RULE_STEP,
        traffic,
        direction: ec2.TrafficDirection.INGRESS,
        ruleAction: deny ? ec2.Action.DENY : ec2.Action.ALLOW,
      })
    })
    acl.addEntry('OutToVpc', {
      cidr: ec2.AclCidr.ipv4(vpcCidr),
      ruleNumber: RULE_STEP,
      traffic: ec2.AclTraffic.allTraffic(),
      direction: ec2.TrafficDirection.EGRESS,
    })
  }

  #acl(vpc: ec2.IVpc, tier: Tier): ec2.NetworkAcl {
    return new ec2.NetworkAcl(this, tier, { vpc, subnetSelection: { subnetGroupName: tier } })
  }
}
