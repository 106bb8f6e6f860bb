import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { theExchange, type ClusterExchange, type Traded } from './exchange.ts'
import { NodeMachine } from './node-machine.ts'
import type { Pod } from './pod.ts'
import { seconds, tell } from './report.ts'
import { until } from './waiting.ts'

/** What a client may wait for, who asks again on a new connection. */
const PLANNED_MS = 1_000
const CRASH_MS = 10_000

const ENGINES = [
  { app: 'matching-engine', input: 'orders.in' },
  { app: 'risk-engine', input: 'risk.in' },
] as const
const MOVED_WITHIN_MS = 60_000
const NODE_WITHIN_MS = 120_000
/** After a node was found out, so that its share of the connections is seen to go elsewhere. */
const WITHOUT_NODE_MS = 5_000

describe('trading goes on and loses nothing', function () {
  this.timeout(420_000)
  let exchange: ClusterExchange

  before(async function () {
    this.timeout(900_000)
    exchange = await theExchange()
  })
  beforeEach(() => exchange.cluster.settled())

  const ownerOf = async (partition: string): Promise<Pod> => {
    const { value } = await until(`${partition} has an owner`, MOVED_WITHIN_MS, async () => {
      const name = exchange.owners.ownership.owner(partition)
      return (await exchange.cluster.pods()).find((pod) => pod.name === name)
    })
    return value
  }

  const movedFrom = (partition: string, pod: string): Promise<unknown> =>
    until(`${partition} has another owner than ${pod}`, MOVED_WITHIN_MS, async () => {
      const owner = exchange.owners.ownership.owner(partition)
      return owner !== undefined && owner !== pod
    })

  const withinBar = (
    context: Mocha.Context,
    { commands, gapMs, calmMs, troubles }: Traded,
    barMs: number,
  ): void => {
    const gap = `longest wait ${seconds(gapMs)} (${seconds(calmMs)} before)`
    tell(context, `${gap}, ${commands} commands, reconciled`)
    assert.ok(
      gapMs < barMs,
      `a client waited ${Math.round(gapMs)} ms; the bar is ${barMs} ms\n${troubles.join('\n')}`,
    )
  }

  for (const { app, input } of ENGINES) {
    it(`when the owner of a shard of ${app} is deleted`, async function () {
      const partition = `${input}/0`
      const owner = await ownerOf(partition)
      const traded = await exchange.tradeThrough(async () => {
        await exchange.cluster.kubectl.run(['delete', 'pod', owner.name])
        await movedFrom(partition, owner.name)
      })
      withinBar(this, traded, PLANNED_MS)
    })

    it(`when the owner of a shard of ${app} is killed (SIGKILL)`, async function () {
      const owner = await ownerOf(`${input}/0`)
      const traded = await exchange.tradeThrough(async () => {
        await new NodeMachine(owner.node ?? '').kill(owner.containerId ?? '')
        await until(`${owner.name} was started again`, MOVED_WITHIN_MS, async () =>
          (await exchange.cluster.pods(app)).some((p) => p.uid === owner.uid && p.restarts > owner.restarts),
        )
      })
      withinBar(this, traded, CRASH_MS)
    })
  }

  it('when the owner of a matching shard is deleted by force, without grace', async function () {
    const owner = await ownerOf('orders.in/1')
    const traded = await exchange.tradeThrough(async () => {
      await exchange.cluster.kubectl.run(['delete', 'pod', owner.name, '--grace-period=0', '--force'])
      await movedFrom('orders.in/1', owner.name)
    })
    withinBar(this, traded, CRASH_MS)
  })

  /** A worker that keeps no data, with an owner of each kind on it and a gateway. */
  const busyWorker = async (): Promise<string> => {
    const { cluster } = exchange
    const node = await cluster.workerWithoutData()
    for (const app of ['gateway', ...ENGINES.map(({ app }) => app)]) await cluster.bringTo(node, app)
    for (const { app } of ENGINES) {
      await until(`a pod of ${app} on ${node} owns a shard`, MOVED_WITHIN_MS, async () => {
        const here = (await cluster.pods(app)).filter((pod) => pod.node === node).map(({ name }) => name)
        return exchange.owners.ownership.owners().some((owner) => here.includes(owner))
      })
    }
    return node
  }

  const podsOn = async (node: string): Promise<readonly string[]> =>
    (await exchange.cluster.pods()).filter((pod) => pod.node === node).map(({ name }) => name)

  it('when a node is drained', async function () {
    const { kubectl } = exchange.cluster
    const node = await busyWorker()
    try {
      const traded = await exchange.tradeThrough(async () => {
        const drain = ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=240s']
        await kubectl.run(drain, { timeoutMs: 300_000 })
        assert.deepEqual(await podsOn(node), [], 'the node is empty')
        await exchange.cluster.settled()
      })
      withinBar(this, traded, PLANNED_MS)
    } finally {
      await kubectl.run(['uncordon', node])
    }
  })

  it('when a node is stopped, and when it comes back', async function () {
    const node = await busyWorker()
    const machine = new NodeMachine(node)
    let foundOutMs = 0
    const traded = await exchange.tradeThrough(async () => {
      await machine.stop()
      try {
        foundOutMs = await exchange.cluster.nodeIs(node, false, NODE_WITHIN_MS)
        await sleep(WITHOUT_NODE_MS)
      } finally {
        await machine.start()
      }
      await exchange.cluster.nodeIs(node, true, NODE_WITHIN_MS)
      await exchange.cluster.settled()
    })
    withinBar(this, traded, CRASH_MS)
    tell(this, `found out after ${seconds(foundOutMs)}`)
  })

  it('when a node stands still until its shards have moved on, and then wakes', async function () {
    const node = await busyWorker()
    const machine = new NodeMachine(node)
    const dropped = (): number =>
      ENGINES.reduce((sum, { app }) => sum + exchange.owners.received('repeats_dropped', app), 0)
    const before = dropped()
    const traded = await exchange.tradeThrough(async () => {
      const asleep = await podsOn(node)
      for (const pod of asleep) exchange.sleepers.add(pod)
      await machine.pause()
      try {
        await until('all shards are owned elsewhere', MOVED_WITHIN_MS, async () => {
          const owners = exchange.owners.ownership.owners()
          return owners.length === ENGINES.length * 2 && owners.every((owner) => !asleep.includes(owner))
        })
      } finally {
        await machine.wake()
      }
      await exchange.cluster.nodeIs(node, true, NODE_WITHIN_MS)
      await exchange.cluster.settled()
    })
    withinBar(this, traded, CRASH_MS)
    tell(this, `${dropped() - before} entries came again and were dropped`)
    assert.ok(dropped() > before, 'the sleepers wrote nothing: the fault did not bite')
  })

  it('and a second eviction of an engine is refused while the first one is under way', async function () {
    const [first, second] = await exchange.cluster.pods('matching-engine')
    assert.ok(first !== undefined && second !== undefined)
    const allowed = await exchange.cluster.evict(first.name)
    const refused = await exchange.cluster.evict(second.name)
    tell(this, `${allowed.status}, then ${refused.status} ${refused.message}`)
    assert.equal(allowed.status, 201)
    assert.equal(refused.status, 429)
    assert.match(refused.message, /disruption budget/)
    await exchange.cluster.settled()
    const again = await exchange.cluster.evict(second.name)
    assert.equal(again.status, 201, 'once the first one is replaced, the second may go')
  })
})
