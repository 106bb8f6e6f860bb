import { exchange } from './exchange.ts'
import { type Tree, loadValues } from './values/load.ts'
import { ENVIRONMENTS, type EnvironmentName, type Values } from './values/schema.ts'

export { ENVIRONMENTS, type EnvironmentName }

/** An object as the API server takes it. */
export type KubernetesObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

/** Every object of an environment, in an order in which it can be applied; `over` are values over the environment's. */
export function renderEnvironment(
  environment: EnvironmentName,
  over: Tree = {},
): readonly KubernetesObject[] {
  return render(loadValues(environment, { over }))
}

export function render(values: Values): readonly KubernetesObject[] {
  return [...renderFiles(values).values()].flat()
}

/** The objects by the name of their file, in the order of both. */
export function renderFiles(values: Values): ReadonlyMap<string, readonly KubernetesObject[]> {
  const files = exchange(values).map((chart) => {
    const objects = chart.toJson() as KubernetesObject[]
    objects.sort((a, b) => rank(a) - rank(b) || compare(identity(a), identity(b)))
    return [`${chart.node.id}.yaml`, objects] as const
  })
  return new Map(files.sort(([a], [b]) => compare(a, b)))
}

/** Kinds that others need come first; the rest follows by name. */
const FIRST = [
  ...['Namespace', 'PriorityClass', 'ResourceQuota', 'LimitRange', 'NetworkPolicy', 'ServiceAccount', 'Role'],
  ...['RoleBinding', 'ConfigMap', 'ExternalSecret', 'Service', 'StatefulSet', 'Job'],
]

const rank = ({ kind }: KubernetesObject): number => {
  const index = FIRST.indexOf(kind)
  return index < 0 ? FIRST.length : index
}

export const identity = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata.name}`

/** By code units, so that the order is the same on every machine. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
