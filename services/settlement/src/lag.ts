import { Gauge, type Registry } from 'prom-client'
import type { Settlement } from './kafka/settlement.ts'

/** Measured when it is asked for. */
export function measureLag(metrics: Registry, settlement: Settlement): void {
  new Gauge({
    name: 'bourse_settlement_lag_records',
    help: 'Records in the log that are not in the tables yet.',
    labelNames: ['topic', 'partition'],
    registers: [metrics],
    async collect() {
      this.reset()
      const lags = await settlement.lags().catch(() => [])
      for (const { input, records } of lags)
        this.set({ topic: input.topic, partition: input.partition }, records)
    },
  })
}
