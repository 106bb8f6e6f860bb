import { deepEqual } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from './config.ts'
import { runSuites, type Suite } from './test-run.ts'

describe('runSuites', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-test-run-'))
  after(() => rmSync(folder, { recursive: true }))

  function suiteOf(name: string, source: string): Suite {
    const file = join(folder, `${name}.js`)
    writeFileSync(file, source)
    const mocha = join(REPOSITORY, 'node_modules/mocha/bin/mocha.js')
    return { title: name, command: [process.execPath, mocha, file], minutesMax: 1 }
  }
  const count = (suites: readonly Suite[]) => runSuites(suites, 'ignore')
  const good = suiteOf('good', "it('a', () => {}); it('b', () => {})")

  it('adds up what passed and failed in all suites', async () => {
    const bad = suiteOf('bad', "it('a', () => {}); it('b', () => { throw new Error('b') })")
    deepEqual(await count([good, bad]), { passed: 3, failed: 1 })
  })

  it('counts a suite that crashed as failed', async () => {
    const crashing = suiteOf('crashing', "throw new Error('while loading')")
    deepEqual(await count([good, crashing]), { passed: 2, failed: 1 })
  })

  it('counts a suite that died after its tests as failed', async () => {
    const dying = suiteOf(
      'dying',
      "it('a', () => {}); process.on('exit', () => process.kill(process.pid, 'SIGKILL'))",
    )
    deepEqual(await count([dying]), { passed: 1, failed: 1 })
  })

  it('counts a suite without tests as failed', async () => {
    deepEqual(await count([suiteOf('empty', '')]), { passed: 0, failed: 1 })
  })
})
