import type { Logger } from '@bourse/platform/log'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { FeedCounts, MarketFeed } from './core/market-feed.ts'
import type { ReaderEvents } from './kafka/feed-reader.ts'
import type { PublisherEvents } from './redis/publisher.ts'

/** What operators see of the service: one function per event, which counts and, where somebody should read it, logs. */
export function createEvents(log: Logger, metrics: Registry): ReaderEvents & PublisherEvents {
  const counter = (name: string, help: string) =>
    new Counter({ name: `bourse_market_data_${name}_total`, help, registers: [metrics] })
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `bourse_market_data_${name}`, help, labelNames: ['partition'], registers: [metrics] })
  const lag = gauge('lag_records', 'Records of orders.out that are still to be read.')
  const publications = counter('publications', 'Pipelines written into the cache.')
  const writes = counter('writes', 'Keys written into the cache.')
  const conflated = counter('conflated_updates', 'Level changes published together with a later one.')
  const stale = counter('stale_writes', 'Writes that found a newer value.')
  const rewrites = counter('rewrites', 'Times that the cache had lost data and was written anew.')
  const publishFailures = counter('publish_failures', 'Publications that the cache did not take.')
  const checkpointFailures = counter('checkpoint_failures', 'Checkpoints that could not be saved.')
  return {
    assigned: (partition, offset) => log.info({ partition, offset }, 'reading partition'),
    revoked: (partition) => {
      lag.remove({ partition })
      log.info({ partition }, 'gave partition up')
    },
    gap: (partition, entries) => {
      log.error({ partition, entries }, 'entries are missing; their sender has to write them again')
    },
    lagging: (partition, records) => lag.set({ partition }, records),
    lagUnknown: (err) => log.warn({ err }, 'lag is unknown'),
    checkpointFailed: (err) => {
      checkpointFailures.inc()
      log.warn({ err }, 'checkpoint not saved; tried again later')
    },
    checkpointUnknown: (err) => log.warn({ err }, 'waiting for the checkpoint'),
    published: (counts) => {
      publications.inc()
      writes.inc(counts.writes)
      conflated.inc(counts.conflated)
      stale.inc(counts.stale)
    },
    rewriting: () => {
      rewrites.inc()
      log.warn('the cache has lost data; writing everything again')
    },
    failed: (err) => {
      publishFailures.inc()
      log.warn({ err }, 'cannot publish; tried again')
    },
  }
}

/** Counts what the feeds have met on the log, whenever somebody asks. */
export function countEntries(metrics: Registry, feeds: () => readonly MarketFeed[]): void {
  const counts = ['applied', 'repeats', 'gaps'] as const satisfies (keyof FeedCounts)[]
  new Gauge({
    name: 'bourse_market_data_entries',
    help: 'Entries of orders.out since the partition was assigned: applied, dropped repeats, ignored beyond a gap.',
    labelNames: ['partition', 'verdict'],
    registers: [metrics],
    collect() {
      this.reset()
      for (const feed of feeds()) {
        for (const verdict of counts) this.set({ partition: feed.partition, verdict }, feed.counts[verdict])
      }
    },
  })
}
