import { join } from 'node:path'
import { REPOSITORY } from '@bourse/local/config'
import type { Cluster } from './cluster.ts'
import { until } from './waiting.ts'

const MANIFESTS = join(REPOSITORY, 'k8s/local')
const APPLY_MS = 120_000
const ROLLOUT_MS = 600_000

/** Applies what is in `k8s/local`, and waits until all of it serves. */
export async function deploy(cluster: Cluster): Promise<void> {
  // skaffold labels a Job's pods, and what a Job makes cannot be changed back.
  await cluster.kubectl.run(['delete', 'jobs', '-l', 'skaffold.dev/run-id', '--ignore-not-found'])
  await until('k8s/local is applied', APPLY_MS, () => cluster.kubectl.run(['apply', '-f', MANIFESTS]))
  try {
    await cluster.settled(ROLLOUT_MS)
  } catch (error) {
    const pods = await cluster.kubectl.run(['get', 'pods', '-o', 'wide'])
    throw new Error(`k8s/local did not roll out; is the image in the cluster?\n${pods}`, { cause: error })
  }
}
