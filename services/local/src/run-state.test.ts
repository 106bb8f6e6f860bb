import { deepEqual, equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  claimHome,
  forgetRunState,
  identify,
  isAlive,
  readRunState,
  writeRunState,
  type RunState,
} from './run-state.ts'

describe('run state', () => {
  let home: string
  let state: RunState
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'bourse-run-'))
    state = { supervisor: identify(process.pid), phase: 'starting', parts: [], environment: {} }
  })
  afterEach(() => rmSync(home, { recursive: true }))

  it('is read as it was written', () => {
    const up: RunState = { ...state, phase: 'up', parts: [{ name: 'redis', port: 1, restarts: 2 }] }
    writeRunState(home, up)
    deepEqual(readRunState(home), up)
  })

  it('lets only one claim a home', () => {
    equal(claimHome(home, state), true)
    equal(claimHome(home, { ...state, phase: 'up' }), false)
    equal(readRunState(home)?.phase, 'starting')
    forgetRunState(home)
    equal(claimHome(home, state), true)
  })

  it('takes a damaged file for none', () => {
    writeFileSync(join(home, 'run.json'), '{')
    equal(readRunState(home), undefined)
  })

  it('tells a process that ended, and another one with its pid, from a living one', async () => {
    equal(isAlive(state.supervisor), true)
    equal(isAlive({ ...state.supervisor, startedAt: '1' }), false)
    const child = spawn('sleep', ['60'])
    const id = identify(child.pid!)
    equal(isAlive(id), true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    equal(isAlive(id), false)
  })
})
