import {
  databaseEnvironment,
  int,
  milliseconds,
  port,
  readConfig,
  serviceEnvironment,
} from '@bourse/platform/config'
import { kafkaEnvironment } from '@bourse/platform/kafka/security'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { z } from 'zod'

/** Everything the service reads from its environment. */
export const environment = {
  ...serviceEnvironment,
  ...kafkaEnvironment,
  ...databaseEnvironment,
  /** Liveness, readiness and metrics. */
  PORT: port().default(8083),
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

export const readServiceConfig = () => readConfig(environment, process.env)
