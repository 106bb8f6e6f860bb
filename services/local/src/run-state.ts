import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const processId = z.object({
  pid: z.number().int(),
  /** When the kernel started it, which tells it from a later process with the same pid. */
  startedAt: z.string(),
})
export type ProcessId = z.infer<typeof processId>

const schema = z.object({
  supervisor: processId,
  /** Addresses for other tools, once everything is up. */
  environment: z.record(z.string(), z.string()).default({}),
  phase: z.enum(['starting', 'up', 'stopping']),
  parts: z.array(
    z.object({ name: z.string(), port: z.number(), restarts: z.number(), process: processId.optional() }),
  ),
})

/** What runs, as the supervisor last wrote it. */
export type RunState = z.infer<typeof schema>

export function readRunState(home: string): RunState | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')))
  } catch {
    return undefined // Nothing runs, or it is from a version that wrote it differently.
  }
}

/** Makes the caller the one supervisor of a home. Returns false, changing nothing, when it has one. */
export function claimHome(home: string, state: RunState): boolean {
  try {
    writeFileSync(join(home, 'run.json'), JSON.stringify(state), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

export function writeRunState(home: string, state: RunState): void {
  const file = join(home, 'run.json')
  writeFileSync(`${file}.new`, JSON.stringify(state, undefined, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

export function forgetRunState(home: string): void {
  rmSync(join(home, 'run.json'), { force: true })
}

export function identify(pid: number): ProcessId {
  return { pid, startedAt: startTime(pid) }
}

export function isAlive({ pid, startedAt }: ProcessId): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startTime(pid) === startedAt
}

/**
 * Clock ticks since boot at which a process started; `ended` when it has ended and its parent has not noticed. Empty
 * where there is no /proc, and then only the pid counts.
 */
function startTime(pid: number): string {
  const START_TIME = 19 // Field 22 of proc(5), counted from the state, which follows the name in brackets.
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'ended' : (fields[START_TIME] ?? '')
  } catch {
    return ''
  }
}
