import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type RegionFacts } from '../regions.ts'

export const PORT = {
  https: 443,
  http: 8080,
  /** `/ready` and `/live` of every service, for the load balancer's checks. */
  operations: 8081,
  postgresql: 5432,
  redis: 6379,
  /** MSK: TLS, and TLS with IAM. */
  kafkaTls: 9094,
  kafkaIam: 9098,
  nfs: 2049,
  dax: 9111,
  dns: 53,
  redshift: 5439,
} as const

/** MSK's ports for private connections from another VPC: the replicator comes that way. */
const KAFKA_PRIVATE_PORTS = [14001, 14100] as const

const MEMBERS = [
  'loadBalancer',
  'pods',
  'aurora',
  'proxy',
  'redis',
  'kafka',
  'files',
  'endpoints',
  'jobs',
] as const
type Member = (typeof MEMBERS)[number]

const DESCRIPTIONS: Record<Member, string> = {
  loadBalancer: 'Public load balancer',
  pods: 'Pods of every service',
  aurora: 'Aurora PostgreSQL',
  proxy: 'RDS Proxy in front of Aurora',
  redis: 'ElastiCache Redis',
  kafka: 'MSK brokers',
  files: 'EFS mount targets',
  endpoints: 'Interface endpoints of AWS services',
  jobs: 'Functions that rotate secrets',
}

export type SecurityGroupsProps = {
  readonly vpc: ec2.IVpc
  readonly facts: RegionFacts
  readonly environment: Environment
}

/**
 * Who may speak to whom. Every rule names a group, a managed prefix list or the internet on a named port; nothing
 * here may send anywhere unless a line below says so.
 */
export class SecurityGroups extends Construct {
  /** The groups as others may use them: no construct adds a rule behind this table's back. */
  readonly fixed: Readonly<Record<Member, ec2.ISecurityGroup>>
  readonly of: Readonly<Record<Member, ec2.SecurityGroup>>

  constructor(scope: Construct, id: string, { vpc, facts, environment }: SecurityGroupsProps) {
    super(scope, id)
    const entries = MEMBERS.map((member) => [
      member,
      new ec2.SecurityGroup(this, member, {
        vpc,
        securityGroupName: `bourse-${environment.name}-${member.toLowerCase()}`,
        description: DESCRIPTIONS[member],
        allowAllOutbound: false,
      }),
    ])
    this.of = Object.fromEntries(entries) as Record<Member, ec2.SecurityGroup>
    const fixed = Object.entries(this.of).map(([member, { securityGroupId }]) => [
      member,
      ec2.SecurityGroup.fromSecurityGroupId(this, `${member}Fixed`, securityGroupId, { mutable: false }),
    ])
    this.fixed = Object.fromEntries(fixed) as Record<Member, ec2.ISecurityGroup>
    this.#fromInternet(facts, environment)
    this.#betweenGroups()
    this.#toServices(facts, environment)
  }

  #fromInternet(facts: RegionFacts, { edge }: Environment): void {
    const { loadBalancer } = this.of
    const everyone = edge.loadBalancerSources === 'internet'
    const source = everyone ? ec2.Peer.anyIpv4() : ec2.Peer.prefixList(facts.prefixLists.cloudfront)
    loadBalancer.addIngressRule(source, ec2.Port.tcp(PORT.https), '443 from clients')
  }

  #betweenGroups(): void {
    this.#connect('loadBalancer', 'pods', PORT.http)
    this.#connect('loadBalancer', 'pods', PORT.operations)
    this.#connect('pods', 'aurora', PORT.postgresql)
    this.#connect('pods', 'proxy', PORT.postgresql)
    this.#connect('proxy', 'aurora', PORT.postgresql)
    this.#connect('pods', 'redis', PORT.redis)
    this.#connect('pods', 'kafka', PORT.kafkaTls)
    this.#connect('pods', 'kafka', PORT.kafkaIam)
    // The replicator stands in the brokers' group.
    this.#connect('kafka', 'kafka', PORT.kafkaIam)
    this.#connect('pods', 'files', PORT.nfs)
    this.#connect('pods', 'endpoints', PORT.https)
    this.#connect('jobs', 'aurora', PORT.postgresql)
    this.#connect('jobs', 'endpoints', PORT.https)
    const { pods, kafka } = this.of
    pods.addIngressRule(pods, ec2.Port.allTraffic(), 'Pods among themselves; network policies narrow it')
    pods.addEgressRule(pods, ec2.Port.allTraffic(), 'Pods among themselves; network policies narrow it')
    const [first, last] = KAFKA_PRIVATE_PORTS
    kafka.addIngressRule(kafka, ec2.Port.tcpRange(first, last), 'Replicator over private connectivity')
    kafka.addEgressRule(kafka, ec2.Port.tcpRange(first, last), 'Replicator over private connectivity')
  }

  #toServices({ prefixLists }: RegionFacts, { network }: Environment): void {
    const { pods, jobs } = this.of
    pods.addEgressRule(ec2.Peer.prefixList(prefixLists.dynamodb), ec2.Port.tcp(PORT.https), '443 to DynamoDB')
    pods.addEgressRule(ec2.Peer.prefixList(prefixLists.s3), ec2.Port.tcp(PORT.https), '443 to S3')
    for (const port of network.internetEgressPorts) {
      pods.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(port), `${port} to outside parties, through NAT`)
    }
    jobs.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(PORT.https), '443 to AWS APIs without an endpoint')
  }

  #connect(from: Member, to: Member, port: number): void {
    this.of[to].addIngressRule(this.of[from], ec2.Port.tcp(port), `${port} from ${from}`)
    this.of[from].addEgressRule(this.of[to], ec2.Port.tcp(port), `${port} to ${to}`)
  }
}
