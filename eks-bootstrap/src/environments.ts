import { type Environment, type Features, parseEnvironment } from './environment.ts'

/** The organization's accounts. The numbers are placeholders: put yours here. */
export const ACCOUNTS = {
  management: '111111111111',
  securityLogging: '222222222222',
  infrastructure: '333333333333',
  dev: '444444444444',
  staging: '555555555555',
  production: '666666666666',
  sandbox: '777777777777',
} as const

const NO_FEATURES: Features = {
  standbyRegion: false,
  apiGateway: false,
  globalAccelerator: false,
  globalTables: false,
  dax: false,
  redshift: false,
  openSearch: false,
  eventBus: false,
  orderQueue: false,
  tradeStream: false,
  tcpLoadBalancer: false,
  shieldAdvanced: false,
}

const NETWORK: Environment['network'] = {
  vpcCidr: '10.0.0.0/16',
  subnets: {
    public: ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24'],
    application: ['10.0.10.0/24', '10.0.11.0/24', '10.0.12.0/24'],
    data: ['10.0.20.0/24', '10.0.21.0/24', '10.0.22.0/24'],
    // Pods take an address each: 16 379 a zone, so that no burst runs out.
    pods: ['10.0.64.0/18', '10.0.128.0/18', '10.0.192.0/18'],
  },
  natGateways: 3,
  internetEgressPorts: [443, 587],
  deniedCidrs: [],
  interfaceEndpoints: [
    'secretsmanager',
    'logs',
    'ecr.api',
    'ecr.dkr',
    'sts',
    'kms',
    'ssm',
    'monitoring',
    'xray',
    'eks-auth',
  ],
}

const PRODUCTION: Environment = {
  name: 'production',
  account: ACCOUNTS.production,
  primaryRegion: 'us-east-1',
  recoveryRegion: 'us-west-2',
  project: 'bourse',
  costCenter: 'exchange',
  network: NETWORK,
  cluster: {
    adminRoleArns: [`arn:aws:iam::${ACCOUNTS.production}:role/platform-admin`],
    viewerRoleArns: [`arn:aws:iam::${ACCOUNTS.production}:role/platform-viewer`],
    engines: { instanceType: 'c7g.2xlarge', nodesPerZone: 1, nodesPerZoneMax: 3, placement: 'spread' },
    stateless: { onDemandVcpus: 20, vcpusMax: 600, spot: true, architectures: ['arm64'] },
    podsMax: 1000,
  },
  data: {
    aurora: {
      instanceType: 'r6g.large',
      readersMin: 2,
      readersMax: 4,
      readerCpuPercent: 75,
      readerConnections: 500,
      backupRetentionDays: 35,
    },
    redis: { nodeType: 'cache.r6g.large', shards: 1, replicasPerShard: 1, snapshotRetentionDays: 7 },
    kafka: {
      instanceType: 'kafka.m7g.large',
      brokersPerZone: 1,
      volumeGib: 500,
      tieredStorage: false,
      riskPartitions: 12,
      matchingPartitions: 12,
    },
    secretRotationDays: 30,
    auditRetentionYears: 7,
    tablesEpoch: 1,
    immutable: true,
  },
  edge: {
    domainName: 'bourse.example',
    hostedZoneId: 'Z00000000000000000001',
    loadBalancerSources: 'internet',
    requestsPerFiveMinutesPerAddress: 60_000,
    deniedCountries: ['CU', 'IR', 'KP', 'SY'],
    routing: 'failover',
    recoveryWeightPercent: 0,
    callbackUrls: ['https://bourse.example/signed-in'],
  },
  operations: {
    alarmEmail: 'operations@bourse.example',
    alarmPhone: '+12025550100',
    pagerUrl: 'https://events.pagerduty.example/integration/replace-me/enqueue',
    logLevel: 'INFO',
    logRetentionDays: 90,
    traceSamplingPercent: 5,
    budgetUsdMonthly: 8500,
  },
  features: { ...NO_FEATURES, standbyRegion: true, globalTables: true },
  gitOps: { repositoryUrl: 'https://git.bourse.example/bourse.git', revision: 'main', namespace: 'bourse' },
}

const STAGING: Environment = {
  ...PRODUCTION,
  name: 'staging',
  account: ACCOUNTS.staging,
  cluster: {
    ...PRODUCTION.cluster,
    adminRoleArns: [`arn:aws:iam::${ACCOUNTS.staging}:role/platform-admin`],
    viewerRoleArns: [`arn:aws:iam::${ACCOUNTS.staging}:role/platform-viewer`],
    engines: { instanceType: 'c7g.large', nodesPerZone: 1, nodesPerZoneMax: 2, placement: 'spread' },
    stateless: { onDemandVcpus: 4, vcpusMax: 64, spot: true, architectures: ['arm64'] },
    podsMax: 300,
  },
  data: {
    ...PRODUCTION.data,
    kafka: { ...PRODUCTION.data.kafka, volumeGib: 100 },
    auditRetentionYears: 1,
    tablesEpoch: 1,
    immutable: false,
  },
  edge: {
    ...PRODUCTION.edge,
    domainName: 'staging.bourse.example',
    hostedZoneId: 'Z00000000000000000002',
    callbackUrls: ['https://staging.bourse.example/signed-in'],
  },
  operations: {
    ...PRODUCTION.operations,
    logRetentionDays: 30,
    traceSamplingPercent: 10,
    budgetUsdMonthly: 4000,
  },
  features: NO_FEATURES,
}

const DEV: Environment = {
  ...STAGING,
  name: 'dev',
  account: ACCOUNTS.dev,
  network: {
    ...NETWORK,
    natGateways: 1,
    interfaceEndpoints: ['secretsmanager', 'logs', 'ecr.api', 'ecr.dkr', 'sts'],
  },
  cluster: {
    ...STAGING.cluster,
    adminRoleArns: [`arn:aws:iam::${ACCOUNTS.dev}:role/platform-admin`],
    viewerRoleArns: [`arn:aws:iam::${ACCOUNTS.dev}:role/platform-viewer`],
    stateless: { onDemandVcpus: 2, vcpusMax: 32, spot: true, architectures: ['arm64'] },
  },
  data: {
    ...STAGING.data,
    aurora: {
      ...STAGING.data.aurora,
      instanceType: 't4g.medium',
      readersMin: 1,
      readersMax: 2,
      backupRetentionDays: 7,
    },
    redis: { ...STAGING.data.redis, nodeType: 'cache.t4g.small' },
    kafka: {
      ...STAGING.data.kafka,
      instanceType: 'kafka.t3.small',
      volumeGib: 50,
      riskPartitions: 2,
      matchingPartitions: 2,
    },
  },
  edge: {
    ...STAGING.edge,
    domainName: 'dev.bourse.example',
    hostedZoneId: 'Z00000000000000000003',
    callbackUrls: ['https://dev.bourse.example/signed-in'],
  },
  operations: {
    alarmEmail: 'developers@bourse.example',
    alarmPhone: '+12025550100',
    logLevel: 'DEBUG',
    logRetentionDays: 7,
    traceSamplingPercent: 100,
    budgetUsdMonthly: 2000,
  },
}

/** Every environment, checked. */
export const ENVIRONMENTS: readonly Environment[] = [DEV, STAGING, PRODUCTION].map(parseEnvironment)
