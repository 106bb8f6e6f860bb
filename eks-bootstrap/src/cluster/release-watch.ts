import { PROMETHEUS } from './prometheus-values.ts'

/** What the viewers of `cluster.viewerRoleArns` are in the cluster, beside what EKS's own policy lets them see. */
export const WATCHERS = 'bourse:watchers'

/** Whoever watches a release reads Argo CD's applications and asks Prometheus for alerts; EKS's view policy has neither. */
export function releaseWatch(): Record<string, unknown>[] {
  const { namespace, service, port } = PROMETHEUS
  return [
    ...granted('argocd', [
      { apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['get', 'list', 'watch'] },
    ]),
    ...granted(namespace, [
      {
        apiGroups: [''],
        resources: ['services/proxy'],
        resourceNames: [`${service}:${port}`],
        verbs: ['get'],
      },
    ]),
  ]
}

function granted(namespace: string, rules: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  const metadata = { name: 'release-watch', namespace }
  const rbac = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
      subjects: [{ apiGroup: rbac, kind: 'Group', name: WATCHERS }],
    },
  ]
}
