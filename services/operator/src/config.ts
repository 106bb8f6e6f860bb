import {
  bool,
  databaseEnvironment,
  int,
  port,
  readConfig,
  serviceEnvironment,
  url,
} from '@bourse/platform/config'
import { kafkaEnvironment } from '@bourse/platform/kafka/security'
import { z } from 'zod'

const text = () => z.string().min(1)
const partitions = () => int({ min: 1, max: 256 })
const brokersCount = () => int({ min: 1, max: 9 }).default(1)

const places = { ...kafkaEnvironment, ...databaseEnvironment }
const shape = { RISK_PARTITIONS: partitions(), MATCHING_PARTITIONS: partitions() }

/** What each command reads from the environment. */
export const environments = {
  prepare: {
    ...places,
    ...shape,
    REPLICATION_FACTOR: brokersCount(),
    MIN_INSYNC_REPLICAS: brokersCount(),
    /** The inputs' first records are the cut's to write: they are waited for. */
    STANDBY_REGION: bool().default(false),
  },
  cut: {
    ...places,
    ...shape,
    REPLICATION_FACTOR: brokersCount(),
    MIN_INSYNC_REPLICAS: brokersCount(),
    /** Where the copies are, when they are not on this region's brokers. */
    SOURCE_KAFKA_BROKERS: text().optional(),
    /** Health and metrics. Default: none are served. */
    PORT: port().optional(),
    HOST: serviceEnvironment.HOST,
    BOURSE_VERSION: serviceEnvironment.BOURSE_VERSION,
  },
  secrets: {
    NAMESPACE: text(),
    DATABASE_HOST: text(),
    REDIS_HOST: text(),
    KUBERNETES_SERVICE_HOST: text(),
    KUBERNETES_SERVICE_PORT: port(),
  },
  'demo-market': {
    BOURSE_URL: url('http', 'https'),
    SIGNING_KEY_FILE: text(),
    JWT_ISSUER: text(),
    JWT_AUDIENCE: text(),
    MATCHING_PARTITIONS: partitions(),
  },
  reconcile: places,
  smoke: {
    BOURSE_URL: url('http', 'https'),
    /** Without it only what is public is read. */
    SIGNING_KEY_FILE: text().optional(),
    JWT_ISSUER: text().optional(),
    JWT_AUDIENCE: text().optional(),
  },
} as const

/** @throws ConfigError naming everything that is wrong */
export const readEnvironment = <Name extends keyof typeof environments>(command: Name) =>
  readConfig<(typeof environments)[Name]>(environments[command], process.env)
