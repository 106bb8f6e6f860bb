import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { resources } from '../testing/resources.ts'
import { environment, synthesize, template, templates } from '../testing/templates.ts'
import { DENIED_CIDRS_MAX } from '../environment.ts'

const network = () => template('production', 'Network')

const SUBNETS = [
  ['public', 'us-east-1a', '10.0.1.0/24'],
  ['public', 'us-east-1b', '10.0.2.0/24'],
  ['public', 'us-east-1c', '10.0.3.0/24'],
  ['application', 'us-east-1a', '10.0.10.0/24'],
  ['application', 'us-east-1b', '10.0.11.0/24'],
  ['application', 'us-east-1c', '10.0.12.0/24'],
  ['data', 'us-east-1a', '10.0.20.0/24'],
  ['data', 'us-east-1b', '10.0.21.0/24'],
  ['data', 'us-east-1c', '10.0.22.0/24'],
  ['pods', 'us-east-1a', '10.0.64.0/18'],
  ['pods', 'us-east-1b', '10.0.128.0/18'],
  ['pods', 'us-east-1c', '10.0.192.0/18'],
] as const

/** Inbound and outbound of every group, `*` for the internet. Rows of the requirement first, then Kafka's and ours. */
const RULES = [
  'loadBalancer <- * 443',
  'loadBalancer -> pods 8080',
  'pods <- loadBalancer 8080',
  'loadBalancer -> pods 8081',
  'pods <- loadBalancer 8081',
  'pods -> aurora 5432',
  'pods -> redis 6379',
  'pods -> pl-02cd2c6b 443',
  'aurora <- pods 5432',
  'redis <- pods 6379',
  'pods -> kafka 9094',
  'pods -> kafka 9098',
  'kafka <- pods 9094',
  'kafka <- pods 9098',
  'kafka <- kafka 14001-14100',
  'kafka -> kafka 14001-14100',
  'kafka <- kafka 9098',
  'kafka -> kafka 9098',
  'pods -> proxy 5432',
  'proxy <- pods 5432',
  'proxy -> aurora 5432',
  'aurora <- proxy 5432',
  'pods -> files 2049',
  'files <- pods 2049',
  'pods -> endpoints 443',
  'endpoints <- pods 443',
  'pods -> pl-63a5400a 443',
  'pods -> * 443',
  'pods -> * 587',
  'pods <- pods all',
  'pods -> pods all',
  'jobs -> aurora 5432',
  'aurora <- jobs 5432',
  'jobs -> endpoints 443',
  'endpoints <- jobs 443',
  'jobs -> * 443',
]

