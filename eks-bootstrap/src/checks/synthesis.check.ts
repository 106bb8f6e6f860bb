import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
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

  for (const [stage, account, stacks] of [
    ['dev', '444444444444', /--exclusively dev\/\S+( dev\/\S+)+$/m],
    ['organization Organization', '111111111111', /--exclusively organization\/Organization$/m],
    ['organization', '222222222222', /--exclusively organization\/SecurityLogging$/m],
  ] as const) {
    it(`deploys of ${stage} what belongs to account ${account}`, () => {
      const { status, stdout, stderr } = bootstrap(stage, account)
      assert.equal(status, 0, stderr)
      assert.match(stdout, stacks)
    })
  }

  it('stops when the credentials are of another account, and names both', () => {
    const { status, stdout, stderr } = bootstrap('dev', '666666666666')
    assert.equal(status, 1)
    assert.match(stderr, /account 666666666666, and dev is configured for 444444444444/)
    assert.doesNotMatch(stdout, /deploy/)
  })
})

/** Runs the script with an AWS that knows only who asks, and a CDK that only says what it was told. */
function bootstrap(stage: string, account: string) {
  const bin = mkdtempSync(join(tmpdir(), 'bootstrap-'))
  const tool = (name: string, line: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  tool('aws', `echo ${account}`)
  tool('npx', 'echo "$@"')
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` }
  return spawnSync(join(ROOT, 'bootstrap.sh'), stage.split(' '), { cwd: ROOT, env, encoding: 'utf8' })
}
