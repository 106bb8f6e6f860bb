import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

const quantities = z.record(z.string(), z.union([z.string(), z.number()])).default({})
const keyOf = z.object({ name: z.string(), optional: z.boolean().default(false) })
const container = z.object({
  image: z.string(),
  resources: z.object({ requests: quantities }).default({ requests: {} }),
  env: z
    .array(
      z.object({
        valueFrom: z.object({ secretKeyRef: keyOf.optional(), configMapKeyRef: keyOf.optional() }).optional(),
      }),
    )
    .default([]),
})
const template = z.object({
  spec: z.object({
    containers: z.array(container),
    initContainers: z.array(container).default([]),
    volumes: z
      .array(
        z.object({
          secret: z.object({ secretName: z.string(), optional: z.boolean().default(false) }).optional(),
          configMap: keyOf.optional(),
        }),
      )
      .default([]),
  }),
})
const manifest = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z
    .object({
      replicas: z.number().optional(),
      template: template.optional().catch(undefined),
      volumeClaimTemplates: z.array(z.unknown()).default([]),
      ingressClassName: z.string().optional(),
      scaleTargetRef: z.object({ name: z.string() }).optional(),
      minReplicas: z.number().optional(),
      minReplicaCount: z.number().optional(),
      target: z.object({ name: z.string().optional() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
})

export type Manifest = z.infer<typeof manifest>

/** Of a manifest, the fields that the doctor looks at. */
export const readManifest = (document: unknown): Manifest => manifest.parse(document)

/** What a folder of rendered manifests has: its files begin with a number; others belong to tools. */
export function readManifests(folder: string): readonly Manifest[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^\d.*\.yaml$/.test(file)) : []
  const documents = files.flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
  return documents.map((document) => readManifest(document.toJS()))
}

export const isWorkload = ({ kind }: Manifest): boolean => kind === 'Deployment' || kind === 'StatefulSet'

export const imagesOf = (manifests: readonly Manifest[]): readonly string[] => [
  ...new Set(
    manifests.flatMap(({ spec }) => spec?.template?.spec.containers.map(({ image }) => image) ?? []),
  ),
]

/** ConfigMaps and Secrets that pods name and that the manifests do not bring: `Secret/bourse-database`. */
export function broughtByOthers(manifests: readonly Manifest[]): readonly string[] {
  const own = manifests.flatMap(({ kind, metadata, spec }) =>
    kind === 'ExternalSecret'
      ? [`Secret/${spec?.target?.name ?? metadata.name}`]
      : [`${kind}/${metadata.name}`],
  )
  const named = manifests.flatMap(({ spec }) =>
    spec?.template === undefined ? [] : referencesOf(spec.template.spec),
  )
  return [...new Set(named)].filter((name) => !own.includes(name)).sort()
}

function referencesOf({
  containers,
  initContainers,
  volumes,
}: z.infer<typeof template>['spec']): readonly string[] {
  const of = (kind: string, name: string | undefined, optional: boolean | undefined) =>
    name === undefined || optional ? [] : [`${kind}/${name}`]
  return [
    ...[...containers, ...initContainers].flatMap(({ env }) =>
      env.flatMap(({ valueFrom }) => [
        ...of('Secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.optional),
        ...of('ConfigMap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.optional),
      ]),
    ),
    ...volumes.flatMap(({ secret, configMap }) => [
      ...of('Secret', secret?.secretName, secret?.optional),
      ...of('ConfigMap', configMap?.name, configMap?.optional),
    ]),
  ]
}

export type Amounts = { readonly cpu: number; readonly memory: number }

/** What the environment asks for at its least: each workload's replicas, or its autoscaler's minimum. */
export function requestsOf(manifests: readonly Manifest[]): Amounts {
  return sum(
    manifests.filter(isWorkload).map((workload) => {
      const scaler = manifests.find(({ spec }) => spec?.scaleTargetRef?.name === workload.metadata.name)?.spec
      const replicas = workload.spec?.replicas ?? scaler?.minReplicaCount ?? scaler?.minReplicas ?? 1
      const each = podRequests(workload.spec?.template?.spec.containers ?? [])
      return { cpu: each.cpu * replicas, memory: each.memory * replicas }
    }),
  )
}

export const podRequests = (
  containers: readonly { readonly resources: { readonly requests: Quantities } }[],
): Amounts => sum(containers.map(({ resources }) => amountsOf(resources.requests)))

export type Quantities = Readonly<Record<string, string | number>>

export const amountsOf = (quantities: Quantities): Amounts => ({
  cpu: parseQuantity(quantities['cpu'] ?? 0),
  memory: parseQuantity(quantities['memory'] ?? 0),
})

export const sum = (amounts: readonly Amounts[]): Amounts => ({
  cpu: amounts.reduce((total, { cpu }) => total + cpu, 0),
  memory: amounts.reduce((total, { memory }) => total + memory, 0),
})

const SUFFIXES: Readonly<Record<string, number>> = {
  ...{ '': 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
}

/** `250m` is 0.25, `1Gi` is 2^30. */
export function parseQuantity(quantity: string | number): number {
  const [, digits = '', suffix = ''] = /^([\d.]+)([a-zA-Z]*)$/.exec(String(quantity)) ?? []
  const factor = SUFFIXES[suffix]
  if (digits === '' || factor === undefined) throw new Error(`${quantity} is no quantity`)
  return Number(digits) * factor
}
