import { nameOf, ofKind, workloads, type Manifest, type Workload } from './manifest.ts'
import type { Rule, Violation } from './rule.ts'
import { variablesOf } from './service-environments.ts'

/** An engine beyond its partitions only follows; below two, a crash waits for a cold start. */
const REPLICAS_MIN = 2

type Scaler = {
  readonly object: Manifest
  readonly target: string
  readonly min: number
  readonly max: number
}

/** How much runs, and how long it may take to stop. */
export const scalingRules: readonly Rule[] = [
  {
    name: 'autoscaler-target',
    check: (objects) =>
      scalers(objects)
        .filter(({ target }) => targetOf(objects, target) === undefined)
        .map(({ object, target }) => says(object, `${target} does not exist`)),
  },
  {
    name: 'one-autoscaler-per-target',
    check: (objects) => {
      const all = scalers(objects)
      return all
        .filter(({ target }, index) => all.findIndex((other) => other.target === target) < index)
        .map(({ object, target }) => says(object, `${target} has another autoscaler already`))
    },
  },
  {
    name: 'autoscaled-replicas',
    check: (objects) =>
      workloads(objects)
        .filter((workload) => isScaled(objects, workload) && workload.spec.replicas !== undefined)
        .map((workload) => says(workload, 'states replicas, which its autoscaler decides')),
  },
  {
    name: 'replicas-stated',
    check: (objects) =>
      workloads(objects)
        .filter((workload) => !isScaled(objects, workload) && workload.spec.replicas === undefined)
        .map((workload) => says(workload, 'has neither replicas nor an autoscaler')),
  },
  {
    name: 'autoscaler-bounds',
    check: (objects) =>
      scalers(objects).flatMap(({ object, target, min, max }) => [
        ...when(min > max, object, `at least ${min} and at most ${max} contradict`),
        ...when(
          min < (isConsumer(objects, target) ? 1 : REPLICAS_MIN),
          object,
          `lets ${target} down to ${min}`,
        ),
      ]),
  },
  {
    name: 'autoscaler-fallback',
    check: (objects) =>
      ofKind(objects, 'ScaledObject')
        .filter(
          ({ spec }) =>
            spec.triggers.some(({ type }) => !['cpu', 'memory', 'cron'].includes(type)) &&
            spec.fallback === undefined,
        )
        .map((object) => says(object, 'says nothing of what to do when its query fails')),
  },
  {
    name: 'engine-replicas',
    check: (objects) =>
      workloads(objects).flatMap((engine) => {
        const partitions = partitionsOf(objects, engine)
        if (partitions === undefined) return []
        const scaler = scalers(objects).find(({ target }) => target === nameOf(engine))
        const { min, max } = scaler ?? { min: engine.spec.replicas ?? 0, max: engine.spec.replicas ?? 0 }
        return [
          ...when(partitions < REPLICAS_MIN, engine, `has ${partitions} partitions: nothing to share`),
          ...when(max > partitions, engine, `may have ${max} replicas for ${partitions} partitions`),
          ...when(min < REPLICAS_MIN, engine, `may go down to ${min} replicas`),
        ]
      }),
  },
]

const says = (object: Manifest, problem: string): Violation => ({ at: nameOf(object), problem })

const when = (isWrong: boolean, object: Manifest, problem: string): Violation[] =>
  isWrong ? [says(object, problem)] : []

export function scalers(objects: readonly Manifest[]): readonly Scaler[] {
  const target = ({ kind = 'Deployment', name }: { readonly kind?: string; readonly name: string }): string =>
    `${kind}/${name}`
  return [
    ...ofKind(objects, 'HorizontalPodAutoscaler').map((object) => ({
      ...{ object, target: target(object.spec.scaleTargetRef) },
      ...{ min: object.spec.minReplicas ?? 1, max: object.spec.maxReplicas },
    })),
    ...ofKind(objects, 'ScaledObject').map((object) => ({
      ...{ object, target: target(object.spec.scaleTargetRef) },
      ...{ min: object.spec.minReplicaCount ?? 0, max: object.spec.maxReplicaCount ?? 100 },
    })),
  ]
}

const targetOf = (objects: readonly Manifest[], target: string): Workload | undefined =>
  workloads(objects).find((workload) => nameOf(workload) === target)

const isScaled = (objects: readonly Manifest[], workload: Workload): boolean =>
  scalers(objects).some(({ target }) => target === nameOf(workload))

/** Consumers may be one: the log keeps what they have not read. */
const isConsumer = (objects: readonly Manifest[], target: string): boolean =>
  targetOf(objects, target)?.spec.template.metadata?.labels?.['app.kubernetes.io/component'] === 'consumer'

/** How many partitions an engine shares out, as the gateway is told; undefined for what is no engine. */
function partitionsOf(objects: readonly Manifest[], { metadata }: Workload): number | undefined {
  const setting = { 'risk-engine': 'RISK_PARTITIONS', 'matching-engine': 'MATCHING_PARTITIONS' }[
    metadata.name
  ]
  if (setting === undefined) return undefined
  const values = workloads(objects)
    .flatMap(({ spec }) => spec.template.spec.containers)
    .map((container) => variablesOf(container, objects).get(setting))
  return Number(values.find((value) => value !== undefined) ?? 0)
}
