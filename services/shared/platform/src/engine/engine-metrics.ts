import type { Machine } from '@bourse/protocol/shard'
import { Gauge, type Registry } from 'prom-client'
import { within } from '../kafka/client.ts'
import type { Engine } from './engine.ts'
import { stopReason } from './stopped.ts'

/** Less than a scrape may take. What the broker does not tell in time keeps its last value. */
const LAG_TIMEOUT_MS = 2_000

/** Publishes what an engine knows of itself; every value is read when it is scraped. */
export function publishEngineMetrics<M extends Machine>(engine: Engine<M>, registry: Registry): void {
  const perPartition: Record<string, [help: string, value: (partition: number) => number]> = {
    owned: ['1 while this process emits for the partition', (p) => (runner(p).replica.owned ? 1 : 0)],
    next_offset: ['next offset to read', (p) => runner(p).replica.next],
    acknowledged_offset: [
      'X: every output of every input before it is in the log',
      (p) => runner(p).replica.acknowledged,
    ],
    batches_in_flight: ['batches under way to the broker', (p) => runner(p).replica.batchesInFlight],
    entries_applied: ['entries applied since the process began', (p) => runner(p).shard.counts.applied],
    repeats_dropped: ['entries that came again and were dropped', (p) => runner(p).shard.counts.repeats],
    gaps_ignored: [
      'entries beyond the next one: the sender must emit again',
      (p) => runner(p).shard.counts.gaps,
    ],
    stale_refused: [
      'entries of an epoch that is over: another region still writes here',
      (p) => runner(p).shard.counts.stale,
    ],
    epoch: ['epoch of what is emitted', (p) => runner(p).shard.epoch],
    clock_leaps: ['leaps of log time by more than five minutes', (p) => runner(p).shard.counts.leaps],
    frames_emitted: ['frames handed to the broker', (p) => runner(p).counts.framesOut],
    replies_lost: ['answers that could not be delivered', (p) => runner(p).counts.repliesLost],
  }
  const runner = (partition: number) => {
    const found = engine.runners.get(partition)
    if (found === undefined) throw new Error(`partition ${partition} is not followed`)
    return found
  }
  for (const [name, [help, value]] of Object.entries(perPartition)) {
    new Gauge({
      ...{ name: `bourse_engine_${name}`, help, labelNames: ['partition'], registers: [registry] },
      collect() {
        for (const partition of engine.runners.keys()) this.set({ partition }, value(partition))
      },
    })
  }
  for (const name of ['rebalances', 'snapshots', 'commits'] as const) {
    new Gauge({
      ...{ name: `bourse_engine_${name}`, help: `${name} since the process began`, registers: [registry] },
      collect() {
        this.set(engine.counts[name])
      },
    })
  }
}

/** What operators are woken by. */
export function publishEngineAlarms<M extends Machine>(engine: Engine<M>, registry: Registry): void {
  const registers = [registry]
  new Gauge({
    ...{ name: 'bourse_engine_stopped', help: '1: the shard stands still until a person acts', registers },
    labelNames: ['partition', 'reason'],
    collect() {
      for (const { partition, stopped } of engine.runners.values()) {
        if (stopped !== undefined) this.set({ partition, reason: stopReason(stopped) }, 1)
      }
    },
  })
  new Gauge({
    ...{ name: 'bourse_engine_lag_records', help: 'records in the log that are not applied here', registers },
    labelNames: ['partition'],
    async collect() {
      await Promise.all(
        [...engine.runners.keys()].map(async (partition) => {
          const lag = await within(LAG_TIMEOUT_MS, engine.lag(partition)).catch(() => undefined)
          if (lag !== undefined) this.set({ partition }, lag)
        }),
      )
    },
  })
  new Gauge({
    ...{ name: 'bourse_engine_snapshot_time_seconds', registers },
    help: 'when this process last published a snapshot, in seconds since 1970',
    labelNames: ['partition'],
    collect() {
      for (const [partition, time] of engine.snapshotTimes) this.set({ partition }, time / 1_000)
    },
  })
}
