import { LATENCY_BUCKETS } from '@bourse/platform/metrics'
import type { Logger } from '@bourse/platform/log'
import type { Verdict } from '@bourse/protocol/streams'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Batch } from './core/batch.ts'
import { STOP_REASONS, type StopReason } from './core/stop.ts'
import { inputKey, type Input, type Position } from './core/position.ts'

const ENTRIES_BUCKETS = [1, 3, 10, 30, 100, 300, 1_000, 3_000]

/** What happens in settlement: each is counted, and logged where somebody may want to know. */
export class Events {
  readonly #log: Logger
  readonly #entries: Counter<'topic' | 'partition' | 'verdict'>
  readonly #batches: Histogram<'topic'>
  readonly #applying: Histogram<'topic'>
  readonly #fenced: Counter<'topic' | 'partition'>
  readonly #retries: Counter
  readonly #checkpoint: Gauge<'partition'>
  readonly #position: Gauge<'topic' | 'partition'>
  readonly #stopped: Gauge<'topic' | 'partition' | 'reason'>

  constructor({ log, metrics }: { log: Logger; metrics: Registry }) {
    const registers = [metrics]
    const partition = ['topic', 'partition'] as const
    this.#log = log
    this.#entries = new Counter({
      name: 'bourse_settlement_entries_total',
      help: 'Entries read: the next one, a repeat that was dropped, one beyond a gap that was ignored, or a stale one, of an epoch that is over.',
      labelNames: [...partition, 'verdict'],
      registers,
    })
    this.#batches = new Histogram({
      name: 'bourse_settlement_batch_entries',
      help: 'Entries of a transaction.',
      labelNames: ['topic'],
      buckets: ENTRIES_BUCKETS,
      registers,
    })
    this.#applying = new Histogram({
      name: 'bourse_settlement_apply_seconds',
      help: 'Duration of a transaction.',
      labelNames: ['topic'],
      buckets: LATENCY_BUCKETS,
      registers,
    })
    this.#fenced = new Counter({
      name: 'bourse_settlement_fenced_total',
      help: 'Transactions that another writer of the partition had been faster with.',
      labelNames: partition,
      registers,
    })
    this.#retries = new Counter({
      name: 'bourse_settlement_retries_total',
      help: 'Waits for PostgreSQL to come back.',
      registers,
    })
    this.#checkpoint = new Gauge({
      name: 'bourse_settlement_checkpoint_time_seconds',
      help: 'Log time of the last checkpoint that was met.',
      labelNames: ['partition'],
      registers,
    })
    this.#position = new Gauge({
      name: 'bourse_settlement_sequence',
      help: 'Last entry that is in the tables.',
      labelNames: partition,
      registers,
    })
    this.#stopped = new Gauge({
      name: 'bourse_settlement_stopped',
      help: '1: the partition stands still until a person acts.',
      labelNames: [...partition, 'reason'],
      registers,
    })
  }

  stopped({ topic, partition }: Input, err: Error, reason: StopReason): void {
    this.#stopped.set({ topic, partition, reason }, 1)
    this.#log.fatal({ err, topic, partition, reason }, 'partition stopped')
  }

  assigned(input: Input, { nextOffset, lastSequence }: Position, startOffset: number): void {
    this.#log.info({ input: inputKey(input), nextOffset, lastSequence, startOffset }, 'partition assigned')
  }

  revoked(inputs: readonly Input[], lost: boolean): void {
    for (const { topic, partition } of inputs) {
      for (const reason of STOP_REASONS) this.#stopped.remove({ topic, partition, reason })
    }
    this.#log.info({ inputs: inputs.map(inputKey), lost }, 'partitions revoked')
  }

  read({ topic, partition }: Input, verdict: Verdict, entries: number): void {
    if (entries === 0) return
    this.#entries.inc({ topic, partition, verdict }, entries)
    if (verdict === 'gap') this.#log.warn({ topic, partition, entries }, 'entries beyond a gap ignored')
  }

  applied(
    { input: { topic, partition }, entries, after, checkpoints, marker }: Batch,
    seconds: number,
  ): void {
    this.#batches.observe({ topic }, entries)
    this.#applying.observe({ topic }, seconds)
    this.#position.set({ topic, partition }, after.lastSequence)
    const last = checkpoints.at(-1)
    if (last !== undefined) this.#checkpoint.set({ partition }, last.checkedAt / 1_000)
    if (marker !== undefined) this.#log.info({ topic, partition, marker }, 'state copied at a marker')
  }

  fenced({ topic, partition }: Input, nextOffset: number): void {
    this.#fenced.inc({ topic, partition })
    this.#log.warn({ topic, partition, nextOffset }, 'another writer is ahead')
  }

  waiting(err: unknown, doing: string, delayMs: number): void {
    this.#retries.inc()
    this.#log.warn({ err, doing, delayMs }, 'waiting for PostgreSQL')
  }

  commitFailed(err: unknown): void {
    this.#log.warn({ err }, 'offsets not committed to Kafka; only the lag shown is late')
  }
}
