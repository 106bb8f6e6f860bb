import { mkdir } from 'node:fs/promises'
import { requireProgram } from './command.ts'
import type { HostConfig } from './config.ts'
import type { ProcessSpec } from './managed-process.ts'
import { probe } from './probe.ts'

export type RedisOptions = {
  readonly host: HostConfig
  readonly folder: string
  readonly logFile: string
  readonly port: number
}

/** Tells how to run a Redis that writes its data when it is stopped, so that caches survive `make down`. */
export async function prepareRedis({ host, folder, logFile, port }: RedisOptions): Promise<ProcessSpec> {
  await mkdir(folder, { recursive: true })
  const server = requireProgram('redis-server', 'Redis', host.path)
  return {
    name: 'redis',
    command: [
      server,
      ...['--bind', '127.0.0.1', '--port', String(port)],
      ...['--dir', folder, '--save', '3600 1', '--appendonly', 'no'],
    ],
    env: host.env,
    cwd: folder,
    logFile,
    port,
    stopSignal: 'SIGTERM',
    stopGraceMs: 10_000,
    readyWithinMs: 15_000,
    isReady: () => redisAnswers(port),
  }
}

export function redisAnswers(port: number, host?: string): Promise<boolean> {
  const accepts = (answer: Buffer) => answer.toString().startsWith('+PONG')
  return probe({ port, ...(host !== undefined && { host }), request: 'PING\r\n', accepts })
}
