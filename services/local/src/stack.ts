import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { migrateLedger } from '@bourse/ledger/migrate'
import type { ExchangeShape } from '@bourse/operator/topics'
import { runCommand } from './command.ts'
import { readHostConfig, REPOSITORY } from './config.ts'
import { prepareKeys } from './keys.ts'
import type { ManagedProcess, ProcessSpec } from './managed-process.ts'
import { completePorts, requireFreePorts, type PortSetting } from './ports.ts'
import { ProcessGroup } from './process-group.ts'
import { step, type Report } from './progress.ts'
import { startServers, type ExternalServers } from './servers.ts'
import { listReplicas, servicePorts, serviceSpec, type Replicas, type ServiceReplica } from './services.ts'
import { settleAll } from './settle.ts'

export type StackOptions = {
  /** Folder of all data, logs and keys. */
  readonly home: string
  /** Ports that are not named are picked among the free ones. */
  readonly ports?: Partial<Record<PortSetting, number>>
  /** @default 1 */
  readonly riskPartitions?: number
  /** @default 1 */
  readonly matchingPartitions?: number
  /** How many replicas of each service run. @default none: only the servers and the topics */
  readonly replicas?: Replicas
  /** Added to every service's environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Compiles the services first. @default false: they run as they were last compiled */
  readonly build?: boolean
  readonly external?: ExternalServers
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
  readonly home: string
  readonly urls: StackUrls
  /** Where the API is served; nothing answers there when the gateway is not among the services. */
  readonly gatewayUrl: string
  /**
   * A process by its name: `kafka`, `postgres`, `redis`, or a service's, such as `risk-engine`; a second replica is
   * called `risk-engine-2`.
   */
  readonly process: (name: string) => ManagedProcess
  /** Stops everything, the last started first. The data stays in `home`. */
  readonly stop: () => Promise<void>
}

/** Starts servers and services. Whatever was started is stopped again when a step fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const processes = new ProcessGroup(options.onChange)
  options.signal?.addEventListener('abort', () => void processes.stop(), { once: true })
  try {
    return await startParts({ ...options, home: resolve(options.home) }, processes)
  } catch (error) {
    await processes.stop()
    throw error
  }
}

async function startParts(options: StackOptions, processes: ProcessGroup): Promise<Stack> {
  const { home, report = () => {}, riskPartitions = 1, matchingPartitions = 1, environment = {} } = options
  const host = readHostConfig()
  await mkdir(join(home, 'log'), { recursive: true, mode: 0o755 })
  const ports = await step(report, 'ports', () => choosePorts(options))
  const replicas = await listReplicas(options.replicas ?? {}, ports)
  const hasServices = replicas.length > 0
  const start = (spec: ProcessSpec) => processes.start(spec)
  const servers = startServers({ host, home, ports, report, start }, options.external ?? {})
  const shards = { riskPartitions, matchingPartitions }
  const [kafkaBrokers, databaseUrl, redisUrl, jwksFile] = await settleAll([
    servers.kafkaBrokers.then((brokers) => step(report, 'topics', () => prepareTopics(brokers, shards))),
    servers.databaseUrl.then((url) => (hasServices ? step(report, 'schema', () => migrate(url)) : url)),
    servers.redisUrl,
    prepareKeys(home),
    hasServices && options.build ? step(report, 'build', () => build(replicas)) : undefined,
  ])
  const urls = {
    kafkaBrokers,
    databaseUrl,
    databaseReadUrl: options.external?.databaseReadUrl ?? databaseUrl,
    redisUrl,
  }
  const context = { ...urls, host, home, jwksFile, ...shards, environment }
  await settleAll(
    replicas.map(async (replica) => {
      const spec = serviceSpec(context, replica)
      await step(
        report,
        spec.name,
        () => processes.start(spec),
        () => `health on 127.0.0.1:${spec.port}`,
      )
    }),
  )
  const gatewayUrl = `http://127.0.0.1:${ports.GATEWAY_PORT}`
  return { home, urls, gatewayUrl, process: (name) => processes.get(name), stop: () => processes.stop() }
}

async function choosePorts({ ports = {}, replicas = {}, external = {} }: StackOptions) {
  const used = [
    ...(external.kafkaBrokers === undefined ? (['KAFKA_PORT', 'KAFKA_CONTROLLER_PORT'] as const) : []),
    ...(external.databaseUrl === undefined ? (['POSTGRES_PORT'] as const) : []),
    ...(external.redisUrl === undefined ? (['REDIS_PORT'] as const) : []),
    ...servicePorts(replicas),
  ]
  await requireFreePorts(
    used.flatMap((setting) => (ports[setting] === undefined ? [] : [{ setting, port: ports[setting] }])),
  )
  return completePorts(ports)
}

async function build(replicas: readonly ServiceReplica[]): Promise<void> {
  const projects = new Set(replicas.map(({ service }) => `services/${service}`))
  await runCommand([process.execPath, 'node_modules/typescript/bin/tsc', '-b', ...projects], {
    cwd: REPOSITORY,
    advice: 'The sources do not compile.',
  })
}

async function migrate(databaseUrl: string): Promise<string> {
  await migrateLedger(databaseUrl, Date.now())
  return databaseUrl
}

async function prepareTopics(kafkaBrokers: string, shape: ExchangeShape): Promise<string> {
  // Loaded late: a native library that does not load fails this step and is told with it.
  const { createLocalTopics } = await import('./local-topics.ts')
  await createLocalTopics(kafkaBrokers, shape)
  return kafkaBrokers
}
