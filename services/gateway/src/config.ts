import {
  databaseEnvironment,
  databasePlace,
  int,
  milliseconds,
  port,
  readConfig as read,
  redisEnvironment,
  serviceEnvironment,
  url,
} from '@bourse/platform/config'
import { kafkaEnvironment } from '@bourse/platform/kafka/security'
import { z } from 'zod'

const { DATABASE_CA_FILE, DATABASE_PASSWORD_FILE } = databaseEnvironment

/** No read takes so long, unless the database is in trouble. */
const STATEMENT_TIMEOUT_MS = 5_000

/** Everything the gateway reads from its environment. Names and defaults are stated here only. */
export const environment = {
  /** `INSTANCE`: its hash chooses where answers come to. */
  ...serviceEnvironment,
  ...kafkaEnvironment,
  /** Of /live, /ready and /metrics. */
  PORT: port().default(8081),
  /** Of the public API. */
  PUBLIC_PORT: port().default(8080),
  RISK_PARTITIONS: int({ min: 1, max: 256 }),
  MATCHING_PARTITIONS: int({ min: 1, max: 65_536 }),
  DATABASE_READ_URL: url('postgres', 'postgresql'),
  DATABASE_CA_FILE,
  DATABASE_PASSWORD_FILE,
  DATABASE_CONNECTIONS_MAX: int({ min: 1, max: 100 }).default(8),
  ...redisEnvironment,
  /** Public keys that verify access tokens: a file, or where the issuer serves them. */
  JWKS_FILE: z.string().optional(),
  JWKS_URL: url('http', 'https').optional(),
  JWT_ISSUER: z.string().min(1),
  JWT_AUDIENCE: z.string().min(1),
  ORDER_DEADLINE_MS: milliseconds().default(5_000),
  /** Above what a crash of an engine costs, so that most commands outlive one. */
  REQUEST_TIMEOUT_MS: milliseconds().default(12_000),
  READ_WAIT_MS: milliseconds(0).default(2_000),
  IN_FLIGHT_MAX: int({ min: 1, max: 1_000_000 }).default(10_000),
  /** Above the pause of a planned handover, so that none sheds load. */
  SHED_REPLY_LAG_MS: milliseconds().default(3_000),
  RATE_PER_SECOND: int({ min: 1, max: 1_000_000 }).default(1_000),
  RATE_BURST: int({ min: 1, max: 1_000_000 }).default(1_000),
  SHUTDOWN_GRACE_MS: milliseconds().default(20_000),
}

/** Parses once, at start, and hands each part what it needs. Every problem is told in one message. */
export function readConfig() {
  const env = read(environment, process.env)
  const shards = { riskShards: env.RISK_PARTITIONS, matchingShards: env.MATCHING_PARTITIONS }
  return {
    ops: { port: env.PORT, host: env.HOST },
    api: { port: env.PUBLIC_PORT, host: env.HOST },
    times: { graceMs: env.SHUTDOWN_GRACE_MS, drainDelayMs: env.DRAIN_DELAY_MS },
    /** Requests in work may still be answered when no new ones are taken. */
    drainMs: Math.min(env.REQUEST_TIMEOUT_MS + 1_000, env.SHUTDOWN_GRACE_MS / 2),
    log: { level: env.LOG_LEVEL },
    kafka: env,
    instance: env.INSTANCE,
    version: env.BOURSE_VERSION,
    redis: { url: env.REDIS_URL, passwordFile: env.REDIS_PASSWORD_FILE, clientName: env.INSTANCE },
    postgres: {
      ...databasePlace({ ...env, DATABASE_URL: env.DATABASE_READ_URL }),
      max: env.DATABASE_CONNECTIONS_MAX,
      applicationName: env.INSTANCE,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    },
    books: { waitMs: env.READ_WAIT_MS },
    keys: { file: env.JWKS_FILE, url: env.JWKS_URL },
    tokens: { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE },
    rate: { perSecond: env.RATE_PER_SECOND, burst: env.RATE_BURST },
    shards,
    orderEntry: {
      instanceName: env.INSTANCE,
      riskShards: shards.riskShards,
      inFlightMax: env.IN_FLIGHT_MAX,
      shedReplyLagMs: env.SHED_REPLY_LAG_MS,
      requestTimeoutMs: env.REQUEST_TIMEOUT_MS,
      orderDeadlineMs: env.ORDER_DEADLINE_MS,
    },
  }
}
