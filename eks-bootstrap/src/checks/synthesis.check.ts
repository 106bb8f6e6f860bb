import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MINUTE = 60_000
const OUT = join(ROOT, 'cdk.out')

describe('The whole synthesis', function () {
  this.timeout(6 * MINUTE)

  it('needs no credentials, no look-up and no container, and the rule pack finds nothing', () => {
    // Everything but the path is taken away: whoever asked AWS or Docker would fail.
    const { PATH, HOME } = process.env
    const env = { PATH, HOME, CDK_OUTDIR: OUT, CDK_DOCKER: 'false', JSII_DEPRECATED: 'quiet' }
    const flags = ['--conditions=@bourse/source', '--import', 'tsx', 'src/main.ts']
    const { status, stderr } = spawnSync(process.execPath, flags, { cwd: ROOT, env, encoding: 'utf8' })
    assert.equal(status, 0, stderr.slice(-4000))
    const { artifacts, missing } = JSON.parse(readFileSync(join(OUT, 'manifest.json'), 'utf8'))
    assert.equal(missing, undefined)
    const stages = Object.keys(artifacts).filter((name) => name.startsWith('assembly-'))
    assert.deepEqual(stages.sort(), [
      'assembly-dev',
      'assembly-organization',
      'assembly-production',
      'assembly-staging',
    ])
  })
})
