import {
  milliseconds,
  port,
  readConfig as parseEnvironment,
  serviceEnvironment,
  url,
} from '@bourse/platform/config'
import { kafkaEnvironment } from '@bourse/platform/kafka/security'

/** Everything the service reads from its environment. Credentials for S3 are found by the SDK. */
export const environment = {
  ...serviceEnvironment,
  ...kafkaEnvironment,
  /** Liveness, readiness and metrics. */
  PORT: port().default(8086),
  /** `s3://bucket/prefix` or `file:///path`: the folders `trades` and `events` are below it. */
  TABLES_URL: url('s3', 'file'),
  /** A file is closed when its first row has waited so long. */
  FILE_AGE_MS: milliseconds(100).default(300_000),
  SHUTDOWN_GRACE_MS: milliseconds(100).default(30_000),
}

/** Parses once, at start, and hands each part what it needs. */
export function readConfig() {
  const env = parseEnvironment(environment, process.env)
  return {
    ...env,
    times: { graceMs: env.SHUTDOWN_GRACE_MS, drainDelayMs: env.DRAIN_DELAY_MS },
    ops: { port: env.PORT, host: env.HOST },
  }
}
