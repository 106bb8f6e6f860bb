import { CLUSTER_SUITE, runSuites } from './test-run.ts'

const { passed, failed } = await runSuites([CLUSTER_SUITE])
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
