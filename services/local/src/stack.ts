import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readHostConfig, type HostConfig } from './config.ts'
import { fetchKafka, prepareKafka } from './kafka.ts'
import { ManagedProcess, type ProcessSpec } from './managed-process.ts'
import { freePorts, requireFreePorts } from './ports.ts'
import { createDatabase, preparePostgres } from './postgres.ts'
import { step, type Report } from './progress.ts'
import { prepareRedis } from './redis.ts'

const KAFKA_HEAP_MIB = 768

/** Every port of the servers, by the setting that names it. */
export const SERVER_PORTS = ['KAFKA_PORT', 'KAFKA_CONTROLLER_PORT', 'POSTGRES_PORT', 'REDIS_PORT'] as const
export type ServerPort = (typeof SERVER_PORTS)[number]

export type StackOptions = {
  /** Folder of all data, logs and keys. */
  readonly home: string
  /** Ports that are not named are picked among the free ones. */
  readonly ports?: Partial<Record<ServerPort, number>>
  readonly riskPartitions?: number
  readonly matchingPartitions?: number
  /** Servers that run elsewhere and are used instead of local ones. */
  readonly external?: {
    readonly kafkaBrokers?: string | undefined
    readonly databaseUrl?: string | undefined
    readonly databaseReadUrl?: string | undefined
    readonly redisUrl?: string | undefined
  }
  readonly report?: Report
  /** Called after a process started or ended, with all processes so far. */
  readonly onChange?: (processes: readonly ManagedProcess[]) => void
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal
}

export type StackUrls = {
  readonly kafkaBrokers: string
  readonly databaseUrl: string
  readonly databaseReadUrl: string
  readonly redisUrl: string
}

export type Stack = {
  readonly urls: StackUrls
  readonly processes: readonly ManagedProcess[]
  /** The process called `kafka`, `postgres` or `redis`. */
  readonly process: (name: string) => ManagedProcess
  /** Stops everything, the last started first. */
  readonly stop: () => Promise<void>
}

/** Starts the servers and creates topics and database. Whatever was started is stopped again when a step fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const home = resolve(options.home)
  const processes: ManagedProcess[] = []
  const stop = () => stopAll(processes)
  options.signal?.addEventListener('abort', () => void stop(), { once: true })
  try {
    const urls = await startServers({ ...options, home }, processes)
    return { urls, processes, process: (name) => find(processes, name), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startServers(options: StackOptions, processes: ManagedProcess[]): Promise<StackUrls> {
  const {
    home,
    external = {},
    report = () => {},
    onChange,
    signal,
    riskPartitions = 1,
    matchingPartitions = 1,
  } = options
  const host = readHostConfig()
  await mkdir(join(home, 'log'), { recursive: true, mode: 0o755 })
  const ports = await step(report, 'ports', () => choosePorts(options))
  const start = async (spec: ProcessSpec) => {
    signal?.throwIfAborted()
    const process = new ManagedProcess(spec, () => onChange?.(processes))
    processes.push(process)
    await process.start()
  }
  const local = { host, home, ports, start, report }
  const started = await Promise.allSettled([
    external.kafkaBrokers ?? startKafka(local),
    external.databaseUrl ?? startPostgres(local),
    external.redisUrl ?? startRedis(local),
  ])
  const [kafkaBrokers, databaseUrl, redisUrl] = started.map(valueOf) as [string, string, string]
  const shards = { riskPartitions, matchingPartitions }
  await step(report, 'topics', async () => {
    // Loaded late: a native library that does not load fails this step, and is told with it.
    const { createTopics } = await import('./topics.ts')
    await createTopics(kafkaBrokers, shards)
  })
  return { kafkaBrokers, databaseUrl, databaseReadUrl: external.databaseReadUrl ?? databaseUrl, redisUrl }
}

type LocalServers = {
  readonly host: HostConfig
  readonly home: string
  readonly ports: Record<ServerPort, number>
  readonly start: (spec: ProcessSpec) => Promise<void>
  readonly report: Report
}

async function startKafka({ host, home, ports, start, report }: LocalServers): Promise<string> {
  const jars = await step(report, 'kafka jars', () => fetchKafka(host))
  const address = `127.0.0.1:${ports.KAFKA_PORT}`
  return step(
    report,
    'kafka',
    async () => {
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
      return address
    },
    String,
  )
}

function startPostgres({ host, home, ports, start, report }: LocalServers): Promise<string> {
  const folder = join(home, 'postgres')
  const port = ports.POSTGRES_PORT
  return step(
    report,
    'postgres',
    async () => {
      const server = await preparePostgres({ host, folder, logFile: join(home, 'log/postgres.log'), port })
      await start(server.spec)
      await createDatabase(server.databaseUrl)
      return server.databaseUrl
    },
    () => `127.0.0.1:${port}`,
  )
}

function startRedis({ host, home, ports, start, report }: LocalServers): Promise<string> {
  const port = ports.REDIS_PORT
  return step(
    report,
    'redis',
    async () => {
      await start(
        await prepareRedis({ host, folder: join(home, 'redis'), logFile: join(home, 'log/redis.log'), port }),
      )
      return `redis://127.0.0.1:${port}`
    },
    () => `127.0.0.1:${port}`,
  )
}

async function choosePorts({ ports = {} }: StackOptions): Promise<Record<ServerPort, number>> {
  const named = SERVER_PORTS.flatMap((setting) => {
    const port = ports[setting]
    return port === undefined ? [] : [{ setting, port }]
  })
  await requireFreePorts(named)
  const picked = await freePorts(SERVER_PORTS.length)
  const chosen = SERVER_PORTS.map((setting, index) => [setting, ports[setting] ?? picked[index]])
  return Object.fromEntries(chosen) as Record<ServerPort, number>
}

function find(processes: readonly ManagedProcess[], name: string): ManagedProcess {
  const found = processes.find(({ spec }) => spec.name === name)
  if (found === undefined) throw new Error(`no process is called ${name}`)
  return found
}

async function stopAll(processes: readonly ManagedProcess[]): Promise<void> {
  for (const process of processes.toReversed()) await process.stop()
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}
