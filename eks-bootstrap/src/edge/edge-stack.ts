import { Duration, Tags } from 'aws-cdk-lib'
import * as acm from 'aws-cdk-lib/aws-certificatemanager'
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import * as accelerator from 'aws-cdk-lib/aws-globalaccelerator'
import * as acceleratorEndpoints from 'aws-cdk-lib/aws-globalaccelerator-endpoints'
import * as route53 from 'aws-cdk-lib/aws-route53'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import * as shield from 'aws-cdk-lib/aws-shield'
import { type Construct } from 'constructs'
import * as eks from '../eks.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { PORT } from '../network/security-groups.ts'
import { type KeysStack } from '../security/keys-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { type IdentityStack } from './identity-stack.ts'
import { Distribution } from './distribution.ts'
import { Entry, READY_PATH } from './entry.ts'
import { originName, RegionRecords, regionalName } from './region-records.ts'
import { RestApi } from './rest-api.ts'
import { WebAcl } from './web-acl.ts'

type EdgeStackProps = SiteProps & {
  readonly network: NetworkStack
  readonly cluster: eks.Cluster
  readonly accessLogs: s3.IBucket
  readonly keys: KeysStack['keys']
  /** Only the primary site has one. */
  readonly identity?: IdentityStack
}

/** From the internet to the pods: names, certificates, firewall, content network and load balancer. */
export class EdgeStack extends BourseStack {
  readonly entry: Entry
  readonly records: RegionRecords
  readonly distribution: Distribution | undefined

  constructor(scope: Construct, props: EdgeStackProps) {
    super(scope, 'Edge', {
      ...props,
      description: 'DNS, certificates, firewall, CloudFront and the load balancer',
      dataClassification: 'public',
    })
    const { domainName, hostedZoneId } = this.config.edge
    const zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      zoneName: domainName,
      hostedZoneId,
    })
    const certificate = new acm.Certificate(this, 'Certificate', {
      domainName,
      subjectAlternativeNames: [originName(domainName), regionalName(this.regionName, domainName)],
      validation: acm.CertificateValidation.fromDns(zone),
    })
    const shared = { environment: this.config, logsKey: props.keys.logs }
    const regional = new WebAcl(this, 'Firewall', { ...shared, scope: 'REGIONAL' })
    this.entry = new Entry(this, 'Entry', {
      environment: this.config,
      network: props.network,
      certificate,
      accessLogs: props.accessLogs,
      webAclArn: regional.arn,
    })
    this.records = new RegionRecords(this, 'Records', {
      environment: this.config,
      role: this.role,
      region: this.regionName,
      loadBalancer: this.entry.loadBalancer,
    })
    this.#bindTargets(props.cluster)
    if (this.role === 'primary') {
      const global = new WebAcl(this, 'GlobalFirewall', { ...shared, scope: 'CLOUDFRONT' })
      const { config: environment } = this
      this.distribution = new Distribution(this, 'Content', {
        environment,
        certificate,
        zone,
        webAclArn: global.arn,
      })
      this.#options(props, certificate, regional)
    }
  }

  #options(props: EdgeStackProps, certificate: acm.ICertificate, firewall: WebAcl): void {
    const { keys, identity } = props
    const { features } = this.config
    if (features.apiGateway && identity !== undefined) {
      new RestApi(this, 'Api', {
        environment: this.config,
        userPool: identity.userPool,
        webAclArn: firewall.arn,
        logsKey: keys.logs,
      })
    }
    if (features.globalAccelerator) this.#accelerate()
    if (features.shieldAdvanced) this.#shield()
    if (features.tcpLoadBalancer) this.#tcp(props, certificate)
  }

  /** Puts the services' pods behind the target groups: the cluster keeps them in step with its endpoints. */
  #bindTargets(cluster: eks.Cluster): void {
    const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.config.gitOps.namespace } }
    // Auto Mode registers targets only in groups that bear its cluster's name.
    const includeResourceTypes = ['AWS::ElasticLoadBalancingV2::TargetGroup']
    Tags.of(this).add('eks:eks-cluster-name', this.localName('exchange'), { includeResourceTypes })
    const bindings = Object.entries(this.entry.targetGroups).map(([service, group]) =>
      this.#binding(service, service, group.targetGroupArn),
    )
    new eks.KubernetesManifest(this, 'Bindings', { cluster, manifest: [home, ...bindings], prune: false })
  }

  #binding(name: string, service: string, targetGroupARN: string): Record<string, unknown> {
    return {
      apiVersion: 'eks.amazonaws.com/v1',
      kind: 'TargetGroupBinding',
      metadata: { name, namespace: this.config.gitOps.namespace },
      spec: { serviceRef: { name: service, port: PORT.http }, targetGroupARN, targetType: 'ip' },
    }
  }

  #accelerate(): void {
    const listener = new accelerator.Accelerator(this, 'Accelerator', {
      acceleratorName: this.localName('anycast'),
    }).addListener('Https', { portRanges: [{ fromPort: PORT.https, toPort: PORT.https }] })
    listener.addEndpointGroup('Primary', {
      region: this.regionName,
      endpoints: [new acceleratorEndpoints.ApplicationLoadBalancerEndpoint(this.entry.loadBalancer)],
    })
  }

  #shield(): void {
    const distributionId = this.distribution?.distribution.distributionId
    new shield.CfnProtection(this, 'LoadBalancerShield', {
      name: this.localName('load-balancer'),
      resourceArn: this.entry.loadBalancer.loadBalancerArn,
    })
    new shield.CfnProtection(this, 'ContentShield', {
      name: this.localName('content'),
      resourceArn: `arn:aws:cloudfront::${this.account}:distribution/${distributionId}`,
    })
  }

  /** TCP with TLS for clients that speak no HTTP; pods register as they do behind the other load balancer. */
  #tcp({ network, cluster, accessLogs }: EdgeStackProps, certificate: acm.ICertificate): void {
    const { vpc, securityGroups } = network
    const targets = new elb.NetworkTargetGroup(this, 'TcpTargets', {
      targetGroupName: this.localName('tcp'),
      vpc,
      port: PORT.http,
      protocol: elb.Protocol.TCP,
      targetType: elb.TargetType.IP,
      healthCheck: {
        protocol: elb.Protocol.HTTP,
        port: String(PORT.operations),
        path: READY_PATH,
        timeout: Duration.seconds(10),
      },
    })
    const loadBalancer = new elb.NetworkLoadBalancer(this, 'TcpEntry', {
      loadBalancerName: this.localName('tcp'),
      vpc,
      vpcSubnets: { subnetGroupName: 'public' },
      internetFacing: true,
      crossZoneEnabled: true,
      securityGroups: [securityGroups.loadBalancer],
      deletionProtection: this.config.data.immutable,
    })
    loadBalancer.logAccessLogs(accessLogs, 'tcp-load-balancer')
    loadBalancer.addListener('Tls', {
      port: PORT.https,
      protocol: elb.Protocol.TLS,
      certificates: [certificate],
      sslPolicy: elb.SslPolicy.TLS13_RES,
      defaultTargetGroups: [targets],
    })
    const manifest = [this.#binding('gateway-tcp', 'gateway', targets.targetGroupArn)]
    new eks.KubernetesManifest(this, 'TcpBinding', { cluster, manifest, prune: false })
  }
}
