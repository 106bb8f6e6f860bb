import {
  containersOf,
  nameOf,
  pods,
  type Container,
  type Manifest,
  type Pod,
  type Probe,
  type SecurityContext,
  type Volume,
} from './manifest.ts'
import type { Rule, Violation } from './rule.ts'

/** Of the Pod Security Standards v1.34, profile `restricted`. */
const VOLUME_TYPES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]
const SELINUX_TYPES = [
  undefined,
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]
const SECCOMP_TYPES = ['RuntimeDefault', 'Localhost']

type Control = (pod: Pod) => readonly (string | false | undefined)[]

/** For each control what it finds wrong; a finding of a container names it. */
const controls: Readonly<Record<string, Control>> = {
  'host namespaces': ({ spec }) => [
    spec.hostNetwork === true && 'hostNetwork',
    spec.hostPID === true && 'hostPID',
    spec.hostIPC === true && 'hostIPC',
  ],
  HostProcess: (pod) => contexts(pod, (context) => context.windowsOptions?.hostProcess === true),
  'privileged containers': (pod) => contexts(pod, ({ privileged }) => privileged === true),
  capabilities: (pod) =>
    containers(pod, ({ securityContext }) => {
      const { drop = [], add = [] } = securityContext?.capabilities ?? {}
      return !drop.includes('ALL') || add.some((capability) => capability !== 'NET_BIND_SERVICE')
    }),
  'volume types': ({ spec }) =>
    (spec.volumes ?? []).filter((volume) => !VOLUME_TYPES.includes(typeOf(volume))).map(({ name }) => name),
  'host ports': (pod) =>
    containers(pod, ({ ports = [] }) => ports.some(({ hostPort = 0 }) => hostPort !== 0)),
  'host of probes and hooks': (pod) => containers(pod, (container) => handlers(container).some(namesHost)),
  AppArmor: (pod) => [
    ...contexts(pod, ({ appArmorProfile }) => appArmorProfile?.type === 'Unconfined'),
    ...Object.entries(pod.annotations).map(
      ([key, value]) => key.startsWith('container.apparmor.security.beta') && value === 'unconfined' && key,
    ),
  ],
  SELinux: (pod) =>
    contexts(pod, ({ seLinuxOptions: { type, user, role } = {} }) => {
      return !SELINUX_TYPES.includes(type) || user !== undefined || role !== undefined
    }),
  '/proc mount': (pod) => contexts(pod, ({ procMount = 'Default' }) => procMount !== 'Default'),
  seccomp: (pod) => [
    ...contexts(pod, ({ seccompProfile }) => seccompProfile !== undefined && !isConfined({ seccompProfile })),
    ...containers(
      pod,
      ({ securityContext }) => !isConfined({ ...pod.spec.securityContext, ...securityContext }),
    ),
  ],
  sysctls: ({ spec }) =>
    (spec.securityContext?.sysctls ?? []).map(({ name }) => !SYSCTLS.includes(name) && name),
  'privilege escalation': (pod) =>
    containers(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false),
  'running as non-root': (pod) =>
    containers(
      pod,
      ({ securityContext }) => ({ ...pod.spec.securityContext, ...securityContext }).runAsNonRoot !== true,
    ),
  'running as user 0': (pod) => contexts(pod, ({ runAsUser }) => runAsUser === 0),
}

export const podSecurityRules: readonly Rule[] = Object.entries(controls).map(([control, find]) => ({
  name: `Pod Security restricted: ${control}`,
  check: (objects: readonly Manifest[]): readonly Violation[] =>
    pods(objects).flatMap((pod) =>
      find(pod)
        .filter((found) => typeof found === 'string')
        .map((found) => ({ at: nameOf(pod.owner), problem: `${found} is not allowed by ${control}` })),
    ),
}))

function containers(pod: Pod, isWrong: (container: Container) => boolean): string[] {
  return containersOf(pod.spec)
    .filter(isWrong)
    .map(({ name }) => name)
}

/** Checks the pod's own context and each container's. */
function contexts(pod: Pod, isWrong: (context: SecurityContext) => boolean): string[] {
  return [
    ...(isWrong(pod.spec.securityContext ?? {}) ? ['the pod'] : []),
    ...containers(pod, ({ securityContext = {} }) => isWrong(securityContext)),
  ]
}

/** A volume has its name and one more field, which is its type. */
const typeOf = (volume: Volume): string => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir'

const isConfined = ({ seccompProfile }: SecurityContext): boolean =>
  seccompProfile !== undefined && SECCOMP_TYPES.includes(seccompProfile.type)

const handlers = (container: Container): readonly (Probe | undefined)[] => [
  container.livenessProbe,
  container.readinessProbe,
  container.startupProbe,
  container.lifecycle?.preStop,
  container.lifecycle?.postStart,
]

const namesHost = (handler: Probe | undefined): boolean =>
  (handler?.httpGet?.host ?? handler?.tcpSocket?.host ?? '') !== ''
