import { randomBytes } from 'node:crypto'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import connect from 'postgres'
import { findProgram, requireProgram, runCommand } from './command.ts'
import type { HostConfig } from './config.ts'
import { StepFailure } from './failure.ts'
import type { ProcessSpec } from './managed-process.ts'

const USER = 'bourse'
const DATABASE = 'bourse'
const CONNECTIONS_MAX = 200
/** Where data goes that the unprivileged user could not reach inside the exchange's own folder. */
const SYSTEM_FOLDER = '/var/lib/bourse'
/** Debian and Ubuntu keep the server's programs off the PATH, a folder for every major version. */
const DEBIAN_FOLDER = '/usr/lib/postgresql'

export type PostgresOptions = {
  readonly host: HostConfig
  readonly folder: string
  readonly logFile: string
  readonly port: number
}

export type PostgresServer = { readonly spec: ProcessSpec; readonly databaseUrl: string }

/** The unprivileged user that runs PostgreSQL when everything else runs as root: the server refuses root. */
type Runner = { readonly uid: number; readonly gid: number; readonly command: readonly string[] }

/** Creates the cluster the first time, with a password of its own, and tells how to run it. */
export async function preparePostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { host, logFile, port } = options
  const runner = process.getuid?.() === 0 ? await postgresUser(host) : undefined
  const folder = await reachableFolder(options.folder, runner)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  const programs = programFolder(host, data)
  const as = (command: readonly [string, ...string[]]): [string, ...string[]] =>
    runner === undefined
      ? [...command]
      : (['setpriv', ...runner.command, ...command] as [string, ...string[]])

  if (!existsSync(join(data, 'PG_VERSION'))) {
    await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 })
    if (runner !== undefined) await chown(passwordFile, runner.uid, runner.gid)
    const auth = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwordFile}`]
    await runCommand(as([join(programs, 'initdb'), '-D', data, '--encoding=UTF8', '--locale=C', ...auth]), {
      cwd: folder,
    })
  }
  const urlOf = (database: string) =>
    `postgres://${USER}:${readFileSync(passwordFile, 'utf8')}@127.0.0.1:${port}/${database}`
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: CONNECTIONS_MAX,
    shared_buffers: '256MB',
    max_wal_size: '4GB',
  }
  const spec: ProcessSpec = {
    name: 'postgres',
    command: as([
      join(programs, 'postgres'),
      '-D',
      data,
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ]),
    env: host.env,
    cwd: folder,
    logFile,
    port,
    stopSignal: 'SIGINT', // A "fast" shutdown: it does not wait for clients to leave.
    stopGraceMs: 30_000,
    readyWithinMs: 60_000,
    isReady: () => databaseAnswers(urlOf('postgres')),
  }
  return { spec, databaseUrl: urlOf(DATABASE) }
}

/** Creates the exchange's database in a running cluster, unless it is there. */
export async function createDatabase(databaseUrl: string): Promise<void> {
  const url = new URL(databaseUrl)
  const database = url.pathname.slice(1)
  url.pathname = '/postgres'
  const sql = connect(url.href, { max: 1, onnotice: () => {} })
  try {
    const [found] = await sql`select 1 from pg_database where datname = ${database}`
    if (found === undefined) await sql`create database ${sql(database)}`
  } finally {
    await sql.end()
  }
}

export async function databaseAnswers(databaseUrl: string): Promise<boolean> {
  const sql = connect(databaseUrl, { max: 1, connect_timeout: 1, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 0 })
  }
}

async function postgresUser({ path }: HostConfig): Promise<Runner> {
  const id = requireProgram('id', 'coreutils', path)
  requireProgram('setpriv', 'util-linux', path)
  const advice =
    'Install PostgreSQL from your distribution, which creates that user, or run it as another user than root.'
  const uid = Number(await runCommand([id, '-u', 'postgres'], { advice }))
  const gid = Number(await runCommand([id, '-g', 'postgres'], { advice }))
  return { uid, gid, command: [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'] }
}

/**
 * The folder in which the cluster lives. Another user cannot enter a folder below one that is closed to it (root's
 * home, for one): then the folder is a link to one of the system's.
 */
async function reachableFolder(folder: string, runner: Runner | undefined): Promise<string> {
  if (!existsSync(folder)) {
    const reachable = runner === undefined || (await canEnter(dirname(folder), runner))
    if (!reachable) {
      const key = createHash('sha256').update(folder).digest('hex').slice(0, 12)
      await mkdir(join(SYSTEM_FOLDER, key), { recursive: true, mode: 0o755 })
      await symlink(join(SYSTEM_FOLDER, key), folder)
    }
    await mkdir(folder, { recursive: true, mode: 0o755 })
    if (runner !== undefined) await chown(folder, runner.uid, runner.gid)
  }
  return realpath(folder)
}

/** Lets the user pass through the exchange's own folder, as one made for a test may forbid, and tells whether it can. */
async function canEnter(folder: string, runner: Runner): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  await chmod(folder, (await stat(folder)).mode | 0o011)
  return runCommand(['setpriv', ...runner.command, 'test', '-x', folder], { cwd: '/' }).then(
    () => true,
    () => false,
  )
}

/** The folder of the server's programs: those of the version that wrote the data, else the newest. */
function programFolder({ path }: HostConfig, data: string): string {
  const version = existsSync(join(data, 'PG_VERSION'))
    ? readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
    : undefined
  const installed = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : []
  const newestFirst = installed.sort((a, b) => Number(b) - Number(a))
  const folders = newestFirst.map((major) => join(DEBIAN_FOLDER, major, 'bin'))
  if (version !== undefined && installed.length > 0) {
    const matching = findProgram('postgres', [join(DEBIAN_FOLDER, version, 'bin')])
    if (matching !== undefined) return dirname(matching)
    throw new StepFailure(
      `the data in ${data} was written by PostgreSQL ${version}, which is not installed`,
      {
        advice: `Install postgresql-${version}, or forget the data with \`make reset\`.`,
      },
    )
  }
  return dirname(requireProgram('postgres', 'the PostgreSQL server', [...folders, ...path]))
}
