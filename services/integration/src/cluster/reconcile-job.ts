import { z } from 'zod'
import { NAMESPACE, type Cluster } from './cluster.ts'
import { until } from './waiting.ts'

const RECONCILE_MS = 180_000
const job = z.object({
  status: z.object({ succeeded: z.number().default(0), failed: z.number().default(0) }),
})

export type Reconciled = { readonly exact: boolean; readonly lines: readonly string[] }

/** Runs the reconciliation that the CronJob runs, now. */
export async function reconcileNow({ kubectl, api }: Cluster): Promise<Reconciled> {
  const name = `reconcile-test-${Date.now().toString(36)}`
  await kubectl.run(['create', 'job', name, '--from=cronjob/reconcile'])
  const { value } = await until(`job ${name} has ended`, RECONCILE_MS, async () => {
    const { status } = await api.read(job, `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/${name}`)
    return status.succeeded + status.failed > 0 && status
  })
  const lines = (await kubectl.run(['logs', `job/${name}`])).trim().split('\n')
  await kubectl.run(['delete', 'job', name, '--wait=false'])
  return { exact: value.succeeded > 0 && lines.includes('reconciled: no difference'), lines }
}
