import type * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import * as route53 from 'aws-cdk-lib/aws-route53'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type Role } from '../stack.ts'

/** Open to everybody, and read from the database: the balancer passes it to gateways that are ready. */
const CHECKED_PATH = '/api/v1/symbols'
/** Three misses, ten seconds apart: half a minute to notice. */
const CHECK_INTERVAL_SECONDS = 10
const CHECK_FAILURES = 3

type RegionRecordsProps = {
  readonly environment: Environment
  readonly role: Role
  readonly region: string
  readonly loadBalancer: elb.IApplicationLoadBalancer
}

/**
 * DNS of one region's entry: its own name, a health check on it, and its part of the origin that both share. The
 * second region answers its check only after an operator has started it, so names never move to a region that must
 * refuse orders; the runbook turns the first one's check off so that they do not move back by themselves.
 */
export class RegionRecords extends Construct {
  readonly healthCheckId: string

  constructor(scope: Construct, id: string, props: RegionRecordsProps) {
    super(scope, id)
    const { environment, region, loadBalancer } = props
    const { domainName, hostedZoneId } = environment.edge
    const alias = {
      dnsName: loadBalancer.loadBalancerDnsName,
      hostedZoneId: loadBalancer.loadBalancerCanonicalHostedZoneId,
      evaluateTargetHealth: true,
    }
    const regional = regionalName(region, domainName)
    new route53.CfnRecordSet(this, 'Regional', {
      hostedZoneId,
      name: regional,
      type: 'A',
      aliasTarget: alias,
    })
    const check = new route53.CfnHealthCheck(this, 'Check', {
      healthCheckConfig: {
        type: 'HTTPS',
        fullyQualifiedDomainName: regional,
        port: 443,
        resourcePath: CHECKED_PATH,
        requestInterval: CHECK_INTERVAL_SECONDS,
        failureThreshold: CHECK_FAILURES,
        enableSni: true,
        measureLatency: true,
      },
      healthCheckTags: [{ key: 'Name', value: regional }],
    })
    this.healthCheckId = check.ref
    new route53.CfnRecordSet(this, 'Origin', {
      hostedZoneId,
      name: originName(domainName),
      type: 'A',
      aliasTarget: alias,
      setIdentifier: region,
      healthCheckId: check.ref,
      ...routing(props),
    })
  }
}

function routing({ environment, role, region }: RegionRecordsProps): Partial<route53.CfnRecordSetProps> {
  const { routing, recoveryWeightPercent } = environment.edge
  switch (routing) {
    case 'failover':
      return { failover: role === 'primary' ? 'PRIMARY' : 'SECONDARY' }
    case 'latency':
      return { region }
    case 'weighted':
      return { weight: role === 'primary' ? 100 - recoveryWeightPercent : recoveryWeightPercent }
  }
}

export function originName(domainName: string): string {
  return `origin.${domainName}`
}

export function regionalName(region: string, domainName: string): string {
  return `${region}.${domainName}`
}
