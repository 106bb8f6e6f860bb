import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

type Options = { readonly graceMs?: number; readonly drainDelayMs?: number; readonly signal?: NodeJS.Signals }

/** Runs `body` inside runService in a process of its own. `ready` is printed when the start is over. */
async function run(body: string, { graceMs = 2_000, drainDelayMs = 0, signal }: Options = {}) {
  const program = `
    import { runService } from ${JSON.stringify(new URL('lifecycle.ts', import.meta.url).href)}
    import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}
    const print = (line) => process.stdout.write(line + '\\n')
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    await runService({ graceMs: ${graceMs}, drainDelayMs: ${drainDelayMs}, log: createLog({ name: 'test', level: 'info' }) }, async ({ resources, shutdown, draining }) => {
      ${body}
      print('ready')
    })`
  const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '--eval', program])
  if (signal !== undefined) {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('ready')) child.kill(signal)
    })
  }
  const [out, code] = await Promise.all([
    text(child.stdout),
    new Promise<number | null>((resolve) => child.on('exit', resolve)),
  ])
  const lines = out.trim().split('\n')
  return {
    code,
    printed: lines.filter((line) => !line.startsWith('{')),
    logged: lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

describe('runService', () => {
  it('closes in reverse on SIGTERM and ends with 0', async () => {
    const { code, printed } = await run(
      `resources.own('database', print)
       resources.own('server', print)
       resources.own(setInterval(() => {}, 1000), () => {})`,
      { signal: 'SIGTERM' },
    )
    assert.deepEqual({ code, printed }, { code: 0, printed: ['ready', 'server', 'database'] })
  })

  it('closes and ends with 1 when a part aborts it with an error, and says which', async () => {
    const { code, printed, logged } = await run(
      `resources.own('server', print)
       setTimeout(() => shutdown.abort(new Error('the log is not what it was')), 10)`,
    )
    assert.deepEqual({ code, printed }, { code: 1, printed: ['ready', 'server'] })
    const [failed] = logged as [{ level: string; err: { message: string } }]
    assert.equal(failed.level, 'fatal')
    assert.equal(failed.err.message, 'the log is not what it was')
  })

  it('ends with 0 on a signal while it still starts, and what it waited for gives up', async () => {
    const { code, printed } = await run(
      `resources.own('server', print)
       resources.own(setInterval(() => {}, 1000), () => {})
       setTimeout(() => print('ready'), 0)
       await new Promise((_, reject) => {
         shutdown.signal.addEventListener('abort', () => reject(shutdown.signal.reason))
       })`,
      { signal: 'SIGTERM' },
    )
    assert.deepEqual({ code, printed }, { code: 0, printed: ['ready', 'server'] })
  })

  it('drains first where it is asked to, and closes then', async () => {
    const { code, printed } = await run(
      `resources.own(setInterval(() => {}, 1000), () => {})
       resources.own('server', print)
       draining.addEventListener('abort', () => {
         print(shutdown.signal.aborted ? 'stops' : 'serves on')
         setTimeout(() => print(shutdown.signal.aborted ? 'stops' : 'serves still'), 200)
       })`,
      { drainDelayMs: 400, signal: 'SIGTERM' },
    )
    assert.deepEqual(
      { code, printed },
      { code: 0, printed: ['ready', 'serves on', 'serves still', 'server'] },
    )
  })

  it('does not drain when it fails', async () => {
    const start = performance.now()
    const { code } = await run(`setTimeout(() => shutdown.abort(new Error('broken')), 10)`, {
      drainDelayMs: 60_000,
    })
    assert.equal(code, 1)
    assert(performance.now() - start < 30_000)
  })

  it('closes what was open when the start fails', async () => {
    const { code, printed } = await run(`resources.own('database', print); throw new Error('no broker')`)
    assert.deepEqual({ code, printed }, { code: 1, printed: ['database'] })
  })

  it('stops for an error that nobody caught', async () => {
    const { code, printed } = await run(
      `resources.own('server', print); setTimeout(() => Promise.reject(new Error('lost')), 10)`,
    )
    assert.deepEqual({ code, printed }, { code: 1, printed: ['ready', 'server'] })
  })

  it('does not wait longer than the grace', async () => {
    const start = performance.now()
    const { code, logged } = await run(`resources.own(pause(60_000), (stuck) => stuck)`, {
      graceMs: 100,
      signal: 'SIGINT',
    })
    assert.equal(code, null, 'it ended by a signal')
    assert.equal(logged.at(-1)!['msg'], 'closing took too long')
    assert(performance.now() - start < 8_000)
  })
})
