import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { REPOSITORY } from './config.ts'
import { startStack } from './stack.ts'

const MOCHA = [process.execPath, join(REPOSITORY, 'node_modules/mocha/bin/mocha.js')] as const
const REPORTER = join(import.meta.dirname, 'count-reporter.ts')

/** A run of mocha. One that takes longer than its limit is ended and counts as failed. */
export type Suite = {
  readonly title: string
  readonly command: readonly [string, ...string[]]
  readonly minutesMax: number
  /** Real servers run meanwhile, and the tests' environment names them. */
  readonly needsServers?: boolean
}

export const SUITES: readonly Suite[] = [
  {
    title: 'Unit, property and simulation tests',
    command: [...MOCHA, 'services/**/src/**/*.test.ts', 'load-tests/src/**/*.test.ts'],
    minutesMax: 20,
  },
  {
    title: 'Manifests and alerts',
    command: [...MOCHA, 'charts/src/**/*.test.ts'],
    minutesMax: 8,
  },
  {
    title: 'Infrastructure tests',
    command: ['npm', 'test', '-w', '@bourse/eks-bootstrap', '--'],
    minutesMax: 10,
  },
  {
    title: 'Infrastructure checked by other tools',
    command: ['npm', 'run', 'check', '-w', '@bourse/eks-bootstrap', '--'],
    minutesMax: 10,
  },
  {
    title: 'Integration tests with real servers',
    // A failed test may leave clients open, which would keep the process from ending.
    command: [...MOCHA, '--exit', 'services/**/src/**/*.itest.ts', 'load-tests/src/**/*.itest.ts'],
    minutesMax: 30,
    needsServers: true,
  },
]

/** On the current context of kubectl. */
export const CLUSTER_SUITE: Suite = {
  title: 'Tests on a Kubernetes cluster',
  command: [...MOCHA, '--exit', 'services/integration/src/cluster/*.ktest.ts'],
  minutesMax: 45,
}

type Output = 'inherit' | 'ignore'

export type Count = { readonly passed: number; readonly failed: number }

const stats = z.object({ tests: z.number(), passes: z.number(), failures: z.number() })

/** Runs the suites one after the other and adds up their counts. A suite that crashed or ran no test counts as failed. */
export async function runSuites(suites: readonly Suite[], output: Output = 'inherit'): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-count-'))
  let total: Count = { passed: 0, failed: 0 }
  try {
    for (const [index, suite] of suites.entries()) {
      if (output === 'inherit') console.log(`\n${suite.title}`)
      const file = join(folder, `${index}.json`)
      const options = ['--reporter', REPORTER, '--reporter-option', `output=${file}`]
      const exitCode = await (suite.needsServers ? runBesideServers : run)(suite, options, output)
      const { passed, failed } = countOf(file, exitCode)
      total = { passed: total.passed + passed, failed: total.failed + failed }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return total
}

/** Starts servers on free ports with data of their own, for tests that take them from the environment. */
async function runBesideServers(suite: Suite, options: readonly string[], output: Output): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'bourse-servers-'))
  const stack = await startStack({ home })
  try {
    const { kafkaBrokers, databaseUrl, redisUrl } = stack.urls
    const env = { KAFKA_BROKERS: kafkaBrokers, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }
    return await run(suite, options, output, env)
  } finally {
    await stack.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

function run(
  { title, command, minutesMax }: Suite,
  options: readonly string[],
  output: Output,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [file, ...args] = command
  const environment = { ...process.env, UV_THREADPOOL_SIZE: '16', ...env }
  const stdio = ['ignore', output, output] as const
  const child = spawn(file, [...args, ...options], { cwd: REPOSITORY, stdio: [...stdio], env: environment })
  const limit = setTimeout(() => {
    console.log(`${title}: ended after ${minutesMax} minutes`)
    child.kill('SIGKILL')
  }, minutesMax * 60_000)
  return new Promise((resolve) => {
    child.once('error', (error) => (console.log(`${title}: ${error.message}`), resolve(1)))
    child.once('exit', (code) => (clearTimeout(limit), resolve(code ?? 1)))
  })
}

function countOf(file: string, exitCode: number): Count {
  const crashed: Count = { passed: 0, failed: 1 }
  try {
    const { tests, passes, failures } = stats.parse(JSON.parse(readFileSync(file, 'utf8')))
    if (tests === 0) return crashed
    // Mocha's exit code is its number of failures; any other than zero without one is a crash.
    return { passed: passes, failed: failures === 0 && exitCode !== 0 ? 1 : failures }
  } catch {
    return crashed
  }
}
