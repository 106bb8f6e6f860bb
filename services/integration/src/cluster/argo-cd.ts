import { z } from 'zod'
import type { Cluster } from './cluster.ts'
import { delivery } from './delivery.ts'
import type { Kubectl } from './kubectl.ts'
import { until } from './waiting.ts'

const NAMESPACE = 'argocd'
const APPLICATION = 'bourse-local'
const CONTROLLER = 'statefulset/argocd-application-controller'
const AWAKE_S = 240

const repoServer = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) }),
  }),
})
const application = z.object({
  status: z
    .object({
      sync: z.object({ status: z.string(), revision: z.string().default('') }).optional(),
      health: z.object({ status: z.string().default('') }).optional(),
      operationState: z.object({ phase: z.string(), message: z.string().default('') }).optional(),
      conditions: z.array(z.object({ message: z.string() })).default([]),
    })
    .default({ conditions: [] }),
})

/** Argo CD in the cluster. */
export class ArgoCd {
  readonly #cluster: Cluster
  readonly #kubectl: Kubectl

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#kubectl = cluster.kubectl.in(NAMESPACE)
  }

  /** The image of its repository server. @throws when Argo CD is not there */
  async image(): Promise<string> {
    const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/argocd-repo-server`
    const { spec } = await this.#cluster.api.read(repoServer, path).catch((cause: unknown) => {
      throw new Error('Argo CD is not in this cluster', { cause })
    })
    return spec.template.spec.containers[0]?.image ?? ''
  }

  /** Stops what compares and applies, until `wake`: it would be measured with the exchange, on the same processors. */
  async rest(): Promise<void> {
    await this.#kubectl.run(['scale', CONTROLLER, '--replicas=0'])
  }

  async wake(): Promise<void> {
    await this.#kubectl.run(['scale', CONTROLLER, '--replicas=1'])
    await this.#kubectl.run(['rollout', 'status', CONTROLLER, `--timeout=${AWAKE_S}s`], {
      timeoutMs: AWAKE_S * 1_000,
    })
  }

  /** Lets it follow a repository, the way everybody does: this cluster is the environment `local`. */
  async follow(repository: string): Promise<void> {
    await delivery('argocd.sh', [], { env: { REPOSITORY: repository, ENV: 'local' } })
  }

  /** Waits until a commit is what runs, and all of it is healthy. */
  async hasSynced(commit: string, withinMs: number): Promise<number> {
    const { tookMs } = await until(
      `${APPLICATION} is Synced and Healthy at ${commit}`,
      withinMs,
      async () => {
        const path = `/apis/argoproj.io/v1alpha1/namespaces/${NAMESPACE}/applications/${APPLICATION}`
        const { status } = await this.#cluster.api.read(application, path)
        const { sync, health } = status
        if (sync?.status === 'Synced' && sync.revision === commit && health?.status === 'Healthy') return true
        throw new Error(JSON.stringify(status))
      },
    )
    return tookMs
  }

  /** Otherwise it asks the repository every three minutes. */
  async refresh(): Promise<void> {
    const annotation = 'argocd.argoproj.io/refresh=normal'
    await this.#kubectl.run(['annotate', 'application', APPLICATION, annotation, '--overwrite'])
  }

  /** Ends the sync that is under way, as `argocd app terminate-op` does. */
  async terminate(): Promise<void> {
    const patch = JSON.stringify({ status: { operationState: { phase: 'Terminating' } } })
    await this.#kubectl.run(['patch', 'application', APPLICATION, '--type=merge', '--patch', patch])
  }

  /** Lets go: what runs stays. */
  async leave(): Promise<void> {
    await this.#kubectl.run(['delete', 'applicationset', 'bourse', '--ignore-not-found'])
    await this.#kubectl.run(['delete', 'application', APPLICATION, '--ignore-not-found', '--cascade=orphan'])
    await this.#kubectl.run(['delete', 'secret', 'in-cluster', '--ignore-not-found'])
  }
}
