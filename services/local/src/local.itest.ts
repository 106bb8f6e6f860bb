import { equal, match, ok } from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPOSITORY } from './config.ts'
import { completePorts, isPortFree } from './ports.ts'
import { isAlive, readRunState } from './run-state.ts'

const MAIN = join(REPOSITORY, 'services/local/src/main.ts')
const COMMAND = ['--conditions=@bourse/source', '--import', 'tsx', MAIN]

describe('the local commands', function () {
  this.timeout(180_000)
  let home: string
  let settings: Record<string, string>
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-home-'))
    const ports = Object.entries(await completePorts({})).map(([setting, port]) => [setting, String(port)])
    // Servers of the environment, if any, are not these commands'.
    const elsewhere = { KAFKA_BROKERS: '', DATABASE_URL: '', DATABASE_READ_URL: '', REDIS_URL: '' }
    settings = { ...elsewhere, ...Object.fromEntries(ports), BOURSE_HOME: home, SERVICES: 'none' }
  })
  after(async () => {
    await bourse('down')
    await rm(home, { recursive: true })
  })

  it('say that nothing runs', async () => {
    const { output, exitCode } = await bourse('status')
    match(output, /does not run/)
    equal(exitCode, 1)
    match((await bourse('down')).output, /does not run/)
  })

  it('stop what they started when they are interrupted', async () => {
    const starting = spawn(process.execPath, [...COMMAND, 'up'], { env: environment(), cwd: REPOSITORY })
    const ended = once(starting, 'exit')
    for await (const text of starting.stdout) if (String(text).includes('✓ redis')) break
    starting.kill('SIGINT')
    await ended
    while (readRunState(home) !== undefined) await sleep(100)
    ok(await isPortFree(Number(settings['REDIS_PORT'])))
  })

  it('start everything in the background', async () => {
    const { output, exitCode } = await bourse('up')
    equal(exitCode, 0, output)
    for (const part of ['kafka', 'postgres', 'redis', 'topics']) match(output, new RegExp(`✓ ${part} `))
    equal((await bourse('status')).exitCode, 0)
  })

  it('say so when started twice, and harm nothing', async () => {
    const before = readRunState(home)
    const { output, exitCode } = await bourse('up')
    match(output, /runs already/)
    equal(exitCode, 0)
    equal(readRunState(home)?.supervisor.pid, before?.supervisor.pid)
  })

  it('tell the addresses to other tools', async () => {
    const { output } = await bourse('run', process.execPath, '-p', 'process.env.KAFKA_BROKERS')
    equal(output.trim(), `127.0.0.1:${settings['KAFKA_PORT']}`)
  })

  it('clean up after a supervisor that was killed, and find the data again', async () => {
    const before = readRunState(home)
    ok(before !== undefined)
    process.kill(before.supervisor.pid, 'SIGKILL')
    const { output, exitCode } = await bourse('up')
    equal(exitCode, 0, output)
    for (const { process: id } of before.parts) ok(id === undefined || !isAlive(id))
  })

  it('stop everything and keep the data', async () => {
    const before = readRunState(home)
    const { output } = await bourse('down')
    match(output, /data is kept/)
    for (const { process: id } of before?.parts ?? []) ok(id === undefined || !isAlive(id))
    ok(existsSync(join(home, 'kafka')))
  })

  it('forget the data', async () => {
    await bourse('reset')
    equal(existsSync(join(home, 'kafka')), false)
    equal(existsSync(join(home, 'postgres')), false)
  })

  /** Servers of the tests' own surroundings are not this exchange's. */
  const noServers = { KAFKA_BROKERS: '', DATABASE_URL: '', DATABASE_READ_URL: '', REDIS_URL: '' }
  const environment = () => ({ ...process.env, ...noServers, ...settings })

  function bourse(...args: string[]): Promise<{ output: string; exitCode: number }> {
    const command = [...COMMAND, ...args]
    const env = environment()
    return new Promise((resolve) => {
      execFile(process.execPath, command, { env, cwd: REPOSITORY }, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : Number(error.code ?? 1)
        resolve({ output: stdout + stderr, exitCode })
      })
    })
  }
})
