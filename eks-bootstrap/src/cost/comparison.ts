import { type Line, total } from './estimate.ts'

/** A row of the cost table that the exchange was asked to meet, and what answers it here. */
type AskedRow = {
  readonly asked: string
  readonly usd: number
  readonly services: readonly string[]
  readonly why: string
}

export const ASKED: readonly AskedRow[] = [
  {
    asked: 'API Gateway (REST and WebSocket)',
    usd: 1050,
    services: ['Load balancers', 'API Gateway'],
    why: 'the load balancer passes both; the gateway service limits and authorizes',
  },
  {
    asked: 'ECS Fargate, 10 × 2 vCPU / 4 GB',
    usd: 730,
    services: ['EKS', 'EKS Auto Mode', 'Stateless nodes', 'Engine nodes'],
    why: 'the same 10 pods on nodes, and besides them engines, streams, settlement and operators',
  },
  {
    asked: 'Aurora PostgreSQL, writer and two readers',
    usd: 900,
    services: ['Aurora', 'RDS Proxy'],
    why: 'the same, and a proxy',
  },
  { asked: 'ElastiCache Redis, 2 nodes', usd: 400, services: ['Redis'], why: 'the same' },
  {
    asked: 'DynamoDB, 5M reads and 2M writes',
    usd: 300,
    services: ['DynamoDB'],
    why: 'sessions at list price; wallets are the ledger',
  },
  {
    asked: 'Lambda, SQS FIFO and Kinesis',
    usd: 160,
    services: ['MSK', 'Kinesis'],
    why: 'one log in three zones takes the place of all three',
  },
  { asked: 'S3, 500 GB', usd: 15, services: ['S3'], why: 'a year of archive and tables' },
  {
    asked: 'CloudWatch, 50 GB of logs',
    usd: 150,
    services: ['CloudWatch', 'X-Ray', 'Prometheus'],
    why: "the same volume, sampled traces, Prometheus' volumes",
  },
  { asked: 'CloudFront, 1 TB', usd: 85, services: ['CloudFront'], why: 'the same' },
  {
    asked: 'WAF, Cognito, Secrets Manager, ACM, Route 53',
    usd: 40,
    services: ['WAF', 'Cognito', 'Secrets Manager', 'KMS', 'Route 53'],
    why: 'two firewalls, adaptive sign-in for 2,000 users, keys of our own',
  },
]

export const ASKED_TOTAL = 3830
export const ASKED_RESERVED = 3255
export const ASKED_PLANS = 3064
export const ASKED_PER_RATE = 7.66
/** The saving against on-demand prices that is asked for, in percent. */
export const ASKED_SAVING_PERCENT = 40

export type ComparedRow = AskedRow & { readonly oursUsd: number }

/** Row by row, and last what the asked table leaves out. */
export function compare(lines: readonly Line[]): {
  readonly rows: readonly ComparedRow[]
  readonly besides: readonly Line[]
} {
  const answered = new Set(ASKED.flatMap(({ services }) => services))
  return {
    rows: ASKED.map((row) => ({
      ...row,
      oursUsd: total(lines.filter(({ service }) => row.services.includes(service))),
    })),
    besides: lines.filter(({ service }) => !answered.has(service)),
  }
}