describe('Network', () => {
  it('is one VPC of 10.0.0.0/16 with DNS hostnames and resolution', () => {
    network().hasResourceProperties('AWS::EC2::VPC', {
      CidrBlock: '10.0.0.0/16',
      EnableDnsHostnames: true,
      EnableDnsSupport: true,
    })
  })

  it('has exactly the subnets asked for, in three zones', () => {
    const found = resources(network(), 'AWS::EC2::Subnet').map(({ properties }) => {
      const tags = properties['Tags'] as readonly { Key: string; Value: string }[]
      const tier = tags.find(({ Key }) => Key === 'aws-cdk:subnet-name')?.Value
      return `${tier} ${properties['AvailabilityZone']} ${properties['CidrBlock']}`
    })
    assert.deepEqual(found.sort(), SUBNETS.map((subnet) => subnet.join(' ')).sort())
  })

  it('gives no instance a public address by itself', () => {
    for (const { properties } of resources(network(), 'AWS::EC2::Subnet')) {
      assert.equal(properties['MapPublicIpOnLaunch'], false)
    }
  })

  it('has a NAT gateway with its own address in each zone of production, one in dev', () => {
    network().resourceCountIs('AWS::EC2::NatGateway', 3)
    network().resourceCountIs('AWS::EC2::EIP', 3)
    template('dev', 'Network').resourceCountIs('AWS::EC2::NatGateway', 1)
  })

  it('routes the data tier nowhere', () => {
    const tables = resources(network(), 'AWS::EC2::Route').map(({ logicalId }) => logicalId)
    assert.equal(tables.length, 9)
    assert.deepEqual(
      tables.filter((logicalId) => logicalId.includes('data')),
      [],
    )
  })

  it('reaches S3 and DynamoDB through gateways, the other services through interfaces', () => {
    const found = resources(network(), 'AWS::EC2::VPCEndpoint').map(({ properties }) => {
      const service = JSON.stringify(properties['ServiceName'])
      return `${properties['VpcEndpointType']} ${/us-east-1\.([a-z0-9.-]+)/.exec(service)?.[1] ?? /\.([a-z0-9]+)"\]\]/.exec(service)?.[1]}`
    })
    assert.deepEqual(found.sort(), [
      'Gateway dynamodb',
      'Gateway s3',
      'Interface ecr.api',
      'Interface ecr.dkr',
      'Interface eks-auth',
      'Interface kms',
      'Interface logs',
      'Interface monitoring',
      'Interface secretsmanager',
      'Interface ssm',
      'Interface sts',
      'Interface xray',
    ])
  })

  it("lets no endpoint pass another account's credentials", () => {
    for (const { logicalId, properties } of resources(network(), 'AWS::EC2::VPCEndpoint')) {
      const { Statement } = properties['PolicyDocument'] as { Statement: readonly Record<string, unknown>[] }
      for (const { Condition, Resource } of Statement) {
        const own = JSON.stringify(Condition) === '{"StringEquals":{"aws:PrincipalAccount":"666666666666"}}'
        const layers = Resource === 'arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*'
        assert(own || layers, `${logicalId} is open`)
      }
    }
  })

  it('opens exactly the ports of the table', () => {
    assert.deepEqual(securityGroupRules().sort(), [...RULES].sort())
  })

  it("empties the VPC's default group", () => network().resourceCountIs('Custom::VpcRestrictDefaultSG', 1))

  it('denies by network ACL what a security group would let into the data tier by mistake', () => {
    const entries = resources(network(), 'AWS::EC2::NetworkAclEntry')
      .map(({ properties }) => properties)
      .filter(({ NetworkAclId, Egress }) => JSON.stringify(NetworkAclId).includes('data') && Egress === false)
      .sort((a, b) => Number(a['RuleNumber']) - Number(b['RuleNumber']))
      .map(({ RuleAction, CidrBlock, PortRange }) => {
        const { From, To } = (PortRange ?? { From: 'all', To: 'all' }) as { From: unknown; To: unknown }
        assert.equal(From, To)
        return `${RuleAction} ${CidrBlock} ${From}`
      })
    assert.deepEqual(entries, [
      ...['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24'].map((cidr) => `deny ${cidr} all`),
      ...['10.0.20.0/24', '10.0.21.0/24', '10.0.22.0/24'].map((cidr) => `allow ${cidr} all`),
      ...[5432, 6379, 9094, 9098, 2049, 9111, 5439, 443].map((port) => `allow 10.0.0.0/16 ${port}`),
    ])
  })

  // AWS counts its own final rule too: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
  it("keeps every network ACL within AWS's 20 rules a direction, in every environment", () => {
    const fullest = { ...environment('production') }
    const deniedCidrs = Array.from({ length: DENIED_CIDRS_MAX }, (_, index) => `198.51.100.${index}/32`)
    const made = synthesize([{ ...fullest, network: { ...fullest.network, deniedCidrs } }]).get('production')!
    const stages = [...(['dev', 'staging', 'production'] as const).map((name) => templates(name)), made]
    for (const networks of stages.flatMap((stage) => [...stage].filter(([id]) => id.endsWith('Network')))) {
      const counts = new Map<string, number>()
      for (const { properties } of resources(networks[1], 'AWS::EC2::NetworkAclEntry')) {
        const acl = `${JSON.stringify(properties['NetworkAclId'])} ${properties['Egress']}`
        counts.set(acl, (counts.get(acl) ?? 0) + 1)
      }
      assert.equal(counts.size, 8)
      for (const [acl, count] of counts) assert(count + 1 <= 20, `${networks[0]} ${acl}: ${count + 1} of 20`)
    }
  })

  it('logs every flow, encrypted', () => {
    network().hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'ALL', ResourceType: 'VPC' })
    network().hasResourceProperties('AWS::Logs::LogGroup', {
      KmsKeyId: Match.anyValue(),
      RetentionInDays: 90,
    })
  })
})

/** Rules as `group <- source ports` and `group -> target ports`; groups that may send nothing have no outbound line. */
function securityGroupRules(): string[] {
  const groups = resources(network(), 'AWS::EC2::SecurityGroup')
  const names = new Map(
    groups.map(({ logicalId }) => [
      logicalId,
      /^SecurityGroups([a-zA-Z]+?)[0-9A-F]{8}$/.exec(logicalId)![1]!,
    ]),
  )
  const inline = groups.flatMap(({ logicalId, properties }) => [
    ...((properties['SecurityGroupIngress'] ?? []) as Rule[]).map((rule) => ({
      rule,
      arrow: '<-',
      group: logicalId,
    })),
    ...((properties['SecurityGroupEgress'] ?? []) as Rule[])
      .filter(({ CidrIp }) => CidrIp !== '255.255.255.255/32')
      .map((rule) => ({ rule, arrow: '->', group: logicalId })),
  ])
  const separate = (['Ingress', 'Egress'] as const).flatMap((direction) =>
    resources(network(), `AWS::EC2::SecurityGroup${direction}`).map(({ properties }) => {
      const rule = properties as Rule
      return { rule, arrow: direction === 'Ingress' ? '<-' : '->', group: reference(rule.GroupId) }
    }),
  )

  return [...inline, ...separate].map(({ rule, arrow, group }) => {
    const peer =
      names.get(reference(rule.SourceSecurityGroupId ?? rule.DestinationSecurityGroupId)) ??
      rule.SourcePrefixListId ??
      rule.DestinationPrefixListId ??
      (rule.CidrIp === '0.0.0.0/0' ? '*' : rule.CidrIp)
    return `${names.get(group)} ${arrow} ${peer} ${ports(rule)}`
  })
}

type Rule = {
  readonly GroupId?: unknown
  readonly CidrIp?: string
  readonly SourceSecurityGroupId?: unknown
  readonly DestinationSecurityGroupId?: unknown
  readonly SourcePrefixListId?: string
  readonly DestinationPrefixListId?: string
  readonly IpProtocol: string
  readonly FromPort?: number
  readonly ToPort?: number
}

function ports({ IpProtocol, FromPort, ToPort }: Rule): string {
  if (IpProtocol === '-1') return 'all'
  return FromPort === ToPort ? `${FromPort}` : `${FromPort}-${ToPort}`
}

function reference(value: unknown): string {
  return (value as { 'Fn::GetAtt'?: [string, string] } | undefined)?.['Fn::GetAtt']?.[0] ?? ''
}
