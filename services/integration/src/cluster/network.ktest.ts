import assert from 'node:assert/strict'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { tell } from './report.ts'
import { until } from './waiting.ts'

type Edge = { readonly from: string; readonly to: string; readonly port: number }

const ALLOWED: readonly Edge[] = [
  { from: 'market-data', to: 'redis', port: 6379 },
  { from: 'matching-engine', to: 'kafka', port: 9092 },
  { from: 'settlement', to: 'postgres', port: 5432 },
]
const FORBIDDEN: readonly Edge[] = [
  { from: 'matching-engine', to: 'redis', port: 6379 },
  { from: 'market-data', to: 'gateway', port: 8080 },
  { from: 'settlement', to: 'matching-engine', port: 8081 },
]
const TIMEOUT_MS = 3_000
const TAKES_EFFECT_MS = 30_000

describe('the network policies', function () {
  this.timeout(180_000)
  let exchange: ClusterExchange

  before(async function () {
    this.timeout(900_000)
    exchange = await theExchange()
    await exchange.cluster.settled()
  })

  /** Opens a connection from inside a pod of a service to a pod of another, by its address. */
  const connects = async ({ from, to, port }: Edge): Promise<boolean> => {
    const [source] = await exchange.cluster.pods(from)
    const target = (await exchange.cluster.pods(to)).find((pod) => pod.name !== source?.name)
    assert.ok(source !== undefined && target?.ip !== undefined)
    const program = `const end = (told) => { process.stdout.write(told); process.exit() }
      require('node:net').connect(${port}, '${target.ip}')
        .on('connect', () => end('open')).on('error', () => end('shut'))
      setTimeout(() => end('shut'), ${TIMEOUT_MS})`
    const said = await exchange.cluster.kubectl.run(['exec', source.name, '--', 'node', '-e', program])
    return said === 'open'
  }

  const shown = ({ from, to, port }: Edge): string => `${from} to ${to}:${port}`

  it('let through what is an edge, and nothing else', async function () {
    for (const edge of ALLOWED) assert.ok(await connects(edge), `${shown(edge)} is allowed`)
    for (const edge of FORBIDDEN) assert.ok(!(await connects(edge)), `${shown(edge)} is forbidden`)
    tell(this, `open: ${ALLOWED.map(shown).join(', ')}; shut: ${FORBIDDEN.map(shown).join(', ')}`)
  })

  it('are what shuts a forbidden connection: with one that allows it, it opens', async function () {
    const [edge] = FORBIDDEN
    assert.ok(edge !== undefined)
    const policies = { kind: 'List', apiVersion: 'v1', items: policiesFor(edge) }
    await exchange.cluster.kubectl.run(['apply', '-f', '-'], { input: JSON.stringify(policies) })
    try {
      const opened = await until(`${shown(edge)} opens`, TAKES_EFFECT_MS, () => connects(edge))
      tell(this, `${shown(edge)} after ${Math.round(opened.tookMs)} ms`)
    } finally {
      await exchange.cluster.kubectl.run(['delete', '-f', '-'], { input: JSON.stringify(policies) })
    }
    await until(`${shown(edge)} is shut again`, TAKES_EFFECT_MS, async () => !(await connects(edge)))
  })
})

const named = (app: string) => ({ matchLabels: { 'app.kubernetes.io/name': app } })

/** One that lets it out, and one that lets it in. */
function policiesFor({ from, to, port }: Edge): readonly unknown[] {
  const policy = (name: string, spec: unknown) => ({
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
    ...{ metadata: { name: `test-${name}` }, spec },
  })
  const ports = [{ port, protocol: 'TCP' }]
  return [
    policy('egress', {
      ...{ podSelector: named(from), policyTypes: ['Egress'] },
      egress: [{ to: [{ podSelector: named(to) }], ports }],
    }),
    policy('ingress', {
      ...{ podSelector: named(to), policyTypes: ['Ingress'] },
      ingress: [{ from: [{ podSelector: named(from) }], ports }],
    }),
  ]
}
