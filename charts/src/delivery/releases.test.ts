import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { loadValues } from '../values/load.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
/** What a release by commits reads and writes. */
const KEPT = ['charts', 'k8s', 'package.json', 'tsconfig.json', '.gitignore', '.prettierrc.json']

const image = (digit: string) =>
  `666666666666.dkr.ecr.us-east-1.amazonaws.com/bourse@sha256:${digit.repeat(64)}`
const [AS_COMMITTED, NEXT, LAST] = [image('0'), image('1'), image('2')]
const inRecoveryRegion = (name: string) => name.replace('us-east-1', 'us-west-2')

/**
 * Tells what production's manifests say as if a cluster were like that. SERVING pods serve, and a slot has as many as its
 * autoscaler makes at least, but no more than there is ROOM. A slot that is BROKEN serves badly, and is soon 90.
 */
const KUBECTL = String.raw`#!/usr/bin/env node
const { readFileSync } = require('node:fs')
const { parseAllDocuments } = require('yaml')
const objects = parseAllDocuments(readFileSync('k8s/production/40-gateway.yaml', 'utf8')).map((each) => each.toJS())
const one = (kind, name) => objects.find((each) => each?.kind === kind && each.metadata.name === name)
const args = process.argv.slice(2).join(' ')
const { SERVING = 40, ROOM = 200, BROKEN } = process.env
const active = one('Service', 'gateway').spec.selector['bourse.dev/slot']
const [gateway, slot] = /gateway-(blue|green)/.exec(args) ?? []
const least = () => one('ScaledObject', gateway).spec.minReplicaCount
if (args.includes('get service gateway-preview')) {
  const preview = one('Service', 'gateway-preview')
  if (preview === undefined) process.exit(1)
  console.log(preview.spec.selector['bourse.dev/slot'])
}
if (args.includes('get service gateway ')) console.log(active)
if (args.includes('.image')) console.log(one('Deployment', gateway).spec.template.spec.containers[0].image)
if (args.includes('.spec.replicas')) console.log(slot === BROKEN ? 90 : slot === active ? SERVING : least())
if (args.includes('get job smoke')) console.log(active === BROKEN ? 'Failed' : 'Complete')
if (args.includes('.readyReplicas')) console.log(Math.min(least(), ROOM))
`

