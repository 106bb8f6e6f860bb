import { containersOf, nameOf, pods, workloads, type Container, type Manifest } from './manifest.ts'
import type { Rule } from './rule.ts'
import { environmentProblems, settingOf } from './service-environments.ts'

/** Between the end of preStop and the last signal: what the kubelet of a busy node may take. */
const MARGIN_SECONDS = 2

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
        const { terminationGracePeriodSeconds: grace = 30, containers } = workload.spec.template.spec
        return containers
          .map((container) => ({ name: container.name, needed: secondsToStop(container, objects) }))
          .filter(({ needed }) => needed > grace)
          .map(({ name, needed }) => ({
            at: nameOf(workload),
            problem: `${name} may need ${needed} s to stop, and is killed after ${grace} s`,
          }))
      }),
  },
]

function secondsToStop(container: Container, objects: readonly Manifest[]): number {
  const graceMs = settingOf(container, objects, 'SHUTDOWN_GRACE_MS')
  return typeof graceMs === 'number' ? preStopSeconds(container) + graceMs / 1_000 + MARGIN_SECONDS : 0
}

/** Of a `sleep`; a command of another kind has no limit that can be read. */
function preStopSeconds({ lifecycle }: Container): number {
  const { sleep, exec } = lifecycle?.preStop ?? {}
  if (sleep !== undefined) return sleep.seconds
  if (exec === undefined) return 0
  return Number(/\bsleep\W+(\d+)/.exec(exec.command.join(' '))?.[1] ?? Infinity)
}
