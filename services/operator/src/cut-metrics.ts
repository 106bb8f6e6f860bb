import { within } from '@bourse/platform/kafka/client'
import { Gauge, type Registry } from 'prom-client'
import type { CopiedTopics } from './copied-topics.ts'
import type { LargestCut } from './core/largest-cut.ts'

/** Less than a scrape may take. What the broker does not tell in time keeps its last value. */
const LAG_TIMEOUT_MS = 2_000

/**
 * Publishes how far a cut is behind; every value is read when it is scraped.
 *
 * `bourse_cut_behind_seconds` is what would be lost if the other region were gone now: this machine's time less the log
 * time up to which every input is inside the cut. That is the log time of the oldest record that was read and waits for
 * something that has not been copied, and where nothing waits, that of the newest record written here. It grows while
 * nothing comes: of a running exchange something comes every second. Not a number before the first record.
 */
export function publishCutMetrics(
  registry: Registry,
  { cut, copies }: { readonly cut: LargestCut; readonly copies: CopiedTopics },
): void {
  const common = { registers: [registry], labelNames: ['topic', 'partition'] as const }
  new Gauge({
    ...common,
    ...{
      name: 'bourse_cut_lag_records',
      help: 'records of an input that were copied and have not been read',
    },
    async collect() {
      await Promise.all(
        cut.names.map(async (name) => {
          const lag = await within(LAG_TIMEOUT_MS, copies.unread(name)).catch(() => undefined)
          if (lag !== undefined) this.set(name, lag)
        }),
      )
    },
  })
  new Gauge({
    ...common,
    name: 'bourse_cut_waiting_records',
    help: 'records of an input that were read and follow from something that has not been copied',
    collect() {
      for (const name of cut.names) this.set(name, cut.standing(name).waiting.records)
    },
  })
  new Gauge({
    ...{ name: 'bourse_cut_behind_seconds', registers: [registry] },
    help: 'this time less the log time up to which every input is inside the cut',
    collect() {
      this.set(cut.keptUntil === undefined ? NaN : Math.max(0, Date.now() - cut.keptUntil) / 1_000)
    },
  })
}
