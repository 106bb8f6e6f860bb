import { hostname } from 'node:os'
import { z } from 'zod'

import { LOG_LEVELS } from './log.ts'
import type { DatabasePlace } from './postgres.ts'

/** A list of brokers, as Kafka's clients take it. */
const BROKERS = /^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/

/** An environment that cannot be used. The message has one line for every variable that is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Parses the environment, once, at start. Variables that the schema does not name are ignored; an empty one counts
 * as not set.
 *
 * @throws ConfigError naming every variable that is missing or wrong, never its value: it may be a secret.
 */
export function readConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<z.ZodObject<Shape>>> {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = z.object(shape).safeParse(set)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message, code }) => {
    const name = String(path[0])
    const missing = code === 'invalid_type' && set[name] === undefined
    return `  ${name}: ${missing ? 'is not set' : message}`
  })
  throw new ConfigError(`the environment cannot be used:\n${problems.join('\n')}`)
}

/** A whole number in decimal digits, and nothing else: `8080`, not `8080ms`, `1e3` or `0x10`. */
export const int = ({ min, max }: { min: number; max: number }) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)

/** A TCP port; 0 takes a free one. */
export const port = () => int({ min: 0, max: 65_535 })

/** A duration in milliseconds, up to a day. */
export const milliseconds = (min = 1) => int({ min, max: 86_400_000 })

/** `true` or `false`. */
export const bool = () =>
  z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true')

/** Parts between commas, without the space around them. */
export const list = () =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every((part) => part !== ''), 'has an empty part')

export const url = (...protocols: readonly string[]) =>
  z.string().refine(
    (value) => {
      const parsed = URL.parse(value)
      return parsed !== null && protocols.includes(parsed.protocol.slice(0, -1))
    },
    `must be a URL with ${protocols.join(' or ')}`,
  )

/** `host:port,host:port`. */
export const brokers = () => z.string().regex(BROKERS, 'must be host:port, separated by commas')

export const logLevel = () => z.enum(LOG_LEVELS).default('info')

/** A secret has no default. */
export const secret = (lengthMin = 16) =>
  z.string().min(lengthMin, `must have at least ${lengthMin} characters`)

/** What every service reads. */
export const serviceEnvironment = {
  LOG_LEVEL: logLevel(),
  /** Names this process among its kind, in Kafka's logs and metrics too: the pod's name. */
  INSTANCE: z.string().min(1).max(128).default(hostname()),
  /** Shown in its metrics. */
  BOURSE_VERSION: z.string().min(1).max(128).default('unreleased'),
  /** The address that it listens on. Default: all. */
  HOST: z.string().min(1).optional(),
  /** Not ready any more, it serves for so long before it stops: until whoever sends it work has heard. */
  DRAIN_DELAY_MS: milliseconds(0).default(0),
} as const

export const databaseEnvironment = {
  DATABASE_URL: url('postgres', 'postgresql'),
  /** Authorities of the server's certificate, which is then verified. Default: as the URL says. */
  DATABASE_CA_FILE: z.string().min(1).optional(),
  /** Holds the password, and is read for every connection: it may change. Default: the one in the URL. */
  DATABASE_PASSWORD_FILE: z.string().min(1).optional(),
} as const

export const databasePlace = (env: {
  readonly DATABASE_URL: string
  readonly DATABASE_CA_FILE?: string | undefined
  readonly DATABASE_PASSWORD_FILE?: string | undefined
}): DatabasePlace => ({
  url: env.DATABASE_URL,
  caFile: env.DATABASE_CA_FILE,
  passwordFile: env.DATABASE_PASSWORD_FILE,
})

export const redisEnvironment = {
  REDIS_URL: url('redis', 'rediss'),
  /** As DATABASE_PASSWORD_FILE. */
  REDIS_PASSWORD_FILE: z.string().min(1).optional(),
} as const
