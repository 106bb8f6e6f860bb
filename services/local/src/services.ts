import { join } from 'node:path'
import { REPOSITORY, type HostConfig } from './config.ts'
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from './keys.ts'
import type { ProcessSpec } from './managed-process.ts'
import { freePort, type PortSetting } from './ports.ts'
import { isServiceReady } from './probe.ts'
import { SERVICES, type ServiceName } from './service-names.ts'

const OPS_PORTS = {
  'risk-engine': 'RISK_ENGINE_OPS_PORT',
  'matching-engine': 'MATCHING_ENGINE_OPS_PORT',
  settlement: 'SETTLEMENT_OPS_PORT',
  'market-data': 'MARKET_DATA_OPS_PORT',
  gateway: 'GATEWAY_OPS_PORT',
} as const satisfies Record<ServiceName, PortSetting>

/** How many replicas of each service run. */
export type Replicas = Partial<Readonly<Record<ServiceName, number>>>

/** One replica of each of the services named. */
export function oneOfEach(services: readonly ServiceName[]): Replicas {
  return Object.fromEntries(services.map((service) => [service, 1]))
}

/** The ports that must be free for the first replicas. */
export function servicePorts(replicas: Replicas): PortSetting[] {
  return SERVICES.filter((service) => replicas[service]).flatMap((service) =>
    service === 'gateway' ? ['GATEWAY_PORT', OPS_PORTS.gateway] : [OPS_PORTS[service]],
  )
}

/** What the services need to know of the stack they belong to. */
export type ServiceContext = {
  readonly host: HostConfig
  readonly home: string
  readonly kafkaBrokers: string
  readonly databaseUrl: string
  readonly databaseReadUrl: string
  readonly redisUrl: string
  readonly jwksFile: string
  readonly riskPartitions: number
  readonly matchingPartitions: number
  /** Added to every service's environment. */
  readonly environment: Readonly<Record<string, string>>
}

export type ServiceReplica = {
  readonly service: ServiceName
  /** Names the process, its log and the instance: `risk-engine`, and `risk-engine-2` for a second replica. */
  readonly name: string
  /** Answers /live, /ready and /metrics. */
  readonly port: number
  /** Where the gateway serves its API. */
  readonly publicPort: number
}

/** Lists the replicas in the order of their start. The first has the ports that are set, any other one free ports. */
export async function listReplicas(
  replicas: Replicas,
  ports: Readonly<Record<PortSetting, number>>,
): Promise<ServiceReplica[]> {
  const listed: ServiceReplica[] = []
  for (const service of SERVICES) {
    for (let number = 1; number <= (replicas[service] ?? 0); number++) {
      const name = number === 1 ? service : `${service}-${number}`
      const standard = [ports[OPS_PORTS[service]], ports.GATEWAY_PORT] as const
      const [port, publicPort] = number === 1 ? standard : [await freePort(), await freePort()]
      listed.push({ service, name, port, publicPort })
    }
  }
  return listed
}

/** Tells how to run one replica of a service. Each setting is given only to the services that read it. */
export function serviceSpec(context: ServiceContext, replica: ServiceReplica): ProcessSpec {
  const { host, home, environment } = context
  const { service, name, port } = replica
  return {
    name,
    command: [
      process.execPath,
      '--enable-source-maps',
      join(REPOSITORY, 'services', service, 'dist/main.js'),
    ],
    env: { ...host.env, ...serviceEnvironment(context, replica), ...environment },
    cwd: REPOSITORY,
    logFile: join(home, 'log', `${name}.log`),
    port,
    stopSignal: 'SIGTERM',
    stopGraceMs: 25_000,
    readyWithinMs: 60_000,
    isReady: () => isServiceReady(port),
  }
}

function serviceEnvironment(
  context: ServiceContext,
  { service, name, port, publicPort }: ServiceReplica,
): Record<string, string> {
  const everyService = {
    PORT: String(port),
    HOST: '127.0.0.1',
    INSTANCE: name,
    KAFKA_BROKERS: context.kafkaBrokers,
    // Every waiting Kafka client holds one of libuv's threads.
    UV_THREADPOOL_SIZE: '16',
  }
  const database = { DATABASE_URL: context.databaseUrl }
  switch (service) {
    case 'risk-engine':
    case 'matching-engine':
    case 'settlement':
      return { ...everyService, ...database }
    case 'market-data':
      return { ...everyService, ...database, REDIS_URL: context.redisUrl }
    case 'gateway':
      return {
        ...everyService,
        RISK_PARTITIONS: String(context.riskPartitions),
        MATCHING_PARTITIONS: String(context.matchingPartitions),
        PUBLIC_PORT: String(publicPort),
        DATABASE_READ_URL: context.databaseReadUrl,
        REDIS_URL: context.redisUrl,
        JWKS_FILE: context.jwksFile,
        JWT_ISSUER: TOKEN_ISSUER,
        JWT_AUDIENCE: TOKEN_AUDIENCE,
      }
  }
}
