import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { StepFailure } from './failure.ts'

/** Below the range from which Linux takes ports of outgoing connections: a restarted server finds its port free. */
const FREE_PORT_MIN = 20_000
const FREE_PORT_MAX = 32_000
const ATTEMPTS_MAX = 200

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Picks `count` different ports on which nothing listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt === ATTEMPTS_MAX) throw new Error(`found no ${count} free ports in ${ATTEMPTS_MAX} attempts`)
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX)
    if (!found.has(port) && (await isPortFree(port))) found.add(port)
  }
  return [...found]
}

/** Throws a failure that names every port in use, the setting that changes it and who holds it. */
export async function requireFreePorts(wanted: readonly { port: number; setting: string }[]): Promise<void> {
  const taken: string[] = []
  for (const { port, setting } of wanted) {
    if (!(await isPortFree(port))) taken.push(`${port} (${setting}) is held by ${portHolder(port)}`)
  }
  const repeated = wanted.filter(
    ({ port }, index) => wanted.findIndex((other) => other.port === port) < index,
  )
  for (const { port, setting } of repeated) taken.push(`${port} (${setting}) is given twice`)
  if (taken.length === 0) return
  throw new StepFailure(`port ${taken.join('; port ')}`, {
    advice: 'Stop that process, or choose another port: `make up SETTING=port`.',
  })
}

/** The process that listens on a port, as `postgres (pid 812)`, as far as this user may know it. */
export function portHolder(port: number): string {
  const pid = holderFromProc(port) ?? holderFromLsof(port)
  if (pid === undefined) return 'a process that this user cannot see'
  return `${processName(pid)} (pid ${pid})`
}

function holderFromProc(port: number): number | undefined {
  const sockets = new Set(listeningInodes(port).map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return pids.map(Number).find((pid) => openFiles(pid).some((target) => sockets.has(target)))
}

/** Inodes of the sockets that listen on `port`; the columns are described in proc(5). */
function listeningInodes(port: number): string[] {
  const LISTEN = '0A'
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => {
    const rows = readOrEmpty(table).split('\n').slice(1)
    const columns = rows.map((row) => row.trim().split(/\s+/))
    return columns
      .filter((row) => row[1]?.endsWith(suffix) && row[3] === LISTEN)
      .flatMap((row) => row[9] ?? [])
  })
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readLinkOrEmpty(`/proc/${pid}/fd/${fd}`))
  } catch {
    return [] // It ended, or belongs to someone else.
  }
}

function holderFromLsof(port: number): number | undefined {
  try {
    const out = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], { stdio: 'pipe' })
    return Number(out.toString().split('\n')[0]) || undefined
  } catch {
    return undefined
  }
}

function processName(pid: number): string {
  const name = readOrEmpty(`/proc/${pid}/comm`).trim()
  return name === '' ? 'a process' : name
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function readLinkOrEmpty(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}
