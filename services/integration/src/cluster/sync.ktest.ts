import assert from 'node:assert/strict'
import { z } from 'zod'
import { ArgoCd } from './argo-cd.ts'
import { switchedAndBack } from './blue-green.ts'
import { delivery } from './delivery.ts'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { GitServer } from './git-server.ts'
import { failures, seconds, tell } from './report.ts'
import { until } from './waiting.ts'

const PATH = 'k8s/local'
const SYNC_MS = 300_000
const HEAL_MS = 60_000
const PLANNED_MS = 1_000

const budget = z.object({ spec: z.object({ maxUnavailable: z.number().optional() }) })
const policies = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) })

/** Of an image that nobody has. */
const DIGEST = '0'.repeat(64)
const NOT_STARTING_S = '30'

/** Whoever watches a release asks Prometheus through the API server, which the edges of a local cluster do not have. */
const RELEASE_WATCH = {
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'test-release-watch' } },
  spec: {
    podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } },
    ...{ policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 9090, protocol: 'TCP' }] }] },
  },
}

const ENGINES = ['matching-engine', 'risk-engine']

/** Pods with another annotation are other pods. */
const annotated = (text: string): string =>
  text.replace(/^( +)bourse\.dev\/config-checksum: .*$/m, '$&\n$1bourse.dev/release: second')

describe('Argo CD', function () {
  this.timeout(900_000)
  let exchange: ClusterExchange
  let argo: ArgoCd
  let git: GitServer | undefined

  before(async () => {
    exchange = await theExchange()
    await exchange.cluster.settled()
    argo = new ArgoCd(exchange.cluster)
    await argo.wake()
    await exchange.cluster.kubectl.run(['apply', '-f', '-'], { input: JSON.stringify(RELEASE_WATCH) })
    git = await GitServer.start(exchange.cluster.kubectl, await argo.image())
  })
  after(async () => {
    if (git === undefined) return
    await exchange.cluster.kubectl.run(['delete', 'networkpolicy', RELEASE_WATCH.metadata.name])
    await argo.leave()
    await git.stop()
  })

  const repository = (): GitServer => {
    assert.ok(git !== undefined)
    return git
  }

  it('takes over what runs, from a git server', async function () {
    const commit = await repository().commitCharts()
    await argo.follow(repository().url)
    tell(this, `Synced and Healthy after ${seconds(await argo.hasSynced(commit, SYNC_MS))}`)
  })

  it('heals what was changed by hand', async function () {
    const { kubectl, api } = exchange.cluster
    const namespace = `namespaces/${kubectl.namespace}`
    const isWhole = async (): Promise<boolean> => {
      const { spec } = await api.read(
        budget,
        `/apis/policy/v1/${namespace}/poddisruptionbudgets/matching-engine`,
      )
      const { items } = await api.read(policies, `/apis/networking.k8s.io/v1/${namespace}/networkpolicies`)
      return spec.maxUnavailable === 1 && items.some(({ metadata }) => metadata.name === 'matching-engine')
    }
    assert.ok(await isWhole())
    const patch = JSON.stringify({ spec: { maxUnavailable: 2 } })
    await kubectl.run(['patch', 'poddisruptionbudget', 'matching-engine', '--type=merge', '--patch', patch])
    await kubectl.run(['delete', 'networkpolicy', 'matching-engine'])
    assert.ok(!(await isWhole()), 'it was changed')
    const { tookMs } = await until('both are as in git', HEAL_MS, isWhole)
    tell(this, `a disruption budget and a network policy after ${seconds(tookMs)}`)
  })

  it('switches the gateways to another slot and back under load, by commits', async function () {
    const { folder } = repository()
    const { served, commands, failed, gapMs, troubles } = await switchedAndBack(exchange, {
      mode: 'git',
      folder,
    })
    tell(
      this,
      `${served} requests served in the other slot, ${commands} commands, ${failures(failed)}, ` +
        `longest wait ${seconds(gapMs)}`,
    )
    assert.ok(served > 0, 'nobody was served there')
    assert.deepEqual(failed, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })

  it('rolls out a commit under load', async function () {
    await exchange.cluster.settled()
    let tookMs = 0
    const { gapMs, commands, failed, troubles } = await exchange.tradeThrough(async () => {
      const files = ENGINES.map((app) => `${PATH}/40-${app}.yaml`)
      const commit = await repository().commitChange(files, annotated)
      await argo.refresh()
      tookMs = await argo.hasSynced(commit, SYNC_MS)
      await exchange.cluster.settled()
    })
    const engines = (await exchange.cluster.pods()).filter(({ component }) => component === 'engine')
    assert.ok(
      engines.every(({ release }) => release === 'second'),
      'every engine is of the new commit',
    )
    tell(
      this,
      `${engines.length} engine pods after ${seconds(tookMs)}, ${commands} commands, ${failures(failed)}, longest wait ${seconds(gapMs)}`,
    )
    assert.deepEqual(failed, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })

  it('takes back an image that cannot start, and nobody notices', async function () {
    const { folder } = repository()
    const script = (name: string, env: Readonly<Record<string, string>>) =>
      delivery(name, [], {
        ...{ folder, timeoutMs: SYNC_MS },
        env: { ...env, ENV: 'local', PROMETHEUS: 'bourse/prometheus:9090' },
      })
    const watched = (minutes: string) =>
      script('watch-release.sh', { MINUTES: minutes, PENDING_MAX_S: NOT_STARTING_S })
    let foundOutMs = 0
    let backMs = 0
    const { gapMs, commands, failed, troubles } = await exchange.tradeThrough(async () => {
      await script('promote.sh', { IMAGE: `bourse:dev@sha256:${DIGEST}`, DRY_RUN: '1' })
      await repository().merge(`promote/local/${DIGEST}`)
      await argo.refresh()
      const mergedAt = performance.now()
      await assert.rejects(watched('10'), /bourse-local is .*make rollback ENV=local/s)
      foundOutMs = performance.now() - mergedAt
      await script('rollback.sh', {})
      // It would wait for the release's Job, which cannot start either, for a quarter of an hour.
      await argo.terminate()
      await argo.refresh()
      backMs = await argo.hasSynced(await repository().head(), SYNC_MS)
    })
    await watched('1')
    tell(
      this,
      `found out after ${seconds(foundOutMs)}, back after ${seconds(backMs)}, ${commands} commands, ` +
        `${failures(failed)}, longest wait ${seconds(gapMs)}`,
    )
    assert.deepEqual(failed, [])
    assert.ok(gapMs < PLANNED_MS, `a client waited ${Math.round(gapMs)} ms\n${troubles.join('\n')}`)
  })
})
