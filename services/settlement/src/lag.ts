import { within } from '@bourse/platform/kafka/client'
import { Gauge, type Registry } from 'prom-client'
import type { Settlement } from './kafka/settlement.ts'

/** Less than a scrape may take. What the broker does not tell in time keeps its last value. */
const LAG_TIMEOUT_MS = 2_000

/** Measured when it is asked for. */
export function measureLag(metrics: Registry, settlement: Settlement): void {
  new Gauge({
    name: 'bourse_settlement_lag_records',
    help: 'Records in the log that are not in the tables yet.',
    labelNames: ['topic', 'partition'],
    registers: [metrics],
    async collect() {
      const lags = await within(LAG_TIMEOUT_MS, settlement.lags()).catch(() => undefined)
      if (lags === undefined) return
      this.reset()
      for (const { input, records } of lags)
        this.set({ topic: input.topic, partition: input.partition }, records)
    },
  })
}
