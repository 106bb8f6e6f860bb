import { z } from 'zod'
import { ApiServer } from './api-server.ts'
import { Kubectl } from './kubectl.ts'
import { podList, type Pod } from './pod.ts'
import { until } from './waiting.ts'

export const NAMESPACE = 'bourse'
const PART_OF = 'app.kubernetes.io/part-of=bourse'
const ROLLOUT_MS = 300_000

const deployment = z.object({
  metadata: z.object({ name: z.string(), generation: z.number(), labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    replicas: z.number(),
    template: z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) }),
  }),
  status: z.object({
    observedGeneration: z.number().default(0),
    replicas: z.number().default(0),
    updatedReplicas: z.number().default(0),
    readyReplicas: z.number().default(0),
  }),
})
const deploymentList = z.object({ items: z.array(deployment) })
const node = z.object({
  metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.object({ unschedulable: z.boolean().default(false) }),
  status: z.object({
    addresses: z.array(z.object({ type: z.string(), address: z.string() })),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
  }),
})
const nodeList = z.object({ items: z.array(node) })
const service = z.object({ spec: z.object({ selector: z.record(z.string(), z.string()) }) })
const secret = z.object({ data: z.record(z.string(), z.string()) })
const scaledObject = z.object({
  spec: z.object({ minReplicaCount: z.number(), maxReplicaCount: z.number() }),
})
const evicted = z.object({ message: z.string().default('') })

export type Deployment = z.infer<typeof deployment>
export type Node = {
  readonly name: string
  readonly ready: boolean
  readonly worker: boolean
  readonly address: string
}

/** Whether all of a Deployment's pods are of its newest template and ready. */
export const isRolledOut = ({ metadata, spec, status }: Deployment): boolean =>
  status.observedGeneration >= metadata.generation &&
  status.updatedReplicas === spec.replicas &&
  status.replicas === spec.replicas &&
  status.readyReplicas === spec.replicas

/** The exchange's namespace and the nodes under it. */
export class Cluster {
  readonly kubectl: Kubectl
  readonly api: ApiServer

  private constructor(kubectl: Kubectl, api: ApiServer) {
    this.kubectl = kubectl
    this.api = api
  }

  static async connect(): Promise<Cluster> {
    const kubectl = await Kubectl.current(NAMESPACE)
    return new Cluster(kubectl, await ApiServer.open(kubectl))
  }

  close(): void {
    this.api.close()
  }

  /** The exchange's pods, or one service's; finished jobs' are not among them. */
  async pods(app?: string): Promise<readonly Pod[]> {
    const selector = encodeURIComponent(app === undefined ? PART_OF : `app.kubernetes.io/name=${app}`)
    const pods = await this.api.read(
      podList,
      `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`,
    )
    return pods.filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed')
  }

  async deployments(): Promise<readonly Deployment[]> {
    const list = await this.api.read(deploymentList, `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`)
    return list.items
  }

  deployment(name: string): Promise<Deployment> {
    return this.api.read(deployment, `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`)
  }

  /** The name of the gateway's Deployment that the public Service points to. */
  async activeGateway(): Promise<string> {
    const { spec } = await this.api.read(service, `/api/v1/namespaces/${NAMESPACE}/services/gateway`)
    return `gateway-${spec.selector['bourse.dev/slot']}`
  }

  /** Between how many replicas KEDA keeps a Deployment. */
  async bounds(name: string): Promise<{ readonly min: number; readonly max: number }> {
    const path = `/apis/keda.sh/v1alpha1/namespaces/${NAMESPACE}/scaledobjects/${name}`
    const { spec } = await this.api.read(scaledObject, path)
    return { min: spec.minReplicaCount, max: spec.maxReplicaCount }
  }

  async secret(name: string): Promise<Readonly<Record<string, string>>> {
    const { data } = await this.api.read(secret, `/api/v1/namespaces/${NAMESPACE}/secrets/${name}`)
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    )
  }

  /** Waits until every Deployment has the pods it wants and none is on its way out. Jobs come and go. */
  async settled(withinMs = ROLLOUT_MS): Promise<number> {
    const { tookMs } = await until(
      'every Deployment is rolled out and no pod is leaving',
      withinMs,
      async () => {
        const [deployments, pods] = await Promise.all([this.deployments(), this.pods()])
        const waiting = [
          ...deployments.filter((each) => !isRolledOut(each)).map(({ metadata }) => metadata.name),
          ...pods
            .filter((pod) => pod.component !== 'job' && (pod.leaving || !pod.ready))
            .map(({ name }) => name),
        ]
        if (waiting.length > 0) throw new Error(`not yet: ${waiting.join(', ')}`)
        return true
      },
    )
    return tookMs
  }

  async nodes(): Promise<readonly Node[]> {
    const { items } = await this.api.read(nodeList, '/api/v1/nodes')
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      ready: status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      worker: !('node-role.kubernetes.io/control-plane' in metadata.labels),
      address: status.addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
    }))
  }

  async nodeIs(name: string, ready: boolean, withinMs: number): Promise<number> {
    const { tookMs } = await until(`node ${name} is ${ready ? '' : 'not '}Ready`, withinMs, async () =>
      (await this.nodes()).some((node) => node.name === name && node.ready === ready),
    )
    return tookMs
  }

  /** A worker on which nothing is kept: it may go without taking data along. */
  async workerWithoutData(): Promise<string> {
    const kept = new Set((await this.pods()).filter((p) => p.component === 'datastore').map((p) => p.node))
    const free = (await this.nodes()).find(({ name, worker }) => worker && !kept.has(name))
    if (free === undefined)
      throw new Error('every worker holds a datastore: none can be stopped without loss')
    return free.name
  }

  /** Sees to it that a node has a ready pod of a service, by deleting one elsewhere while the other nodes are closed. */
  async bringTo(node: string, app: string): Promise<void> {
    const pods = await this.pods(app)
    if (pods.some((pod) => pod.node === node && pod.ready)) return
    const others = (await this.nodes()).filter(({ name }) => name !== node).map(({ name }) => name)
    await this.kubectl.run(['cordon', ...others])
    try {
      await this.kubectl.run(['delete', 'pod', pods[0]?.name ?? ''])
      await until(`${app} runs on ${node}`, 120_000, async () =>
        (await this.pods(app)).some((pod) => pod.node === node && pod.ready),
      )
    } finally {
      await this.kubectl.run(['uncordon', ...others])
    }
  }

  /** Asks for a pod's eviction as a drain does. */
  async evict(pod: string): Promise<{ readonly status: number; readonly message: string }> {
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: pod, namespace: NAMESPACE },
    }
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod}/eviction`
    const { status, text } = await this.api.create(path, eviction)
    return { status, message: evicted.parse(JSON.parse(text)).message }
  }
}
