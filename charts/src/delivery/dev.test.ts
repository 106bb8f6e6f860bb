import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const REPOSITORY = join(import.meta.dirname, '../../..')

describe('The inner loop', () => {
  let programs: string
  const program = (name: string, script: string) => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(programs, name), 0o755)
  }
  beforeEach(() => {
    programs = mkdtempSync(join(tmpdir(), 'programs-'))
    for (const name of ['npm', 'skaffold']) program(name, `echo ${name} "$@"`)
  })
  afterEach(() => rmSync(programs, { recursive: true }))

  const dev = (context: string, environment?: string) => {
    program('kubectl', `echo ${context}`)
    const env = { PATH: `${programs}:${process.env['PATH']}`, ...(environment && { ENV: environment }) }
    return execFileSync('k8s/delivery/dev.sh', { cwd: REPOSITORY, env, encoding: 'utf8' })
  }

  it('renders what the cluster can run: on minikube nothing that needs KEDA', () => {
    assert.match(dev('kind-bourse'), /--environment local .*development=true .*\nskaffold dev -p development/)
    assert.match(dev('minikube'), /--environment minimal /)
    assert.match(dev('kind-bare', 'minimal'), /--environment minimal /)
  })
})
