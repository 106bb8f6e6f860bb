import {
  brokers,
  logLevel,
  milliseconds,
  port,
  readConfig as parseEnvironment,
  url,
} from '@bourse/platform/config'

const Environment = {
  /** Liveness, readiness and metrics. */
  PORT: port().default(8084),
  LOG_LEVEL: logLevel(),
  KAFKA_BROKERS: brokers(),
  DATABASE_URL: url('postgres', 'postgresql'),
  REDIS_URL: url('redis', 'rediss'),
  /** From one publication to the next; what changes in between is published once. */
  PUBLISH_INTERVAL_MS: milliseconds().default(50),
  /** A restart reads at most so much of the log again. */
  CHECKPOINT_INTERVAL_MS: milliseconds(100).default(5_000),
  SHUTDOWN_GRACE_MS: milliseconds(100).default(10_000),
}

export const readConfig = () => parseEnvironment(Environment, process.env)
