import { environment as analytics } from '@bourse/analytics/config'
import { environment as archive } from '@bourse/archive/config'
import { environment as gateway } from '@bourse/gateway/config'
import { environment as marketData } from '@bourse/market-data/config'
import { environments as operator } from '@bourse/operator/config'
import { engineEnvironment } from '@bourse/platform/engine/engine-service'
import { environment as settlement } from '@bourse/settlement/config'
import { z } from 'zod'
import { nameOf, ofKind, type Container, type EnvVariable, type Manifest } from './manifest.ts'

/** Of Node, its libraries and the C library: no service reads them itself. */
const OF_THE_PROCESS = ['NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'UV_THREADPOOL_SIZE', 'TZ']
/** Set by the cluster in every container. */
const OF_THE_CLUSTER = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']

/** What each process reads, as it parses it itself. */
const shapes: Readonly<Record<string, z.ZodRawShape>> = {
  analytics,
  archive,
  gateway,
  settlement,
  'market-data': marketData,
  'risk-engine': engineEnvironment,
  'matching-engine': engineEnvironment,
  ...Object.fromEntries(Object.entries(operator).map(([command, shape]) => [`operator ${command}`, shape])),
}

/** Whose environment a container has: `gateway`, `operator prepare`; undefined when it runs something else. */
function processOf({ command = [], args = [] }: Container): string | undefined {
  const words = [...command, ...args]
  const main = words.findIndex((word) => /^services\/[a-z-]+\/(?:dist|src)\/main\.[jt]s$/.test(word))
  const service = words[main]?.split('/')[1]
  return service === 'operator' ? `operator ${words[main + 1] ?? ''}` : service
}

/** Everything wrong with the environment of a container of ours. */
export function environmentProblems(container: Container, objects: readonly Manifest[]): readonly string[] {
  const process = processOf(container)
  if (process === undefined) return []
  const shape = shapes[process]
  if (shape === undefined) return [`${process} is no process of ours`]
  const given = variablesOf(container, objects)
  const unread = [...given.keys()].filter((name) => !(name in shape) && !OF_THE_PROCESS.includes(name))
  const parsed = parse(shape, given)
  const isKnown = (name: string): boolean => given.get(name) !== undefined || !given.has(name)
  const wrong = (parsed.error?.issues ?? [])
    .map(({ path, message }) => ({ name: String(path[0]), message }))
    .filter(({ name }) => isKnown(name) && !OF_THE_CLUSTER.includes(name))
    .map(({ name, message }) => `${name}: ${given.has(name) ? message : 'is not set'}`)
  return [...unread.map((name) => `${name}: ${process} does not read it`), ...wrong]
}

/** A setting as the process will have it, defaults included; undefined for what is no process of ours. */
export function settingOf(container: Container, objects: readonly Manifest[], name: string): unknown {
  const setting = shapes[processOf(container) ?? '']?.[name]
  if (setting === undefined) return undefined
  return z.object({ [name]: setting }).parse(Object.fromEntries(variablesOf(container, objects)))[name]
}

function parse(shape: z.ZodRawShape, given: ReadonlyMap<string, string | undefined>) {
  return z.object(shape).safeParse(Object.fromEntries([...given].filter(([, value]) => value !== undefined)))
}

/** Every variable by name; a value of undefined is one that only the cluster will know. */
export function variablesOf(
  { env = [], envFrom = [] }: Container,
  objects: readonly Manifest[],
): ReadonlyMap<string, string | undefined> {
  const dataOf = (name: string): Readonly<Record<string, string>> =>
    ofKind(objects, 'ConfigMap').find((map) => nameOf(map) === `ConfigMap/${name}`)?.data ?? {}
  const valueOf = ({ value, valueFrom }: EnvVariable): string | undefined => {
    const reference = valueFrom?.configMapKeyRef
    return reference === undefined ? value : dataOf(reference.name)[reference.key]
  }
  return new Map([
    ...envFrom.flatMap(({ configMapRef }) =>
      Object.entries(configMapRef === undefined ? {} : dataOf(configMapRef.name)),
    ),
    ...env.map((variable) => [variable.name, valueOf(variable)] as const),
  ])
}
