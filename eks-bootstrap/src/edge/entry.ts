import { Duration } from 'aws-cdk-lib'
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type * as acm from 'aws-cdk-lib/aws-certificatemanager'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import * as wafv2 from 'aws-cdk-lib/aws-wafv2'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { PORT } from '../network/security-groups.ts'

/** Asked at the port of operations: a service is ready when what it needs is. */
export const READY_PATH = '/ready'
/** A pod that is busy answers late; it asks nobody else, so it answers. */
const HEALTH_TIMEOUT = Duration.seconds(10)
const HEALTH_INTERVAL = Duration.seconds(15)
const STICKY = Duration.hours(8)
const DRAIN = Duration.seconds(30)
/**
 * Each closes before the one behind it, and never sends into a connection just closed: CloudFront, the balancer, and after
 * 65 seconds the services. A WebSocket is kept by its pings.
 */
export const CLOUDFRONT_IDLE = Duration.seconds(55)
const IDLE_TIMEOUT = Duration.seconds(60)

const ROUTES = [
  { service: 'streams', paths: ['/ws', '/ws/*'], sticky: true },
  { service: 'gateway', paths: ['/api/*'], sticky: false },
  { service: 'identity', paths: ['/oidc/*'], sticky: false },
] as const
type Service = (typeof ROUTES)[number]['service'] | 'web'

type EntryProps = {
  readonly environment: Environment
  readonly network: NetworkStack
  readonly certificate: acm.ICertificate
  readonly accessLogs: s3.IBucket
  readonly webAclArn: string
}

/** The load balancer: TLS ends here, paths choose the service, a trader's WebSocket stays with its pod. */
export class Entry extends Construct {
  readonly loadBalancer: elb.ApplicationLoadBalancer
  readonly targetGroups: Readonly<Record<Service, elb.ApplicationTargetGroup>>

  constructor(scope: Construct, id: string, props: EntryProps) {
    super(scope, id)
    const { environment, network } = props
    this.loadBalancer = new elb.ApplicationLoadBalancer(this, 'LoadBalancer', {
      loadBalancerName: `bourse-${environment.name}`,
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'public' },
      internetFacing: true,
      securityGroup: network.securityGroups.loadBalancer,
      dropInvalidHeaderFields: true,
      deletionProtection: environment.data.immutable,
      idleTimeout: IDLE_TIMEOUT,
      http2Enabled: true,
    })
    this.loadBalancer.logAccessLogs(props.accessLogs, 'load-balancer')
    const group = (service: Service, sticky: boolean) => this.#targetGroup(props, service, sticky)
    this.targetGroups = {
      web: group('web', false),
      ...(Object.fromEntries(
        ROUTES.map(({ service, sticky }) => [service, group(service, sticky)]),
      ) as Record<(typeof ROUTES)[number]['service'], elb.ApplicationTargetGroup>),
    }
    this.#listen(props.certificate)
    new wafv2.CfnWebACLAssociation(this, 'Firewall', {
      resourceArn: this.loadBalancer.loadBalancerArn,
      webAclArn: props.webAclArn,
    })
  }

  #listen(certificate: acm.ICertificate): void {
    const listener = this.loadBalancer.addListener('Https', {
      port: PORT.https,
      protocol: elb.ApplicationProtocol.HTTPS,
      certificates: [certificate],
      sslPolicy: elb.SslPolicy.TLS13_RES,
      open: false,
      defaultAction: elb.ListenerAction.forward([this.targetGroups.web]),
    })
    ROUTES.forEach(({ service, paths }, index) => {
      listener.addAction(service, {
        priority: (index + 1) * 10,
        conditions: [elb.ListenerCondition.pathPatterns([...paths])],
        action: elb.ListenerAction.forward([this.targetGroups[service]]),
      })
    })
  }

  #targetGroup(
    { environment, network }: EntryProps,
    service: Service,
    sticky: boolean,
  ): elb.ApplicationTargetGroup {
    return new elb.ApplicationTargetGroup(this, service, {
      targetGroupName: `bourse-${environment.name}-${service}`,
      vpc: network.vpc,
      port: PORT.http,
      protocol: elb.ApplicationProtocol.HTTP,
      targetType: elb.TargetType.IP,
      deregistrationDelay: DRAIN,
      healthCheck: {
        path: READY_PATH,
        port: String(PORT.operations),
        timeout: HEALTH_TIMEOUT,
        interval: HEALTH_INTERVAL,
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
      ...(sticky ? { stickinessCookieDuration: STICKY } : {}),
    })
  }
}
