import type { Cluster } from './cluster.ts'
import { config } from './config.ts'
import { until } from './waiting.ts'

const NODE_PORT = 30_090
const WITHIN_MS = 60_000
const TIMEOUT_MS = 3_000

/**
 * Where this machine reaches the public API: the port that kind maps, or the same port of the control plane's node. Not a
 * port-forward: that would choose one pod and stay with it.
 */
export async function publicUrl(cluster: Cluster): Promise<string> {
  const given = config().BOURSE_K8S_URL
  const nodes = (await cluster.nodes()).filter(({ worker }) => !worker)
  const candidates =
    given === undefined
      ? ['127.0.0.1', ...nodes.map(({ address }) => address)].map((host) => `http://${host}:${NODE_PORT}`)
      : [given]
  const what = `the exchange answers at ${candidates.join(' or ')} (or else where BOURSE_K8S_URL says)`
  const { value } = await until(what, WITHIN_MS, async () => {
    for (const url of candidates) if (await answers(url)) return url
    return undefined
  })
  return value
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/v1/time`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return response.ok
  } catch {
    return false
  }
}
