import { parseAllDocuments } from 'yaml'
import type { Manifest } from './manifest.ts'

const DIGEST = 'a'.repeat(64)

/**
 * A small exchange without a fault: a service behind an Ingress, an engine, a store, a Job and a CronJob. Every rule is
 * shown it, and then the same with one thing changed.
 */
const YAML = `
apiVersion: v1
kind: Namespace
metadata:
  name: bourse
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/enforce-version: v1.34
    pod-security.kubernetes.io/audit: restricted
    pod-security.kubernetes.io/audit-version: v1.34
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/warn-version: v1.34
---
apiVersion: v1
kind: ResourceQuota
metadata: { name: bourse, namespace: bourse }
spec: { hard: { pods: '50' } }
---
apiVersion: v1
kind: LimitRange
metadata: { name: bourse, namespace: bourse }
spec: { limits: [{ type: Container, default: { memory: 256Mi } }] }
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: serving }
value: 1000
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: bourse }
data: { brokers: 'broker.example:9098', page: '<html>' }
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: database, namespace: bourse }
spec:
  refreshInterval: 1h
  secretStoreRef: { kind: ClusterSecretStore, name: aws }
  target: { name: bourse-database }
  data: [{ secretKey: url, remoteRef: { key: bourse } }, { secretKey: password, remoteRef: { key: bourse } }]
---
${['gateway', 'matching-engine', 'postgres', 'prepare'].map(serviceAccount).join('\n---\n')}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: default-deny, namespace: bourse }
spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: dns, namespace: bourse }
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }] }]
---
${policy('gateway', '{ from: [{ namespaceSelector: {} }], ports: [{ port: http }] }')}
---
${policy('matching-engine', '{ from: [{ namespaceSelector: {} }], ports: [{ port: 8081 }] }')}
---
${policy('prepare', '')}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: postgres, namespace: bourse }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: postgres } }
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector:
            matchExpressions:
              - { key: app.kubernetes.io/name, operator: In, values: [gateway, matching-engine, prepare] }
      ports: [{ port: 5432 }]
---
${service('gateway', 'ports: [{ name: http, port: 80, targetPort: http }]')}
---
${service('matching-engine', 'clusterIP: None, ports: [{ name: ops, port: 8081 }]')}
---
${service('postgres', 'clusterIP: None, ports: [{ name: postgres, port: 5432 }]')}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: gateway, namespace: bourse }
spec:
  strategy: { type: RollingUpdate }
  selector: { matchLabels: { app.kubernetes.io/name: gateway } }
  template:
    metadata: { labels: { app.kubernetes.io/name: gateway, app.kubernetes.io/part-of: bourse } }
    spec:
      serviceAccountName: gateway
      terminationGracePeriodSeconds: 30
${pod()}
      volumes:
        - { name: page, configMap: { name: settings, items: [{ key: page, path: index.html }] } }
        - { name: password, secret: { secretName: bourse-database, items: [{ key: password, path: password }] } }
      initContainers:
        - name: prepare
          command: [node, services/operator/dist/main.js, prepare]
          env:
            - { name: RISK_PARTITIONS, value: '2' }
            - { name: MATCHING_PARTITIONS, value: '2' }
            - { name: KAFKA_BROKERS, valueFrom: { configMapKeyRef: { name: settings, key: brokers } } }
            - { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: bourse-database, key: url } } }
            - { name: DATABASE_PASSWORD_FILE, value: /etc/database/password }
          volumeMounts: [{ name: password, mountPath: /etc/database, readOnly: true }]
${container()}
      containers:
        - name: gateway
          command: [node, services/gateway/dist/main.js]
          env:
            - { name: NODE_ENV, value: production }
            - { name: INSTANCE, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: RISK_PARTITIONS, value: '2' }
            - { name: MATCHING_PARTITIONS, value: '2' }
            - { name: KAFKA_BROKERS, valueFrom: { configMapKeyRef: { name: settings, key: brokers } } }
            - { name: DATABASE_READ_URL, valueFrom: { secretKeyRef: { name: bourse-database, key: url } } }
            - { name: REDIS_URL, value: 'rediss://redis.example:6379' }
            - { name: JWT_ISSUER, value: issuer }
            - { name: JWT_AUDIENCE, value: bourse }
            - { name: SHUTDOWN_GRACE_MS, value: '20000' }
            - { name: DATABASE_PASSWORD_FILE, value: /etc/database/password }
            - { name: DATABASE_CONNECTIONS_MAX, value: '8' }
          volumeMounts: [{ name: password, mountPath: /etc/database, readOnly: true }]
          ports: [{ name: http, containerPort: 8080 }]
          lifecycle: { preStop: { exec: { command: [sleep, '5'] } } }
          startupProbe: { httpGet: { path: /live, port: http } }
          livenessProbe: { httpGet: { path: /live, port: http } }
          readinessProbe: { httpGet: { path: /ready, port: http } }
${container()}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: matching-engine, namespace: bourse }
spec:
  strategy: { type: RollingUpdate }
  selector: { matchLabels: { app.kubernetes.io/name: matching-engine } }
  template:
    metadata: { labels: { app.kubernetes.io/name: matching-engine, app.kubernetes.io/part-of: bourse } }
    spec:
      serviceAccountName: matching-engine
${pod()}
      containers:
        - name: matching-engine
          command: [./matching-engine]
          ports: [{ name: ops, containerPort: 8081 }]
          lifecycle: { preStop: { sleep: { seconds: 1 } } }
          startupProbe: { httpGet: { path: /live, port: 8081 } }
          livenessProbe: { httpGet: { path: /live, port: 8081 } }
          readinessProbe: { httpGet: { path: /ready, port: 8081 } }
${container()}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: postgres, namespace: bourse }
spec:
  replicas: 1
  serviceName: postgres
  updateStrategy: { type: RollingUpdate }
  selector: { matchLabels: { app.kubernetes.io/name: postgres } }
  template:
    metadata: { labels: { app.kubernetes.io/name: postgres, app.kubernetes.io/part-of: bourse } }
    spec:
      serviceAccountName: postgres
${pod()}
      containers:
        - name: postgres
          ports: [{ name: postgres, containerPort: 5432 }]
          lifecycle: { preStop: { sleep: { seconds: 1 } } }
          startupProbe: { tcpSocket: { port: 5432 } }
          livenessProbe: { tcpSocket: { port: 5432 } }
          readinessProbe: { exec: { command: [pg_isready] } }
${container()}
---
apiVersion: batch/v1
kind: Job
metadata: { name: prepare, namespace: bourse }
spec:
  ttlSecondsAfterFinished: 600
  template:
${jobPod()}
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: reconcile, namespace: bourse }
spec:
  schedule: '0 * * * *'
  startingDeadlineSeconds: 300
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
${jobPod().replaceAll(/^/gm, '    ')}
---
${budget('gateway')}
---
${budget('matching-engine')}
---
${budget('postgres')}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: gateway, namespace: bourse }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: gateway }
  minReplicas: 2
  maxReplicas: 10
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: matching-engine, namespace: bourse }
spec:
  scaleTargetRef: { name: matching-engine }
  minReplicaCount: 2
  maxReplicaCount: 2
  fallback: { failureThreshold: 3, replicas: 2 }
  triggers: [{ type: kafka, metadata: { topic: orders.in } }]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: gateway, namespace: bourse }
spec:
  selector: { matchLabels: { app.kubernetes.io/name: gateway } }
  endpoints: [{ port: http }]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: matching-engine, namespace: bourse }
spec:
  selector: { matchLabels: { app.kubernetes.io/name: matching-engine } }
  endpoints: [{ port: ops }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: gateway, namespace: bourse }
spec:
  tls: [{ hosts: [bourse.example], secretName: tls }]
  rules:
    - http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: gateway, port: { name: http } } } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: bourse }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: bourse }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: prepare, namespace: bourse }]
`

