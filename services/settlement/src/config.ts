import { brokers, int, logLevel, milliseconds, port, readConfig, url } from '@bourse/platform/config'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { hostname } from 'node:os'
import { z } from 'zod'

const service = {
  DATABASE_URL: url('postgres', 'postgresql'),
  KAFKA_BROKERS: brokers(),
  /** Liveness, readiness and metrics. */
  PORT: port().default(8083),
  LOG_LEVEL: logLevel(),
  INSTANCE: z.string().default(hostname()),
  GROUP_ID: z.string().default('settlement'),
  RISK_OUT_TOPIC: z.string().default(TOPICS.riskOut),
  ORDERS_OUT_TOPIC: z.string().default(TOPICS.ordersOut),
  /** Connections to PostgreSQL: as many partitions are written at the same time. */
  DATABASE_CONNECTIONS: int({ min: 1, max: 64 }).default(4),
  STATEMENT_TIMEOUT_MS: milliseconds().default(30_000),
  SESSION_TIMEOUT_MS: milliseconds().default(6_000),
  COMMIT_INTERVAL_MS: milliseconds().default(1_000),
  SHUTDOWN_GRACE_MS: milliseconds().default(20_000),
} as const

export const readServiceConfig = () => readConfig(service, process.env)
