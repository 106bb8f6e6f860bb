import {
  containersOf,
  nameOf,
  ofKind,
  pods,
  workloads,
  type Container,
  type Manifest,
  type Pod,
  type Workload,
} from './manifest.ts'
import type { Rule, Violation } from './rule.ts'
import { environmentProblems, settingOf, variablesOf } from './service-environments.ts'

/** Between the end of preStop and the last signal: what the kubelet of a busy node may take. */
const MARGIN_SECONDS = 2
/** AWS takes a Spot node back two minutes after it said so; its notice needs a while to become a drain. */
const SPOT_GRACE_SECONDS_MAX = 110
const GRACE_SECONDS = 30

/** What the services themselves say of how they must be run. */
export const environmentRules: readonly Rule[] = [
  {
    name: 'environment',
    check: (objects) =>
      pods(objects).flatMap(({ owner, spec }) =>
        containersOf(spec).flatMap((container) =>
          environmentProblems(container, objects).map((problem) => ({
            at: nameOf(owner),
            problem: `${container.name}: ${problem}`,
          })),
        ),
      ),
  },
  {
    name: 'grace-period',
    check: (objects) =>
      workloads(objects).flatMap((workload) => {
        const { terminationGracePeriodSeconds: grace = GRACE_SECONDS, containers } =
          workload.spec.template.spec
        return containers
          .map((container) => ({ name: container.name, needed: secondsToStop(container, objects) }))
          .filter(({ needed }) => needed > grace)
          .map(({ name, needed }) => ({
            at: nameOf(workload),
            problem: `${name} may need ${needed} s to stop, and is killed after ${grace} s`,
          }))
      }),
  },
  {
    name: 'spot-warning',
    check: (objects) =>
      pods(objects)
        .filter(({ spec }) => spec.nodeSelector === undefined)
        .map(({ owner, spec }) => ({ owner, grace: spec.terminationGracePeriodSeconds ?? GRACE_SECONDS }))
        .filter(({ grace }) => grace > SPOT_GRACE_SECONDS_MAX)
        .map(({ owner, grace }) => ({
          at: nameOf(owner),
          problem: `may stand on a Spot node and has ${grace} s to stop; ${SPOT_GRACE_SECONDS_MAX} are left there`,
        })),
  },
  {
    name: 'region-is-known',
    check: (objects, { inStandbyRegion }) => [
      ...pods(objects)
        .filter(({ owner }) => /\/(?:.*-engine|prepare.*)$/.test(nameOf(owner)))
        .filter((pod) => follows(pod, objects) !== inStandbyRegion)
        .map(({ owner }) => ({
          at: nameOf(owner),
          problem: inStandbyRegion ? 'serves here and should follow' : 'follows here and should serve',
        })),
      ...workloads(objects)
        .filter(({ metadata }) => metadata.name.endsWith('-engine'))
        .flatMap((engine) => groupProblems(engine, objects, inStandbyRegion)),
    ],
  },
  {
    name: 'cut-is-followed',
    check: (objects, { namespace, inStandbyRegion }) => {
      const isFollowed = workloads(objects).some(({ metadata }) => metadata.name === 'cut-follower')
      const problem = isFollowed ? 'has who writes its inputs beside those who trade' : 'nobody makes the cut'
      return isFollowed === inStandbyRegion ? [] : [{ at: `Namespace/${namespace}`, problem }]
    },
  },
]

/** Engines write no inputs then, and `prepare` does not begin them. */
const follows = ({ spec }: Pod, objects: readonly Manifest[]): boolean =>
  containersOf(spec).some((container) => variablesOf(container, objects).get('STANDBY_REGION') === 'true')

/** The group of an engine that follows is not a serving one's: that one begins without a position. */
function groupProblems(
  engine: Workload,
  objects: readonly Manifest[],
  inStandbyRegion: boolean,
): readonly Violation[] {
  const group = `${engine.metadata.name}${inStandbyRegion ? '-standby-region' : ''}`
  return ofKind(objects, 'ScaledObject')
    .filter(({ spec }) => spec.scaleTargetRef.name === engine.metadata.name)
    .flatMap(({ spec }) => spec.triggers.flatMap(({ metadata }) => metadata['consumerGroup'] ?? []))
    .filter((measured) => measured !== group)
    .map((measured) => ({
      at: nameOf(engine),
      problem: `is scaled by the lag of ${measured}, and its group is ${group}`,
    }))
}

function secondsToStop(container: Container, objects: readonly Manifest[]): number {
  const graceMs = settingOf(container, objects, 'SHUTDOWN_GRACE_MS')
  if (typeof graceMs !== 'number') return 0
  // What a process waits before it closes is not part of what closing may take.
  const delayMs = Number(settingOf(container, objects, 'DRAIN_DELAY_MS') ?? 0)
  return preStopSeconds(container) + (delayMs + graceMs) / 1_000 + MARGIN_SECONDS
}

/** Of a `sleep`; a command of another kind has no limit that can be read. */
function preStopSeconds({ lifecycle }: Container): number {
  const { sleep, exec } = lifecycle?.preStop ?? {}
  if (sleep !== undefined) return sleep.seconds
  if (exec === undefined) return 0
  return Number(/\bsleep\W+(\d+)/.exec(exec.command.join(' '))?.[1] ?? Infinity)
}
