import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { requireProgram, runCommand } from './command.ts'
import type { HostConfig } from './config.ts'
import type { ProcessSpec } from './managed-process.ts'
import { probe } from './probe.ts'

const PACKAGE = join(import.meta.dirname, '..')

export type KafkaOptions = {
  readonly host: HostConfig
  /** Folder of Kafka's jars. */
  readonly jars: string
  /** Folder of the broker's data and settings. */
  readonly folder: string
  readonly logFile: string
  readonly port: number
  readonly controllerPort: number
  /** Largest Java heap, in MiB. */
  readonly heapMiB: number
}

/**
 * Copies Kafka's jars through Maven, once for every version of `pom.xml`, and returns their folder. They lie in the
 * user's cache, so that forgetting an exchange's data does not download them again.
 */
export async function fetchKafka({ cacheFolder, path }: HostConfig): Promise<string> {
  const pom = readFileSync(join(PACKAGE, 'pom.xml'))
  const key = createHash('sha256').update(pom).digest('hex').slice(0, 12)
  const folder = join(cacheFolder, `kafka-${key}`)
  if (existsSync(folder)) return folder
  await mkdir(cacheFolder, { recursive: true })
  const partial = await mkdtemp(`${folder}-`)
  const maven = requireProgram('mvn', 'Maven', path)
  await runCommand(
    [
      maven,
      '-B',
      '-q',
      '-f',
      join(PACKAGE, 'pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${partial}`,
    ],
    { advice: 'Maven must reach Maven Central, or a mirror that ~/.m2/settings.xml names.' },
  )
  // Someone else may have finished first; the content is the same.
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }))
  return folder
}

/** Writes the broker's settings, formats its storage the first time, and tells how to run it. */
export async function prepareKafka(options: KafkaOptions): Promise<ProcessSpec> {
  const { host, jars, folder, logFile, port, heapMiB } = options
  await mkdir(folder, { recursive: true })
  const settings = join(folder, 'server.properties')
  await writeFile(settings, serverProperties(options))
  const java = requireProgram('java', 'a Java runtime, version 17 or later', host.path)
  const classPath = ['-cp', join(jars, '*')]
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    const clusterId = randomBytes(16).toString('base64url')
    await runCommand([
      java,
      ...classPath,
      'kafka.tools.StorageTool',
      'format',
      // As one word: an id may begin with a dash.
      `--cluster-id=${clusterId}`,
      '-c',
      settings,
    ])
  }
  return {
    name: 'kafka',
    command: [
      java,
      `-Xms256m`,
      `-Xmx${heapMiB}m`,
      '-XX:+UseG1GC',
      '-XX:MaxGCPauseMillis=20',
      '-XX:+ExitOnOutOfMemoryError',
      `-Dlog4j2.configurationFile=${join(PACKAGE, 'log4j2.properties')}`,
      ...classPath,
      'kafka.Kafka',
      settings,
    ],
    env: host.env,
    cwd: folder,
    logFile,
    port,
    stopSignal: 'SIGTERM',
    stopGraceMs: 20_000,
    readyWithinMs: 60_000,
    isReady: () => brokerAnswers(port),
  }
}

function serverProperties({ folder, port, controllerPort }: KafkaOptions): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'log.retention.ms': -1,
    'message.max.bytes': 2 * 1024 * 1024,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // An engine that crashed or hands over is replaced within its session, at once.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A broker that was killed may register again only when the session of its former life has ended.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // The default of 128 MiB would be a large part of a small heap.
    'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Whether a broker answers an ApiVersions request: a port that only accepts connections is not ready yet. */
export function brokerAnswers(port: number, host?: string): Promise<boolean> {
  // Length, API key 18, version 0, correlation id, no client id: https://kafka.apache.org/protocol
  const request = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  return probe({ port, ...(host !== undefined && { host }), request, accepts: (answer) => answer.length > 0 })
}
