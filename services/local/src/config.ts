import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { z } from 'zod'
import { StepFailure } from './failure.ts'
import { PORT_SETTINGS, STANDARD_PORTS, type PortSetting } from './ports.ts'
import { SERVICES } from './service-names.ts'

export const REPOSITORY = resolve(import.meta.dirname, '../../..')

type Environment = Readonly<Record<string, string | undefined>>

/** What the machine's own environment tells: where programs are, where a cache belongs, what children inherit. */
export type HostConfig = {
  readonly path: readonly string[]
  readonly cacheFolder: string
  readonly env: Environment
}

export function readHostConfig(env: Environment = process.env): HostConfig {
  const javaHome = env['JAVA_HOME'] ? [join(env['JAVA_HOME'], 'bin')] : []
  const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return {
    path: [...javaHome, ...(env['PATH'] ?? '').split(delimiter)],
    cacheFolder: join(cache, 'bourse'),
    env,
  }
}

const PARTITIONS_MAX = 64

const PORT_MAX = 65_535
const portSchemas = Object.fromEntries(
  PORT_SETTINGS.map((setting) => [
    setting,
    z.coerce.number().int().min(1).max(PORT_MAX).default(STANDARD_PORTS[setting]),
  ]),
) as Record<PortSetting, z.ZodDefault<z.ZodCoercedNumber>>
const partitions = z.coerce.number().int().min(1).max(PARTITIONS_MAX).default(1)
/** Service names with commas between them, `all` or `none`: whoever debugs a service starts the others. */
const services = z
  .string()
  .default('all')
  .transform((list) => (list === 'all' ? [...SERVICES] : list === 'none' ? [] : list.split(',')))
  .pipe(z.array(z.enum(SERVICES)))
const text = z.string().min(1).optional()

const schema = z.object({
  BOURSE_HOME: z.string().min(1).default(join(REPOSITORY, '.bourse')),
  ...portSchemas,
  SERVICES: services,
  RISK_PARTITIONS: partitions,
  MATCHING_PARTITIONS: partitions,
  KAFKA_BROKERS: text,
  DATABASE_URL: text,
  DATABASE_READ_URL: text,
  REDIS_URL: text,
})

export type LocalConfig = z.infer<typeof schema>

/** Reads the settings of the local exchange. Throws a failure that names every setting that is wrong. */
export function readLocalConfig(env: Environment = process.env): LocalConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(given)
  if (parsed.success) return { ...parsed.data, BOURSE_HOME: resolve(parsed.data.BOURSE_HOME) }
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new StepFailure(`wrong settings: ${problems.join('; ')}`)
}
