import {
  databaseEnvironment,
  databasePlace,
  int,
  milliseconds,
  port,
  readConfig as parseEnvironment,
  redisEnvironment,
  serviceEnvironment,
} from '@bourse/platform/config'
import { kafkaEnvironment } from '@bourse/platform/kafka/security'

const STATEMENT_TIMEOUT_MS = 10_000

/** Everything the service reads from its environment. */
export const environment = {
  ...serviceEnvironment,
  ...kafkaEnvironment,
  ...databaseEnvironment,
  ...redisEnvironment,
  /** Checkpoints are read and written over them. */
  DATABASE_CONNECTIONS: int({ min: 1, max: 64 }).default(2),
  /** Liveness, readiness and metrics. */
  PORT: port().default(8084),
  /** From one publication to the next; what changes in between is published once. */
  PUBLISH_INTERVAL_MS: milliseconds().default(50),
  /** A restart reads at most so much of the log again. */
  CHECKPOINT_INTERVAL_MS: milliseconds(100).default(5_000),
  SHUTDOWN_GRACE_MS: milliseconds(100).default(10_000),
}

/** Parses once, at start, and hands each part what it needs. */
export function readConfig() {
  const env = parseEnvironment(environment, process.env)
  return {
    ...env,
    times: { graceMs: env.SHUTDOWN_GRACE_MS, drainDelayMs: env.DRAIN_DELAY_MS },
    ops: { port: env.PORT, host: env.HOST },
    redis: { url: env.REDIS_URL, passwordFile: env.REDIS_PASSWORD_FILE, clientName: env.INSTANCE },
    database: {
      ...databasePlace(env),
      max: env.DATABASE_CONNECTIONS,
      applicationName: env.INSTANCE,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    },
  }
}
