import {
  containersOf,
  nameOf,
  ofKind,
  pods,
  type EnvVariable,
  type ExternalSecret,
  type Manifest,
  type Pod,
  type Secret,
} from './manifest.ts'
import type { Rule, Violation } from './rule.ts'

/** What the Job `secrets` makes where nobody else keeps secrets. */
const MADE_IN_CLUSTER: Readonly<Record<string, readonly string[]>> = {
  'bourse-database': ['url', 'read-url', 'password'],
  'bourse-redis': ['url', 'password'],
  'bourse-token-keys': ['signing-key.json', 'jwks.json'],
}
const SECRETS_JOB = 'secrets'
const CLUSTER_SCOPED = [
  ...['Namespace', 'PriorityClass', 'ClusterRole', 'ClusterRoleBinding', 'StorageClass', 'IngressClass'],
  ...['ClusterSecretStore', 'AppProject', 'CustomResourceDefinition', 'PersistentVolume'],
]
const BUILT_IN_GROUPS =
  /^(?:v1|(?:apps|batch|autoscaling|policy|(?:networking|rbac\.authorization|scheduling|storage)\.k8s\.io)\/v\d+)$/
/** Of the system, there in every cluster. */
const SYSTEM_PRIORITIES = ['system-cluster-critical', 'system-node-critical']

/** What one object says of another must be true. */
export const referenceRules: readonly Rule[] = [
  {
    name: 'config-and-secret-keys-exist',
    check: (objects, { isLocal }) => {
      const known = keysIn(objects, isLocal)
      return pods(objects).flatMap((pod) =>
        referencesOf(pod)
          .filter(({ source, key }) => !known(source, key))
          .map(({ source, key }) =>
            says(pod.owner, `${source}${key === undefined ? '' : `, key ${key},`} does not exist`),
          ),
      )
    },
  },
  {
    name: 'service-account-exists',
    check: (objects) => {
      const accounts = ofKind(objects, 'ServiceAccount').map(({ metadata }) => metadata.name)
      return pods(objects)
        .filter(({ spec }) => !accounts.includes(spec.serviceAccountName ?? 'default'))
        .map(({ owner, spec }) =>
          says(owner, `ServiceAccount ${spec.serviceAccountName ?? 'default'} does not exist`),
        )
    },
  },
  {
    name: 'service-account-used',
    check: (objects) => {
      const used = pods(objects).map(({ spec }) => spec.serviceAccountName)
      return ofKind(objects, 'ServiceAccount')
        .filter(({ metadata }) => !used.includes(metadata.name))
        .map((account) => says(account, 'no pod uses it'))
    },
  },
  {
    name: 'no-service-account-token',
    check: (objects) => {
      const automounts = ofKind(objects, 'ServiceAccount').filter(
        (account) => account.automountServiceAccountToken !== false,
      )
      const mounts = pods(objects).filter(({ spec }) => spec.automountServiceAccountToken === true)
      return [...automounts, ...mounts.map(({ owner }) => owner)].map((each) =>
        says(each, 'mounts a token of the API server'),
      )
    },
  },
  {
    name: 'priority-class-exists',
    check: (objects) => {
      const classes = ofKind(objects, 'PriorityClass').map(({ metadata }) => metadata.name)
      return pods(objects)
        .filter(
          ({ spec: { priorityClassName: name } }) =>
            name !== undefined && ![...classes, ...SYSTEM_PRIORITIES].includes(name),
        )
        .map(({ owner, spec }) =>
          says(owner, `PriorityClass ${String(spec.priorityClassName)} does not exist`),
        )
    },
  },
  {
    name: 'no-secret-with-data',
    check: (objects) =>
      ofKind(objects, 'Secret')
        .filter(hasData)
        .map((secret) => says(secret, 'a secret in a manifest is no secret')),
  },
  {
    name: 'namespace',
    check: (objects, { namespace }) =>
      objects
        .filter(({ kind, metadata }) => !CLUSTER_SCOPED.includes(kind) && metadata.namespace !== namespace)
        .map((object) =>
          says(object, `is in ${object.metadata.namespace ?? 'whatever namespace is current'}`),
        ),
  },
  {
    name: 'namespace-limits',
    check: (objects, { namespace }) => {
      const labels =
        ofKind(objects, 'Namespace').find(({ metadata }) => metadata.name === namespace)?.metadata.labels ??
        {}
      const label = (mode: string) => labels[`pod-security.kubernetes.io/${mode}`] ?? ''
      const lax = ['enforce', 'audit', 'warn'].filter(
        (mode) => label(mode) !== 'restricted' || !/^v1\.\d+$/.test(label(`${mode}-version`)),
      )
      const limits = ['ResourceQuota', 'LimitRange'].filter(
        (wanted) => !objects.some(({ kind }) => kind === wanted),
      )
      return [
        ...lax.map((mode) => ({
          at: `Namespace/${namespace}`,
          problem: `does not ${mode} a version of restricted`,
        })),
        ...limits.map((wanted) => ({ at: `Namespace/${namespace}`, problem: `has no ${wanted}` })),
      ]
    },
  },
  {
    name: 'unique-names',
    check: (objects) => {
      const names = objects.map(nameOf)
      return objects
        .filter((object, index) => names.indexOf(nameOf(object)) < index)
        .map((each) => says(each, 'is there twice'))
    },
  },
  {
    name: 'stable-api-versions',
    check: (objects) =>
      objects
        .filter(({ apiVersion }) => /^(?:[a-z]+\/|[a-z.]+\.k8s\.io\/)?v\d+(?:alpha|beta)/.test(apiVersion))
        .map((object) => says(object, `${object.apiVersion} may go away`)),
  },
  {
    name: 'no-custom-resources',
    check: (objects, { environment }) =>
      objects
        .filter(({ apiVersion }) => environment === 'minimal' && !BUILT_IN_GROUPS.test(apiVersion))
        .map((object) => says(object, `needs a cluster that knows ${object.apiVersion}`)),
  },
  ...accessRules(),
]

