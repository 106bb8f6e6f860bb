import type { LocalConfig } from './config.ts'
import { brokerAnswers } from './kafka.ts'
import { accepts, isServiceReady } from './probe.ts'
import { redisAnswers } from './redis.ts'
import { isAlive, readRunState, type RunState } from './run-state.ts'

type Part = RunState['parts'][number]

/** Prints each part, its pid, port and health. Returns whether everything is up and well. */
export async function printStatus({ BOURSE_HOME: home }: LocalConfig): Promise<boolean> {
  const state = readRunState(home)
  if (state === undefined || !isAlive(state.supervisor)) {
    console.log('Bourse does not run. Start it with `make up`.')
    return false
  }
  const rows = await Promise.all(state.parts.map(statusRow))
  const header = ['part', 'pid', 'port', 'restarts', 'health']
  const supervisor = ['supervisor', String(state.supervisor.pid), '', '', state.phase]
  console.log(table([header, supervisor, ...rows]))
  return state.phase === 'up' && rows.every((row) => row.at(-1) === 'ok')
}

async function statusRow(part: Part): Promise<string[]> {
  const isUp = part.process !== undefined && isAlive(part.process)
  const health = isUp ? ((await isHealthy(part).catch(() => false)) ? 'ok' : 'not ready') : 'down'
  return [part.name, String(part.process?.pid ?? '-'), String(part.port), String(part.restarts), health]
}

function isHealthy({ name, port }: Part): Promise<boolean> {
  switch (name) {
    case 'kafka':
      return brokerAnswers(port)
    case 'postgres':
      return accepts(port)
    case 'redis':
      return redisAnswers(port)
    default:
      return isServiceReady(port)
  }
}

function table(rows: readonly string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n')
}
