import { nameOf, workloads, type Manifest, type Workload } from './manifest.ts'
import type { Rule, Violation } from './rule.ts'
import { scalers } from './scaling-rules.ts'
import { variablesOf } from './service-environments.ts'

/** For people, Jobs, pods that wait for the schema, the follower of a cut, and what PostgreSQL and AWS keep for themselves. */
const KEPT_FREE = 20
/** Of a Deployment that does not say how many pods an update adds. */
const SURGE = '25%'
const ENDPOINTS = { DATABASE_URL: 'writer', DATABASE_READ_URL: 'reader' } as const
/** Its two are among those kept free: it is the operator's, which has no such setting. */
const WITHOUT_POOL = ['cut-follower']

type Pool = {
  readonly workload: Workload
  readonly endpoint: 'writer' | 'reader'
  /** Undefined where none is stated. */
  readonly connections: number | undefined
}

/** Every pod's pool, at the most replicas and in the middle of an update, goes into what the database takes. */
export const databaseRules: readonly Rule[] = [
  {
    name: 'database-pools-stated',
    check: (objects) =>
      pools(objects)
        .filter(({ connections }) => connections === undefined)
        .map(({ workload }) => ({ at: nameOf(workload), problem: 'states no DATABASE_CONNECTIONS' })),
  },
  {
    name: 'database-connections',
    check: (objects, { namespace, databaseConnections: { writer, reader } }) => {
      const all = pools(objects)
      const at = (name: Pool['endpoint']) => all.filter(({ endpoint }) => endpoint === name)
      const over = (used: readonly Pool[], limit: number, what: string): Violation[] => {
        const counted = used.map((pool) => ({
          pool,
          count: podsMax(objects, pool) * (pool.connections ?? 0),
        }))
        const sum = counted.reduce((total, { count }) => total + count, 0)
        const parts = counted.map(({ pool, count }) => `${pool.workload.metadata.name} ${count}`)
        const problem = `pods may open ${sum} connections to the ${what} (${parts.join(', ')}), which takes ${limit}, ${KEPT_FREE} of them kept free`
        return sum + KEPT_FREE <= limit ? [] : [{ at: `Namespace/${namespace}`, problem }]
      }
      return reader === null
        ? over(all, writer, 'database')
        : [...over(at('writer'), writer, 'writer'), ...over(at('reader'), reader, 'reader')]
    },
  },
]

function pools(objects: readonly Manifest[]): readonly Pool[] {
  return workloads(objects)
    .filter(({ metadata }) => !WITHOUT_POOL.includes(metadata.name))
    .flatMap((workload) =>
      workload.spec.template.spec.containers.flatMap((container) => {
        const variables = variablesOf(container, objects)
        const stated = variables.get('DATABASE_CONNECTIONS') ?? variables.get('DATABASE_CONNECTIONS_MAX')
        const connections = stated === undefined ? undefined : Number(stated)
        return Object.entries(ENDPOINTS)
          .filter(([variable]) => variables.has(variable))
          .map(([, endpoint]) => ({ workload, endpoint, connections }))
      }),
    )
}

function podsMax(objects: readonly Manifest[], { workload }: Pool): number {
  const { replicas = 1, strategy } = workload.spec
  const most = scalers(objects).find(({ target }) => target === nameOf(workload))?.max ?? replicas
  const surge = strategy?.rollingUpdate?.maxSurge ?? SURGE
  return most + (typeof surge === 'number' ? surge : Math.ceil((most * Number.parseInt(surge)) / 100))
}