const OBJECTS = parseAllDocuments(YAML).map((document) => document.toJS() as Manifest)

export function soundExchange(): Manifest[] {
  return structuredClone(OBJECTS)
}

function serviceAccount(name: string): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: bourse }
automountServiceAccountToken: false`
}

function policy(name: string, ingress: string): string {
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: ${name}, namespace: bourse }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: ${name} } }
  policyTypes: [Ingress, Egress]
  ingress: [${ingress}]
  egress:
    - { to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: postgres } } }], ports: [{ port: 5432 }] }
    - { to: [{ ipBlock: { cidr: 10.0.0.0/16 } }], ports: [{ port: 9098 }, { port: 5432 }, { port: 6379 }] }`
}

function service(name: string, spec: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: bourse, labels: { app.kubernetes.io/name: ${name} } }
spec: { selector: { app.kubernetes.io/name: ${name} }, ${spec} }`
}

function budget(name: string): string {
  return `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: ${name}, namespace: bourse }
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector: { matchLabels: { app.kubernetes.io/name: ${name} } }`
}

function pod(): string {
  return `      priorityClassName: serving
      securityContext: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, seccompProfile: { type: RuntimeDefault } }
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway }
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway }`
}

function container(): string {
  return `          image: registry.example/bourse@sha256:${DIGEST}
          imagePullPolicy: IfNotPresent
          resources:
            requests: { cpu: 100m, memory: 64Mi, ephemeral-storage: 64Mi }
            limits: { memory: 64Mi, ephemeral-storage: 64Mi }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }`
}

function jobPod(): string {
  return `    metadata: { labels: { app.kubernetes.io/name: prepare, app.kubernetes.io/part-of: bourse } }
    spec:
      serviceAccountName: prepare
      restartPolicy: Never
${pod()}
      containers:
        - name: prepare
${container()}`
}