function accessRules(): readonly Rule[] {
  const roles = (objects: readonly Manifest[]) => [
    ...ofKind(objects, 'Role'),
    ...ofKind(objects, 'ClusterRole'),
  ]
  const bindings = (objects: readonly Manifest[]) => [
    ...ofKind(objects, 'RoleBinding'),
    ...ofKind(objects, 'ClusterRoleBinding'),
  ]
  return [
    {
      name: 'wildcard-in-rules',
      check: (objects) =>
        roles(objects)
          .filter(({ rules }) =>
            rules.some((rule) =>
              [rule.apiGroups, rule.resources, rule.verbs].some((each) => each?.includes('*')),
            ),
          )
          .map((role) => says(role, 'allows everything of something')),
    },
    {
      name: 'access-to-secrets',
      check: (objects) =>
        roles(objects)
          .filter(({ rules }) => rules.some(({ resources }) => resources?.includes('secrets')))
          .map((role) => says(role, 'may touch secrets')),
    },
    {
      name: 'roles-are-bound',
      check: (objects) =>
        roles(objects)
          .filter(
            ({ kind, metadata }) =>
              !bindings(objects).some(
                ({ roleRef }) => roleRef.kind === kind && roleRef.name === metadata.name,
              ),
          )
          .map((role) => says(role, 'nobody has it')),
    },
    {
      name: 'bindings-exist',
      check: (objects) =>
        bindings(objects).flatMap((binding) => {
          const { roleRef, subjects = [] } = binding
          const accounts = ofKind(objects, 'ServiceAccount').map(({ metadata }) => metadata.name)
          const lost = subjects.filter(
            ({ kind, name }) => kind !== 'ServiceAccount' || !accounts.includes(name),
          )
          const isKnown = roles(objects).some(
            ({ kind, metadata }) => kind === roleRef.kind && metadata.name === roleRef.name,
          )
          return [
            ...(isKnown ? [] : [says(binding, `${roleRef.kind} ${roleRef.name} does not exist`)]),
            ...lost.map(({ kind, name }) => says(binding, `${kind} ${name} is none of ours`)),
          ]
        }),
    },
  ]
}

const says = (object: Manifest, problem: string): Violation => ({ at: nameOf(object), problem })

const hasData = ({ data = {}, stringData = {} }: Secret): boolean =>
  Object.keys({ ...data, ...stringData }).length > 0

type Reference = { readonly source: string; readonly key?: string }

/** Every ConfigMap and Secret that a pod cannot do without, with the key where one is named. */
function referencesOf({ spec }: Pod): readonly Reference[] {
  const containers = containersOf(spec)
  const variables = containers.flatMap(({ env = [] }) => env.flatMap(referenceOf))
  const whole = containers.flatMap(({ envFrom = [] }) =>
    envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...(configMapRef ? [{ source: `ConfigMap/${configMapRef.name}` }] : []),
      ...(secretRef ? [{ source: `Secret/${secretRef.name}` }] : []),
    ]),
  )
  const volumes = (spec.volumes ?? []).flatMap(({ secret, configMap }) => [
    ...(secret && !secret.optional ? withKeys(`Secret/${secret.secretName}`, secret.items) : []),
    ...(configMap && !configMap.optional ? withKeys(`ConfigMap/${configMap.name}`, configMap.items) : []),
  ])
  return [...variables, ...whole, ...volumes]
}

function referenceOf({ valueFrom }: EnvVariable): readonly Reference[] {
  const { configMapKeyRef, secretKeyRef } = valueFrom ?? {}
  return [
    ...(configMapKeyRef && !configMapKeyRef.optional
      ? [{ source: `ConfigMap/${configMapKeyRef.name}`, key: configMapKeyRef.key }]
      : []),
    ...(secretKeyRef && !secretKeyRef.optional
      ? [{ source: `Secret/${secretKeyRef.name}`, key: secretKeyRef.key }]
      : []),
  ]
}

function withKeys(
  source: string,
  items: readonly { readonly key: string }[] | undefined,
): readonly Reference[] {
  return items === undefined ? [{ source }] : items.map(({ key }) => ({ source, key }))
}

/** Whether a ConfigMap or Secret, and its key, will be there. */
function keysIn(
  objects: readonly Manifest[],
  isLocal: boolean,
): (source: string, key: string | undefined) => boolean {
  const makesSecrets =
    isLocal && ofKind(objects, 'Job').some(({ metadata }) => metadata.name.startsWith(SECRETS_JOB))
  const made = makesSecrets
    ? Object.entries(MADE_IN_CLUSTER).map(([name, keys]) => [`Secret/${name}`, keys] as const)
    : []
  const known = new Map<string, readonly string[]>([
    ...made,
    ...ofKind(objects, 'ConfigMap').map(
      (map) => [nameOf(map), Object.keys({ ...map.data, ...map.binaryData })] as const,
    ),
    ...ofKind(objects, 'ExternalSecret').map((secret) => [secretOf(secret), keysOf(secret)] as const),
  ])
  return (source, key) => {
    const keys = known.get(source)
    return keys !== undefined && (key === undefined || keys.includes(key))
  }
}

const secretOf = ({ metadata, spec }: ExternalSecret): string =>
  `Secret/${spec.target?.name ?? metadata.name}`

/** A template replaces the data as it was fetched. */
function keysOf({ spec: { target, data = [] } }: ExternalSecret): readonly string[] {
  return target?.template?.data === undefined
    ? data.map(({ secretKey }) => secretKey)
    : Object.keys(target.template.data)
}
