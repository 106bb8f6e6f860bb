import { runSuites, SUITES } from './test-run.ts'

const { passed, failed } = await runSuites(SUITES)
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
