import { runCommand } from './command.ts'
import { REPOSITORY } from './config.ts'
import { progressPrinter, step } from './progress.ts'
import { runSuites, SUITES, type Count } from './test-run.ts'

/** Integration tests run the services as they are compiled. What keeps the tests from running counts as one that failed. */
async function compileAndTest(): Promise<Count> {
  const compiler = [process.execPath, 'node_modules/typescript/bin/tsc', '-b'] as const
  try {
    await step(progressPrinter(process.stdout), 'build', () => runCommand(compiler, { cwd: REPOSITORY }))
    return await runSuites(SUITES)
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1 }
  }
}

const { passed, failed } = await compileAndTest()
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