describe('Releases by commits', function () {
  // Every step renders every environment.
  this.timeout(600_000)
  const [folder, origin, bin] = ['checkout', 'origin', 'bin'].map((name) =>
    mkdtempSync(join(tmpdir(), `releases-${name}-`)),
  ) as [string, string, string]
  const asked = join(bin, 'asked')
  const run = (file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    execFileSync(file, args, {
      ...{ cwd: folder, encoding: 'utf8', stdio: 'pipe' },
      env: {
        ...process.env,
        ...{ PATH: `${bin}:${process.env['PATH']}`, NODE_PATH: join(REPOSITORY, 'node_modules') },
        ...{ ENV: 'production', MODE: 'git', PATIENCE: '1', ...env },
      },
    })
  const git = (...args: readonly string[]) => run('git', args)
  const script = (name: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    run('bash', [join(folder, `k8s/delivery/${name}.sh`), ...args], env)
  const bluegreen = (args: readonly string[], env = {}) => script('bluegreen', args, env)
  const promote = (IMAGE: string) => {
    script('promote', [], { IMAGE })
    git('merge', '--quiet', '--ff-only', `promote/production/${IMAGE.split(':')[1]}`)
  }
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  const gatewayValues = () =>
    (parse(read('charts/values/production.yaml')) as { gateway: Readonly<Record<string, unknown>> }).gateway
  const imagesIn = (file: string, environment = 'production') =>
    [...read(`k8s/${environment}/${file}.yaml`).matchAll(/image: (\S+)/g)].map(([, name]) => name)
  const least = () =>
    [...read('k8s/production/40-gateway.yaml').matchAll(/minReplicaCount: (\d+)/g)].map(
      ([, number]) => number,
    )
  const serving = () => run('kubectl', ['get', 'service', 'gateway', '']).trim()
  const synth = () => run('npm', ['run', '--silent', 'synth', '-w', '@bourse/charts'])
  /** What Argo CD would bring to any cluster is what the values say. */
  const nothingDrifts = () => {
    synth()
    assert.equal(git('status', '--porcelain'), '')
  }

  before(() => {
    for (const name of KEPT) cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true })
    symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'))
    git('init', '--quiet', '--initial-branch=main')
    for (const [key, value] of [
      ['user.name', 'test'],
      ['user.email', 'test@bourse.example'],
      ['push.autoSetupRemote', 'true'],
    ] as const)
      git('config', key, value)
    writeFileSync(join(folder, '.git/info/exclude'), 'node_modules\n')
    git('init', '--quiet', '--bare', origin)
    git('remote', 'add', 'origin', origin)
    writeFileSync(join(bin, 'kubectl'), KUBECTL, { mode: 0o755 })
    writeFileSync(join(bin, 'gh'), `#!/bin/sh\necho "$*" >> ${asked}\n`, { mode: 0o755 })
    writeFileSync(join(bin, 'cosign'), '#!/bin/sh\n', { mode: 0o755 })
    // Whatever was promoted since.
    const node = ['--conditions=@bourse/source', '--import', 'tsx', 'charts/src/delivery/set-values.ts']
    const known = [`image=${AS_COMMITTED}`, 'gateway.active=blue', 'gateway.image=null', 'gateway.idle=null']
    run('node', [...node, 'production', ...known])
    synth()
    git('add', '--all')
    git('commit', '--quiet', '--message', 'as it is')
  })
  after(() => {
    for (const each of [folder, origin, bin]) rmSync(each, { recursive: true })
  })

  it('go back at once from what serves badly, and leave what was there', () => {
    assert.throws(
      () => bluegreen(['release', NEXT], { BROKEN: 'green', ROOM: '80' }),
      /@sha256:1+ does not work in its place/,
    )
    assert.equal(serving(), 'blue')
    assert.deepEqual(imagesIn('40-gateway'), [AS_COMMITTED])
  })

  it('deploy as many gateways as serve, beside those of everybody’s image, wherever these values hold', () => {
    bluegreen(['deploy', NEXT])
    assert.deepEqual(imagesIn('40-gateway'), [AS_COMMITTED, NEXT])
    assert.deepEqual(least(), ['40', '40'])
    assert.equal(gatewayValues()['image'], undefined)
    assert.deepEqual(
      imagesIn('40-gateway', 'production-recovery'),
      [AS_COMMITTED, NEXT].map(inRecoveryRegion),
    )
  })

  it('send nobody to a slot with fewer pods than serve', () => {
    assert.throws(() => bluegreen(['switch'], { ROOM: '30' }), /gateway-green has 30 of 40 pods/)
    assert.equal(serving(), 'blue')
    bluegreen(['switch'], { SERVING: '60' })
    assert.equal(serving(), 'green')
    assert.deepEqual(least(), ['60', '60'])
  })

  it('go back to fewer when the operator says that they are enough', () => {
    bluegreen(['back'], { SERVING: '90', ROOM: '80', REPLICAS: '70' })
    assert.equal(serving(), 'blue')
    assert.deepEqual(least(), ['70', '70'])
  })

  it('refuse, before anything is changed, what the quota cannot hold', () => {
    const head = git('rev-parse', 'HEAD')
    assert.throws(() => bluegreen(['switch'], { SERVING: '180' }), /two slots of it need 720 cores/)
    assert.equal(git('rev-parse', 'HEAD'), head)
  })

  it('leave one slot with bounds of its own', () => {
    bluegreen(['switch'])
    bluegreen(['finish'])
    assert.deepEqual(imagesIn('40-gateway'), [NEXT])
    assert.deepEqual(least(), [String(loadValues('production').gateway.scaling.minReplicas)])
    const { active, image: own, idle } = gatewayValues()
    assert.deepEqual({ active, own, idle }, { active: 'green', own: NEXT, idle: undefined })
  })

  it('do not promote an image that the gateways did not run', () => {
    assert.throws(
      () => script('promote', [], { ENV: 'staging', FROM: 'production' }),
      /gateways of production run .*@sha256:1/,
    )
  })

  it('promote the gateways with everything else, under a label that is made', () => {
    promote(LAST)
    for (const file of ['40-gateway', '40-settlement'])
      for (const environment of ['production', 'production-recovery'])
        assert.deepEqual(imagesIn(file, environment), [
          environment === 'production' ? LAST : inRecoveryRegion(LAST),
        ])
    assert.match(
      readFileSync(asked, 'utf8'),
      /^label create promotion:production .*\npr create .*--label promotion:production/,
    )
  })

  it('take a promotion back to what ran before it, the gateways too', () => {
    script('rollback', [], { PULL_REQUEST: '1' })
    assert.deepEqual([...imagesIn('40-gateway'), ...imagesIn('40-settlement')], [NEXT, AS_COMMITTED])
    assert.match(
      readFileSync(asked, 'utf8'),
      /label create rollback:production .*\npr create .*--label rollback:production/,
    )
    nothingDrifts()
  })
})
