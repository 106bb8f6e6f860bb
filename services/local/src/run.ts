import { spawn } from 'node:child_process'
import type { LocalConfig } from './config.ts'
import { StepFailure } from './failure.ts'
import { isAlive, readRunState } from './run-state.ts'

/** Runs another tool with the addresses of the running exchange in its environment. Returns its exit code. */
export function runTool({ BOURSE_HOME: home }: LocalConfig, command: readonly string[]): Promise<number> {
  const state = readRunState(home)
  if (state === undefined || !isAlive(state.supervisor) || state.phase !== 'up') {
    throw new StepFailure('Bourse does not run', { advice: 'Start it with `make up`.' })
  }
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...state.environment } })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
