import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { Ownership } from './ownership.ts'
import { PortForward } from './port-forward.ts'
import type { Pod } from './pod.ts'
import { OPS_PORT, samplesBy } from './samples.ts'

const SAMPLE_MS = 250
const LOOK_MS = 1_000
const TIMEOUT_MS = 1_000
const INPUTS: Readonly<Record<string, string>> = { 'risk-engine': 'risk.in', 'matching-engine': 'orders.in' }

/** What receivers did with what they were sent, summed over all pods there have been. */
export type Received = 'repeats_dropped' | 'gaps_ignored'
const RECEIVED: readonly Received[] = ['repeats_dropped', 'gaps_ignored']
/** 1 for a shard that stopped itself: two writers gave one entry different content, or a command threw. */
const STOPPED = 'bourse_engine_stopped'

/** Asks every engine pod several times a second what it owns, from the first test to the last. */
export class OwnerWatch {
  readonly ownership = new Ownership()
  /** Shards that were seen standing still, with the reason. */
  readonly stopped = new Set<string>()
  readonly #cluster: Cluster
  readonly #tapped = new Set<string>()
  readonly #received = new Map<string, number>()
  readonly #totals = new Map<string, number>()
  #present: ReadonlySet<string> = new Set()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    void this.#look()
  }

  /** Dropped or ignored entries of one engine's pods, since this watch began. */
  received(metric: Received, app: string): number {
    return this.#totals.get(`${app} ${metric}`) ?? 0
  }

  async #look(): Promise<void> {
    for (;;) {
      try {
        const pods = (await Promise.all(Object.keys(INPUTS).map((app) => this.#cluster.pods(app)))).flat()
        this.#present = new Set(pods.map(({ uid }) => uid))
        for (const pod of pods) {
          if (pod.phase !== 'Running' || this.#tapped.has(pod.uid)) continue
          this.#tapped.add(pod.uid)
          void this.#tap(pod)
        }
      } catch {
        // The API server may be busy; the next look comes soon.
      }
      await sleep(LOOK_MS)
    }
  }

  async #tap(pod: Pod): Promise<void> {
    let forward: PortForward | undefined
    while (this.#present.has(pod.uid)) {
      try {
        forward ??= await PortForward.open(this.#cluster.kubectl, `pod/${pod.name}`, OPS_PORT)
        await this.#sample(pod, `http://127.0.0.1:${forward.port}/metrics`)
      } catch {
        this.ownership.lost(pod.name)
      }
      await sleep(SAMPLE_MS)
    }
    this.ownership.lost(pod.name)
    forward?.close()
  }

  async #sample(pod: Pod, url: string): Promise<void> {
    const askedAt = performance.now()
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const text = await response.text()
    const answeredAt = performance.now()
    for (const [partition, value] of samplesBy(text, 'bourse_engine_owned', 'partition')) {
      const name = `${INPUTS[pod.app]}/${partition}`
      this.ownership.note({ pod: pod.name, partition: name, owned: value === 1, askedAt, answeredAt })
    }
    for (const [reason, value] of samplesBy(text, STOPPED, 'reason'))
      if (value > 0) this.stopped.add(`${pod.name}: ${reason}`)
    for (const metric of RECEIVED) {
      for (const [partition, value] of samplesBy(text, `bourse_engine_${metric}`, 'partition'))
        this.#count(pod, { metric, partition, value })
    }
  }

  /** A process that was started again counts from nothing. */
  #count(
    { uid, app }: Pod,
    { metric, partition, value }: { metric: Received; partition: string; value: number },
  ) {
    const key = `${uid} ${metric} ${partition}`
    const before = this.#received.get(key) ?? 0
    this.#received.set(key, value)
    const total = `${app} ${metric}`
    this.#totals.set(total, (this.#totals.get(total) ?? 0) + (value < before ? value : value - before))
  }
}
