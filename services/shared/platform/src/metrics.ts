import { Gauge, Registry, collectDefaultMetrics } from 'prom-client'

/**
 * A registry with what every Node process tells (CPU, memory, garbage collection, event-loop lag).
 *
 * Ours are named `bourse_<noun>_<unit>`, counters end in `_total`, durations are seconds; labels have few values and
 * never an id. Every series carries the service.
 */
export function createMetrics({ service, version }: { service: string; version: string }): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  new Gauge({
    ...{ name: 'bourse_build_info', help: 'always 1: the version that runs', registers: [registry] },
    labelNames: ['version'],
  }).set({ version }, 1)
  return registry
}

/** Buckets for latencies in seconds, from a fifth of a millisecond to ten seconds. */
export const LATENCY_BUCKETS = [
  0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
]
