import { missing, note, ok, type Check, type Verdict } from './doctor-check.ts'

/** What the checks of a machine ask it. */
export type Machine = {
  /** What a program prints, both its outputs together; undefined when it is not there. */
  readonly output: (program: string, ...args: readonly string[]) => Promise<string | undefined>
  readonly has: (program: string) => boolean
  readonly fileExists: (path: string) => boolean
  /** Who listens on a port; undefined when nobody does. */
  readonly portHolder: (port: number) => Promise<string | undefined>
  readonly isExchangeUp: () => boolean
  readonly ports: Readonly<Record<string, number>>
  readonly freeDiskBytes: () => Promise<number>
  readonly memoryBytes: () => number
  readonly openFilesMax: () => Promise<number>
}

const GIBIBYTE = 2 ** 30
const DISK_BYTES_MIN = 5 * GIBIBYTE
const MEMORY_BYTES_MIN = 3 * GIBIBYTE
/** Kafka keeps its segments open, PostgreSQL its tables, the gateway its clients. */
const OPEN_FILES_MIN = 4_096
const INSTALL = 'bash services/local/bootstrap.sh'
const KAFKA_CLIENT = 'node_modules/node-rdkafka/build/Release/node-librdkafka.node'

/** Everything that `make up` and `make test` need. */
export const MACHINE_CHECKS: readonly Check<Machine>[] = [
  versionCheck({
    title: 'Node.js',
    command: ['node', '--version'],
    pattern: /v(\d+)\.(\d+)/,
    least: [20, 19],
  }),
  versionCheck({ title: 'Java', command: ['java', '-version'], pattern: /version "(\d+)/, least: [17] }),
  programCheck('PostgreSQL', 'postgres', 'the database'),
  programCheck('Redis', 'redis-server', 'the cache'),
  programCheck('Maven', 'mvn', 'brings Kafka the first time'),
  programCheck('C++ compiler', 'g++', 'compiles the Kafka client'),
  programCheck('make', 'make', 'runs everything'),
  programCheck('Python', 'python3', 'configures that build, validates manifests'),
  programCheck('promtool', 'promtool', 'tests the alerts'),
  {
    title: 'Kafka client',
    run: async ({ fileExists }) =>
      fileExists(KAFKA_CLIENT) ? ok('compiled for this machine') : missing('is not compiled', INSTALL),
  },
  { title: 'ports', run: freePorts },
  {
    title: 'disk',
    run: async ({ freeDiskBytes }) =>
      atLeast(await freeDiskBytes(), DISK_BYTES_MIN, 'Free some space: Kafka keeps its whole log.'),
  },
  {
    title: 'memory',
    run: async ({ memoryBytes }) =>
      atLeast(
        memoryBytes(),
        MEMORY_BYTES_MIN,
        'Close other programs; Kafka and PostgreSQL alone take a gigabyte.',
      ),
  },
  {
    title: 'open files',
    run: async ({ openFilesMax }) => {
      const most = await openFilesMax()
      return most >= OPEN_FILES_MIN
        ? ok(`up to ${most}`)
        : missing(`only ${most}`, `ulimit -n ${OPEN_FILES_MIN}`)
    },
  },
  {
    title: 'for clusters',
    run: async ({ has }) => {
      const absent = ['docker', 'kubectl', 'kind', 'skaffold'].filter((program) => !has(program))
      return absent.length === 0
        ? ok('docker, kubectl, kind, skaffold')
        : note(`not here: ${absent.join(', ')}`)
    },
  },
]

type VersionCheck = {
  readonly title: string
  readonly command: readonly [string, ...string[]]
  readonly pattern: RegExp
  readonly least: readonly number[]
}

function versionCheck({ title, command: [program, ...args], pattern, least }: VersionCheck): Check<Machine> {
  const wanted = least.join('.')
  return {
    title,
    run: async ({ output }) => {
      const text = await output(program, ...args)
      if (text === undefined) return missing(`${program} is not installed`, INSTALL)
      const found = pattern.exec(text)?.slice(1).map(Number) ?? []
      const says = `${found.join('.') || 'of unknown version'}`
      return isAtLeast(found, least)
        ? ok(says)
        : missing(`${says}, needed is ${wanted}`, `Install ${title} ${wanted} or later.`)
    },
  }
}

function programCheck(title: string, program: string, purpose: string): Check<Machine> {
  return {
    title,
    run: async ({ has }) =>
      has(program) ? ok(purpose) : missing(`${program} is not installed: ${purpose}`, INSTALL),
  }
}

async function freePorts({ ports, portHolder, isExchangeUp }: Machine): Promise<Verdict> {
  if (isExchangeUp()) return note('the exchange runs and holds its own')
  const taken: string[] = []
  for (const [setting, port] of Object.entries(ports)) {
    const holder = await portHolder(port)
    if (holder !== undefined) taken.push(`${port} (${setting}) is held by ${holder}`)
  }
  if (taken.length === 0) return ok('all free')
  return missing(taken.join('; '), 'Stop that process, or choose another port: `make up SETTING=port`.')
}

function atLeast(bytes: number, least: number, mend: string): Verdict {
  const says = `${(bytes / GIBIBYTE).toFixed(1)} GiB`
  return bytes >= least ? ok(says) : missing(`${says}, needed is ${least / GIBIBYTE} GiB`, mend)
}

function isAtLeast(found: readonly number[], least: readonly number[]): boolean {
  if (found.length === 0) return false
  const differing = least.findIndex((part, index) => (found[index] ?? 0) !== part)
  return differing < 0 || (found[differing] ?? 0) > (least[differing] ?? 0)
}
