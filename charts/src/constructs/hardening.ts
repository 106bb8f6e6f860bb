import { ApiObject, JsonPatch } from 'cdk8s'
import {
  Capability,
  type ContainerSecurityContextProps,
  FsGroupChangePolicy,
  SeccompProfileType,
  k8s,
} from 'cdk8s-plus-28'
import type { Construct } from 'constructs'
import type { Resources } from '../values/schema.ts'

/** Of the image `bourse`: nobody on any node. */
export const BOURSE_USER = 10001

export type PriorityClassName = 'bourse-core' | 'bourse-serving' | 'bourse-jobs'

/** What the restricted Pod Security standard asks of a container, and a root file system nobody writes to. */
export const containerSecurity = {
  ensureNonRoot: true,
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: [Capability.ALL] },
  seccompProfile: { type: SeccompProfileType.RUNTIME_DEFAULT },
} satisfies ContainerSecurityContextProps

/** The same for objects that are written without cdk8s-plus. */
export const plainContainerSecurity: k8s.SecurityContext = {
  runAsNonRoot: true,
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

export const plainPodSecurity = (user: number): k8s.PodSecurityContext => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
})

export const podSecurity = {
  ensureNonRoot: true,
  user: BOURSE_USER,
  group: BOURSE_USER,
  fsGroup: BOURSE_USER,
  fsGroupChangePolicy: FsGroupChangePolicy.ON_ROOT_MISMATCH,
}

export type PodAdditions = {
  readonly priorityClassName: PriorityClassName
  readonly topologySpreadConstraints?: k8s.TopologySpreadConstraint[]
  readonly nodeSelector?: Record<string, string>
  readonly tolerations?: k8s.Toleration[]
}

/** Adds to a pod of one container what cdk8s-plus has no property for, or one that cannot say it. */
export function completePod(
  workload: Construct,
  additions: PodAdditions,
  { requests, limits }: Resources,
  podSpec = '/spec/template/spec',
): void {
  const fields = { ...additions, enableServiceLinks: false }
  // cdk8s-plus knows ephemeral storage in whole gibibytes alone.
  const storage = Object.entries({ requests, limits }).map(([bound, { ephemeralStorage }]) =>
    JsonPatch.add(
      `${podSpec}/containers/0/resources/${bound}/ephemeral-storage`,
      k8s.Quantity.fromString(ephemeralStorage),
    ),
  )
  const metadata = podSpec.replace(/spec$/, 'metadata')
  ApiObject.of(workload).addJsonPatch(
    // It names the construct's place in the tree, and pods would be replaced when that changes.
    JsonPatch.remove(`${metadata}/labels/cdk8s.io~1metadata.addr`),
    JsonPatch.add(`${podSpec}/securityContext/seccompProfile`, { type: 'RuntimeDefault' }),
    ...Object.entries(fields).map(([key, value]) => JsonPatch.add(`${podSpec}/${key}`, value)),
    ...storage,
  )
}
