import type { Role } from '@bourse/operator/tokens'
import { Command } from 'commander'
import { readLocalConfig } from './config.ts'
import { examineCluster, examineMachine } from './doctor.ts'
import { down, reset } from './down.ts'
import { messageOf, StepFailure } from './failure.ts'
import { issueToken } from './keys.ts'
import { runTool } from './run.ts'
import { printStatus } from './status.ts'
import { supervise } from './supervisor.ts'
import { up } from './up.ts'

const program = new Command('bourse')
  .description('Runs the exchange on this machine.')
  .enablePositionalOptions()

program
  .command('up')
  .description('start everything and wait until it is ready')
  .action(async () => exitWith(await up(readLocalConfig())))
program
  .command('down')
  .description('stop everything, keep the data')
  .action(() => down(readLocalConfig()))
program
  .command('reset')
  .description('stop everything and forget the data')
  .action(() => reset(readLocalConfig()))
program
  .command('status')
  .description('show each part, its pid, port and health')
  .action(async () => exitWith(await printStatus(readLocalConfig())))
program
  .command('doctor')
  .description('say what this machine, or a cluster, lacks')
  .option('--cluster', 'look at the cluster of the current context')
  .option('--environment <name>', 'whose manifests it is to run', 'local')
  .action(async ({ cluster, environment }: { cluster?: boolean; environment: string }) =>
    exitWith(await (cluster ? examineCluster(environment) : examineMachine())),
  )
program
  .command('run')
  .description("run another tool with the running exchange's addresses in its environment")
  .argument('<command...>')
  .passThroughOptions()
  .action(async (command: string[]) => {
    process.exitCode = await runTool(readLocalConfig(), command)
  })
program
  .command('token')
  .description('print an access token for an owner of accounts')
  .argument('<owner>')
  .option('--role <role...>', 'trader, operator', ['trader'])
  .action(async (owner: string, { role }: { role: Role[] }) =>
    console.log(await issueToken(readLocalConfig().BOURSE_HOME, { owner, roles: role })),
  )
program
  .command('supervise', { hidden: true })
  .action(() => supervise(readLocalConfig(), (message) => process.connected && process.send?.(message)))
  // An open channel would keep a failed supervisor alive.
  .hook('postAction', disconnect)

try {
  await program.parseAsync()
} catch (error) {
  console.error(messageOf(error))
  if (error instanceof StepFailure && error.advice !== undefined) console.error(`→ ${error.advice}`)
  process.exitCode = 1
  disconnect()
}

function disconnect(): void {
  if (process.connected) process.disconnect()
}

function exitWith(isWell: boolean): void {
  process.exitCode = isWell ? 0 : 1
}
