import { fork, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DEMO_FUNDS } from '@bourse/operator/market-seeder'
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
  const accounts = await untilUp(supervisor)
  if (accounts === undefined) {
    console.log(`Bourse was not started and nothing was left running. All logs are in ${join(home, 'log')}.`)
    return false
  }
  console.log(summary(config, accounts))
  return true
}

function startSupervisor(logFile: string): ChildProcess {
  mkdirSync(join(logFile, '..'), { recursive: true, mode: 0o755 })
  const log = openSync(logFile, 'a')
  const main = join(import.meta.dirname, 'main.ts')
  const supervisor = fork(main, ['supervise'], { detached: true, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  return supervisor
}

/** The demo accounts by owner once everything is up, or undefined when it did not come up. */
function untilUp(supervisor: ChildProcess): Promise<Readonly<Record<string, string>> | undefined> {
  const print = progressPrinter(process.stdout)
  return new Promise((resolve) => {
    supervisor.on('message', (message: SupervisorMessage) => {
      if (message.type !== 'up') return print(message)
      supervisor.disconnect()
      supervisor.unref()
      resolve(message.accounts)
    })
    supervisor.once('exit', () => resolve(undefined))
  })
}

/** How to reach the exchange and log in. */
function summary({ GATEWAY_PORT }: LocalConfig, accounts: Readonly<Record<string, string>>): string {
  const [owner] = Object.keys(accounts)
  if (owner === undefined) return '\nThe servers are up: `make status` shows them, `make down` stops them.'
  const funds = Object.entries(DEMO_FUNDS).map(([asset, amount]) => `${amount} ${asset}`)
  const named = Object.entries(accounts).map(([name, account]) => `${name} (account ${account})`)
  return `
Bourse is up: http://127.0.0.1:${GATEWAY_PORT}/api/v1

  Accounts  ${named.join(', ')}, each funded with ${funds.join(', ')}
  Log in    TOKEN=$(make -s token OWNER=${owner})
            curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:${GATEWAY_PORT}/api/v1/balances
  Operate   make -s token OWNER=operator ROLE=operator

\`make status\` shows its parts, \`make down\` stops it.`
}
