import { join } from 'node:path'
import type { HostConfig } from './config.ts'
import { fetchKafka, prepareKafka } from './kafka.ts'
import type { ProcessSpec } from './managed-process.ts'
import type { PortSetting } from './ports.ts'
import { createDatabase, preparePostgres } from './postgres.ts'
import { step, type Report } from './progress.ts'
import { prepareRedis } from './redis.ts'

const KAFKA_HEAP_MIB = 768

/** Servers that run elsewhere and are used instead of local ones. */
export type ExternalServers = {
  readonly kafkaBrokers?: string | undefined
  readonly databaseUrl?: string | undefined
  readonly databaseReadUrl?: string | undefined
  readonly redisUrl?: string | undefined
}

export type ServerContext = {
  readonly host: HostConfig
  readonly home: string
  readonly ports: Readonly<Record<PortSetting, number>>
  readonly report: Report
  /** Starts a process and waits until it is ready. */
  readonly start: (spec: ProcessSpec) => Promise<void>
}

/** Addresses that resolve when their servers are ready. */
type StartingServers = {
  readonly kafkaBrokers: Promise<string>
  readonly databaseUrl: Promise<string>
  readonly redisUrl: Promise<string>
}

/** Starts Kafka, PostgreSQL and Redis side by side, but for those that run elsewhere. */
export function startServers(context: ServerContext, external: ExternalServers): StartingServers {
  return {
    kafkaBrokers: resolved(external.kafkaBrokers) ?? startKafka(context),
    databaseUrl: resolved(external.databaseUrl) ?? startPostgres(context),
    redisUrl: resolved(external.redisUrl) ?? startRedis(context),
  }
}

function resolved(url: string | undefined): Promise<string> | undefined {
  return url === undefined ? undefined : Promise.resolve(url)
}

async function startKafka({ host, home, ports, report, start }: ServerContext): Promise<string> {
  const jars = await step(report, 'kafka jars', () => fetchKafka(host))
  const run = async () => {
    const spec = await prepareKafka({
      host,
      jars,
      folder: join(home, 'kafka'),
      logFile: join(home, 'log/kafka.log'),
      port: ports.KAFKA_PORT,
      controllerPort: ports.KAFKA_CONTROLLER_PORT,
      heapMiB: KAFKA_HEAP_MIB,
    })
    await start(spec)
    return `127.0.0.1:${ports.KAFKA_PORT}`
  }
  return step(report, 'kafka', run, String)
}

function startPostgres({ host, home, ports, report, start }: ServerContext): Promise<string> {
  const port = ports.POSTGRES_PORT
  const run = async () => {
    const { spec, databaseUrl } = await preparePostgres({
      host,
      folder: join(home, 'postgres'),
      logFile: join(home, 'log/postgres.log'),
      port,
    })
    await start(spec)
    await createDatabase(databaseUrl)
    return databaseUrl
  }
  return step(report, 'postgres', run, () => `127.0.0.1:${port}`)
}

function startRedis({ host, home, ports, report, start }: ServerContext): Promise<string> {
  const port = ports.REDIS_PORT
  const run = async () => {
    const logFile = join(home, 'log/redis.log')
    await start(await prepareRedis({ host, folder: join(home, 'redis'), logFile, port }))
    return `redis://127.0.0.1:${port}`
  }
  return step(report, 'redis', run, () => `127.0.0.1:${port}`)
}
