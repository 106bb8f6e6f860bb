import { spawnSync } from 'node:child_process'
import { REPOSITORY } from './config.ts'
import { runSuites, SUITES } from './test-run.ts'

// Integration tests run the services as they are compiled.
const compiler = [process.execPath, 'node_modules/typescript/bin/tsc', '-b'] as const
const compiled = spawnSync(compiler[0], compiler.slice(1), { cwd: REPOSITORY, stdio: 'inherit' })
const { passed, failed } = compiled.status === 0 ? await runSuites(SUITES) : { passed: 0, failed: 1 }
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
