/**
 * On-demand list prices in us-east-1, in US dollars. Written down from the public pages named, not fetched live: read
 * them again before a decision. A price that a page states by the month is turned into hours of 730 a month.
 */
export const PRICES_DATED = '2026-11-21'
export const HOURS_PER_MONTH = 730

export type Price = {
  readonly usd: number
  readonly per: 'hour' | 'month' | 'GB' | 'GB-month' | 'million' | 'thousand'
  /** Path below https://aws.amazon.com/. */
  readonly source: string
}

const price = (usd: number, per: Price['per'], source: string): Price => ({ usd, per, source })

export const PRICES = {
  'eks cluster': price(0.1, 'hour', 'eks/pricing'),
  'ec2 c7g.large': price(0.0725, 'hour', 'ec2/pricing/on-demand'),
  'ec2 c7g.2xlarge': price(0.29, 'hour', 'ec2/pricing/on-demand'),
  'ec2 vcpu on-demand': price(0.03625, 'hour', 'ec2/pricing/on-demand'),
  'ec2 vcpu spot': price(0.0145, 'hour', 'ec2/spot/pricing'),
  'eks auto mode vcpu': price(0.00435, 'hour', 'eks/pricing'),
  'ebs gp3': price(0.08, 'GB-month', 'ebs/pricing'),
  'aurora db.r6g.large': price(0.26, 'hour', 'rds/aurora/pricing'),
  'aurora db.t4g.medium': price(0.073, 'hour', 'rds/aurora/pricing'),
  'aurora capacity unit': price(0.12, 'hour', 'rds/aurora/pricing'),
  'aurora storage': price(0.1, 'GB-month', 'rds/aurora/pricing'),
  'aurora requests': price(0.2, 'million', 'rds/aurora/pricing'),
  'aurora replicated writes': price(0.2, 'million', 'rds/aurora/pricing'),
  'rds proxy vcpu': price(0.015, 'hour', 'rds/proxy/pricing'),
  'redis cache.r6g.large': price(0.206, 'hour', 'elasticache/pricing'),
  'redis cache.t4g.small': price(0.032, 'hour', 'elasticache/pricing'),
  'kafka kafka.m7g.large': price(0.204, 'hour', 'msk/pricing'),
  'kafka kafka.t3.small': price(0.0456, 'hour', 'msk/pricing'),
  'kafka storage': price(0.1, 'GB-month', 'msk/pricing'),
  'kafka replicator': price(0.3, 'hour', 'msk/pricing'),
  'kafka replicated': price(0.08, 'GB', 'msk/pricing'),
  'dynamodb reads': price(0.125, 'million', 'dynamodb/pricing/on-demand'),
  'dynamodb writes': price(0.625, 'million', 'dynamodb/pricing/on-demand'),
  's3 storage': price(0.023, 'GB-month', 's3/pricing'),
  's3 glacier instant': price(0.004, 'GB-month', 's3/pricing'),
  'efs storage': price(0.3, 'GB-month', 'efs/pricing'),
  'backup storage': price(0.05, 'GB-month', 'backup/pricing'),
  'nat gateway': price(0.045, 'hour', 'vpc/pricing'),
  'nat data': price(0.045, 'GB', 'vpc/pricing'),
  'endpoint zone': price(0.01, 'hour', 'privatelink/pricing'),
  'zone transfer': price(0.02, 'GB', 'ec2/pricing/on-demand'),
  'region transfer': price(0.02, 'GB', 'ec2/pricing/on-demand'),
  'load balancer': price(0.0225, 'hour', 'elasticloadbalancing/pricing'),
  'load balancer capacity': price(0.008, 'hour', 'elasticloadbalancing/pricing'),
  'cloudfront data': price(0.085, 'GB', 'cloudfront/pricing'),
  'cloudfront requests': price(1, 'million', 'cloudfront/pricing'),
  'waf acl': price(5, 'month', 'waf/pricing'),
  'waf rule': price(1, 'month', 'waf/pricing'),
  'waf requests': price(0.6, 'million', 'waf/pricing'),
  'route53 check': price(3.75, 'month', 'route53/pricing'),
  'cognito user': price(0.02, 'month', 'cognito/pricing'),
  'kms key': price(1, 'month', 'kms/pricing'),
  secret: price(0.4, 'month', 'secrets-manager/pricing'),
  'cloudwatch logs': price(0.5, 'GB', 'cloudwatch/pricing'),
  'cloudwatch metric': price(0.3, 'month', 'cloudwatch/pricing'),
  'cloudwatch alarm': price(0.1, 'month', 'cloudwatch/pricing'),
  'cloudwatch dashboard': price(3, 'month', 'cloudwatch/pricing'),
  'xray traces': price(5, 'million', 'xray/pricing'),
  'config item': price(3, 'thousand', 'config/pricing'),
  'config evaluation': price(1, 'thousand', 'config/pricing'),
  'guardduty events': price(4, 'million', 'guardduty/pricing'),
  'guardduty flow logs': price(1, 'GB', 'guardduty/pricing'),
  'security hub check': price(1, 'thousand', 'security-hub/pricing'),
  'api gateway requests': price(3.5, 'million', 'api-gateway/pricing'),
  'api gateway cache': price(0.02, 'hour', 'api-gateway/pricing'),
  'global accelerator': price(0.025, 'hour', 'global-accelerator/pricing'),
  'shield advanced': price(3000, 'month', 'shield/pricing'),
  'dax dax.r5.large': price(0.255, 'hour', 'dynamodb/pricing/on-demand'),
  'opensearch m6g.large.search': price(0.128, 'hour', 'opensearch-service/pricing'),
  'redshift rpu': price(0.36, 'hour', 'redshift/pricing'),
  'kinesis shard': price(0.015, 'hour', 'kinesis/data-streams/pricing'),
} as const satisfies Readonly<Record<string, Price>>

export type PriceName = keyof typeof PRICES

/** Parts of a price that a commitment leaves to be paid, by the same pages. Databases and caches: reserved, one year. */
export const COMMITMENTS = {
  computeOneYear: 0.73,
  computeThreeYears: 0.54,
  databaseOneYear: 0.69,
  cacheOneYear: 0.68,
} as const
