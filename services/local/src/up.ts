import { fork, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalConfig } from './config.ts'
import { endOrphans } from './down.ts'
import { progressPrinter } from './progress.ts'
import { isAlive, readRunState } from './run-state.ts'
import { printStatus } from './status.ts'
import type { SupervisorMessage } from './supervisor.ts'

/** Starts the exchange in the background and waits until it is up. Returns whether it is. */
export async function up(config: LocalConfig): Promise<boolean> {
  const home = config.BOURSE_HOME
  const running = readRunState(home)
  if (running !== undefined && isAlive(running.supervisor)) {
    console.log(`Bourse runs already (pid ${running.supervisor.pid}, data in ${home}).`)
    await printStatus(config)
    return true
  }
  await endOrphans(home)
  console.log(`Starting Bourse, data in ${home}`)
  const logFile = join(home, 'log/supervisor.log')
  const supervisor = startSupervisor(logFile)
  const isUp = await untilUp(supervisor)
  if (!isUp)
    console.log(`Bourse was not started and nothing was left running. All logs are in ${join(home, 'log')}.`)
  return isUp
}

function startSupervisor(logFile: string): ChildProcess {
  mkdirSync(join(logFile, '..'), { recursive: true, mode: 0o755 })
  const log = openSync(logFile, 'a')
  const main = join(import.meta.dirname, 'main.ts')
  const supervisor = fork(main, ['supervise'], { detached: true, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  return supervisor
}

function untilUp(supervisor: ChildProcess): Promise<boolean> {
  const print = progressPrinter(process.stdout)
  return new Promise((resolve) => {
    supervisor.on('message', (message: SupervisorMessage) => {
      if (message.type !== 'up') return print(message)
      supervisor.disconnect()
      supervisor.unref()
      resolve(true)
    })
    supervisor.once('exit', () => resolve(false))
  })
}
