import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { StepFailure } from './failure.ts'

/**
 * Every port of the exchange and the one that `make up` takes unless told otherwise. Those of the servers lie away from
 * their usual ones, so that the distribution's own may run beside them. OPS ports answer for health and metrics.
 */
export const STANDARD_PORTS = {
  KAFKA_PORT: 19_092,
  KAFKA_CONTROLLER_PORT: 19_093,
  POSTGRES_PORT: 15_432,
  REDIS_PORT: 16_379,
  GATEWAY_PORT: 8080,
  GATEWAY_OPS_PORT: 18_080,
  RISK_ENGINE_OPS_PORT: 18_081,
  MATCHING_ENGINE_OPS_PORT: 18_082,
  SETTLEMENT_OPS_PORT: 18_083,
  MARKET_DATA_OPS_PORT: 18_084,
} as const
export type PortSetting = keyof typeof STANDARD_PORTS
export const PORT_SETTINGS = Object.keys(STANDARD_PORTS) as PortSetting[]

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

/** Picks a port on which nothing listens now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX)
    if (await isPortFree(port)) return port
  }
  throw new Error(`found no free port in ${ATTEMPTS_MAX} attempts`)
}

/** Completes the ports that are given with free ones. */
export async function completePorts(
  given: Partial<Record<PortSetting, number>>,
): Promise<Record<PortSetting, number>> {
  const chosen: Partial<Record<PortSetting, number>> = { ...given }
  for (const setting of PORT_SETTINGS) {
    while (chosen[setting] === undefined) {
      const port = await freePort()
      if (!Object.values(chosen).includes(port)) chosen[setting] = port
    }
  }
  return chosen as Record<PortSetting, number>
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
