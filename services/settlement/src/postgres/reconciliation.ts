import { within } from '@bourse/platform/kafka/client'
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'

/** Less than a scrape may take. What PostgreSQL does not tell in time keeps its last value. */
const TIMEOUT_MS = 2_000

/** Publishes what the newest reconciliation found, which the operator's command left in PostgreSQL. */
export function publishReconciliation(client: Sql, registry: Registry): void {
  const registers = [registry]
  new Gauge({
    ...{ name: 'bourse_reconciliation_differences', registers },
    help: 'Differences that the newest reconciliation found.',
    async collect() {
      const newest = await readNewest(client)
      if (newest !== undefined) this.set(newest.differences)
    },
  })
  new Gauge({
    ...{ name: 'bourse_reconciliation_time_seconds', registers },
    help: 'When the newest reconciliation ended, in seconds since 1970; 0: there was none.',
    async collect() {
      const newest = await readNewest(client)
      if (newest !== undefined) this.set(newest.finishedAt)
    },
  })
}

type Newest = { readonly differences: number; readonly finishedAt: number }

async function readNewest(client: Sql): Promise<Newest | undefined> {
  const rows = client<Newest[]>`
    select differences, extract(epoch from finished_at)::float8 as "finishedAt"
    from reconciliations order by marker desc limit 1`
  return (await within(TIMEOUT_MS, rows).catch(() => undefined))?.[0]
}
