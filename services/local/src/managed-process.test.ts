import { equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StepFailure } from './failure.ts'
import { ManagedProcess, type ProcessSpec } from './managed-process.ts'

/** Says that it is ready by a file, and ends when it is asked to. */
const ORDERLY = `fs.writeFileSync('ready', ''); process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1000)`

describe('ManagedProcess', () => {
  let folder: string
  let started: ManagedProcess[] = []
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'bourse-process-'))))
  afterEach(async () => {
    for (const child of started) await child.stop()
    started = []
    rmSync(folder, { recursive: true })
  })

  function run(script: string, changes: Partial<ProcessSpec> = {}): ManagedProcess {
    const child = new ManagedProcess({
      name: 'child',
      command: [process.execPath, '-e', script],
      env: process.env,
      cwd: folder,
      logFile: join(folder, 'child.log'),
      port: 0,
      stopSignal: 'SIGTERM',
      stopGraceMs: 5_000,
      readyWithinMs: 5_000,
      isReady: async () => existsSync(join(folder, 'ready')),
      ...changes,
    })
    started.push(child)
    return child
  }

  it('is ready when the process says so, and gone when it is stopped', async () => {
    const child = run(ORDERLY)
    await child.start()
    const pid = child.pid
    ok(pid !== undefined && isRunning(pid))
    await child.stop()
    equal(child.pid, undefined)
    equal(isRunning(pid), false)
    equal(child.restarts, 0)
  })

  it('starts again what was killed', async () => {
    const child = run(ORDERLY)
    await child.start()
    const first = child.pid
    rmSync(join(folder, 'ready'))
    child.kill('SIGKILL')
    await child.exited()
    await child.ready()
    notEqual(child.pid, first)
    equal(child.restarts, 1)
  })

  it('tells the end of the log of a process that ends before it is ready, and leaves it down', async () => {
    const child = run(`console.log('no such topic'); process.exit(3)`)
    await rejects(child.start(), (error: StepFailure) => {
      match(error.message, /child ended before it was ready/)
      match(error.logTail.join('\n'), /no such topic/)
      return true
    })
    equal(child.pid, undefined)
    equal(child.restarts, 0)
  })

  it('tells nothing of an earlier run of the same log', async () => {
    await run(`console.log('earlier')`)
      .start()
      .catch(() => {})
    await rejects(run(`console.log('later')`).start(), ({ logTail }: StepFailure) => {
      equal(logTail.join('\n'), 'later')
      return true
    })
  })

  it('gives up on a process that is not ready in time', async () => {
    const child = run(`setInterval(() => {}, 1000)`, { readyWithinMs: 200 })
    await rejects(child.start(), /not ready within 0.2 s/)
    equal(child.pid, undefined)
  })

  it('fails when there is no such program', async () => {
    await rejects(run('', { command: ['/no/such/program'] }).start(), /ended before it was ready/)
  })

  it('ends by force what does not end within its grace', async () => {
    const deaf = run(
      `process.on('SIGTERM', () => {}); ${ORDERLY.split(';')[0]}; setInterval(() => {}, 1000)`,
      {
        stopGraceMs: 100,
      },
    )
    await deaf.start()
    await deaf.stop()
    equal(deaf.pid, undefined)
  })

  it('stops a process that was paused', async () => {
    const child = run(ORDERLY)
    await child.start()
    child.kill('SIGSTOP')
    const stoppedAt = Date.now()
    await child.stop()
    ok(Date.now() - stoppedAt < 3_000, 'it took the force that follows the grace')
  })

  it('keeps down what was stopped while it waited to be started again', async () => {
    const child = run(ORDERLY)
    await child.start()
    child.kill('SIGKILL')
    await child.exited()
    await child.stop()
    await new Promise((resolve) => setTimeout(resolve, 400)) // Longer than the pause before the first restart.
    equal(child.pid, undefined)
  })
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
