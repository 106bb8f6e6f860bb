import assert from 'node:assert/strict'
import { add, changed, remove, repeat, set, setContainer, setPod, type Change } from './changed-exchange.ts'
import { RULES } from './rules.ts'
import { idleWaivers, violations, type Site, type Waiver } from './rule.ts'
import { soundExchange } from './sound-exchange.ts'

const site: Site = {
  ...{ environment: 'production', namespace: 'bourse', strict: true, isLocal: false },
  ...{ boundServices: [], inStandbyRegion: false },
  // Ten gateways and three of an update with eight each, and twenty kept free.
  databaseConnections: { writer: 20, reader: 124 },
}
const minimal: Site = { ...site, environment: 'minimal', strict: false, isLocal: true }
const [gateway, engine, postgres] = [
  'Deployment/gateway',
  'Deployment/matching-engine',
  'StatefulSet/postgres',
] as const
const context = 'securityContext.'
const policySpec = 'NetworkPolicy/gateway'
const meta = (name: string) => ({ metadata: { name, namespace: 'bourse' } })

/** For every rule, changes that it must find. */
const FAULTS: Readonly<Record<string, readonly Change[]>> = {
  'Pod Security restricted: host namespaces': [
    setPod(gateway, 'hostNetwork', true),
    setPod(postgres, 'hostPID', true),
    setPod('Job/prepare', 'hostIPC', true),
    set('CronJob/reconcile', 'spec.jobTemplate.spec.template.spec.hostNetwork', true),
  ],
  'Pod Security restricted: HostProcess': [
    setPod(gateway, `${context}windowsOptions`, { hostProcess: true }),
  ],
  'Pod Security restricted: privileged containers': [setContainer(gateway, `${context}privileged`, true)],
  'Pod Security restricted: capabilities': [
    setContainer(gateway, `${context}capabilities`, undefined),
    setContainer(gateway, `${context}capabilities.add`, ['SYS_ADMIN']),
    setPod(gateway, `initContainers.0.${context}capabilities.drop`, ['KILL']),
  ],
  'Pod Security restricted: volume types': [
    setPod(gateway, 'volumes', [{ name: 'socket', hostPath: { path: '/var/run' } }]),
  ],
  'Pod Security restricted: host ports': [setContainer(gateway, 'ports.0.hostPort', 80)],
  'Pod Security restricted: host of probes and hooks': [
    setContainer(gateway, 'livenessProbe.httpGet.host', '169.254.169.254'),
  ],
  'Pod Security restricted: AppArmor': [
    setContainer(gateway, `${context}appArmorProfile`, { type: 'Unconfined' }),
    set(gateway, 'spec.template.metadata.annotations', {
      'container.apparmor.security.beta.kubernetes.io/gateway': 'unconfined',
    }),
  ],
  'Pod Security restricted: SELinux': [setPod(gateway, `${context}seLinuxOptions`, { type: 'spc_t' })],
  'Pod Security restricted: /proc mount': [setContainer(gateway, `${context}procMount`, 'Unmasked')],
  'Pod Security restricted: seccomp': [
    setPod(gateway, `${context}seccompProfile`, undefined),
    setContainer(gateway, `${context}seccompProfile`, { type: 'Unconfined' }),
  ],
  'Pod Security restricted: sysctls': [
    setPod(gateway, `${context}sysctls`, [{ name: 'kernel.msgmax', value: '1' }]),
  ],
  'Pod Security restricted: privilege escalation': [
    setContainer(gateway, `${context}allowPrivilegeEscalation`, undefined),
  ],
  'Pod Security restricted: running as non-root': [
    setPod(gateway, `${context}runAsNonRoot`, undefined),
    setContainer(gateway, `${context}runAsNonRoot`, false),
  ],
  'Pod Security restricted: running as user 0': [setContainer(gateway, `${context}runAsUser`, 0)],
  'deprecated-service-account-field': [setPod(gateway, 'serviceAccount', 'gateway')],
  'default-service-account': [setPod(gateway, 'serviceAccountName', undefined)],
  'priority-class-name': [setPod(gateway, 'priorityClassName', undefined)],
  'restart-policy': [setPod('Job/prepare', 'restartPolicy', 'Always')],
  'part-of': [set(gateway, 'spec.template.metadata.labels', { 'app.kubernetes.io/name': 'gateway' })],
  'image-tag': [
    setContainer(gateway, 'image', 'bourse:latest'),
    setContainer(gateway, 'image', 'host:5000/bourse'),
  ],
  'image-pull-policy': [setContainer(gateway, 'image', 'bourse:1.0')],
  'image-digest': [setContainer(gateway, 'image', 'bourse:1.0')],
  'container-resources': [
    setContainer(gateway, 'resources.requests.cpu', undefined),
    setContainer(gateway, 'resources.limits.ephemeral-storage', undefined),
  ],
  'container-security-context-user-group-id': [setPod(gateway, `${context}runAsGroup`, 999)],
  'container-security-context-readonlyrootfilesystem': [
    setContainer(gateway, `${context}readOnlyRootFilesystem`, false),
  ],
  'duplicate-env-var': [
    setContainer(engine, 'env', [
      { name: 'A', value: '1' },
      { name: 'A', value: '2' },
    ]),
  ],
  'env-var-secret': [
    setContainer(engine, 'env', [{ name: 'DATABASE_PASSWORD', value: 'hunter2' }]),
    setContainer(engine, 'env', [
      { name: 'DATABASE_URL', value: 'postgres://bourse:hunter2@postgres/bourse' },
    ]),
  ],
  'ssh-port': [setContainer(gateway, 'ports.0.containerPort', 22)],
  'probe-port': [setContainer(gateway, 'readinessProbe.httpGet.port', 9999)],
  'port-names': [setContainer(gateway, 'ports.0.name', undefined)],
  livenessProbe: [setContainer(gateway, 'livenessProbe', undefined)],
  readinessProbe: [setContainer(gateway, 'readinessProbe', undefined)],
  startupProbe: [setContainer(gateway, 'startupProbe', undefined)],
  'probes-differ': [setContainer(gateway, 'readinessProbe.httpGet.path', '/live')],
  'pre-stop': [setContainer(gateway, 'lifecycle', undefined), setContainer(gateway, 'lifecycle.preStop', {})],
  'anti-affinity': [
    setPod(gateway, 'topologySpreadConstraints', [{ topologyKey: 'kubernetes.io/hostname' }]),
  ],
  'mismatching-selector': [
    set(gateway, 'spec.selector.matchLabels', { app: 'other' }),
    set(gateway, 'spec.selector', {}),
  ],
  'rolling-update-strategy': [set(gateway, 'spec.strategy.type', 'Recreate')],
  'only-one-of-what-may-be-one': [
    set(gateway, 'metadata.name', 'cut-follower'),
    (objects) => {
      set(gateway, 'spec.replicas', 2)(objects)
      set(gateway, 'spec.strategy.type', 'Recreate')(objects)
      set(gateway, 'metadata.name', 'cut-follower')(objects)
    },
  ],
  'headless-service': [set(postgres, 'spec.serviceName', 'gateway')],
  'pod-disruption-budget': [remove('PodDisruptionBudget/gateway')],
  'pdb-policy': [
    set('PodDisruptionBudget/gateway', 'spec.minAvailable', 2),
    set('PodDisruptionBudget/gateway', 'spec.maxUnavailable', 0),
    set('PodDisruptionBudget/gateway', 'spec.unhealthyPodEvictionPolicy', undefined),
  ],
  'job-ttl': [set('Job/prepare', 'spec.ttlSecondsAfterFinished', undefined)],
  'cronjob-has-deadline': [set('CronJob/reconcile', 'spec.startingDeadlineSeconds', undefined)],
  'config-and-secret-keys-exist': [
    remove('ConfigMap/settings'),
    remove('ExternalSecret/database'),
    set('ConfigMap/settings', 'data', { brokers: 'broker.example:9098' }),
    set('ExternalSecret/database', 'spec.target.template', { data: { dsn: '' } }),
    setContainer(engine, 'envFrom', [{ secretRef: { name: 'nowhere' } }]),
  ],
  'passwords-follow-their-secret': [
    setContainer(gateway, 'env.10.name', 'REDIS_PASSWORD_FILE'),
    setContainer(gateway, 'env.10.value', '/etc/database/other'),
    setContainer(gateway, 'volumeMounts', undefined),
    setContainer(gateway, 'volumeMounts.0.subPath', 'password'),
    setPod(gateway, 'volumes.1.secret.secretName', 'bourse-redis'),
    setPod(gateway, 'initContainers.0.volumeMounts', undefined),
  ],
  'service-account-exists': [remove('ServiceAccount/gateway')],
  'service-account-used': [repeat('ServiceAccount/gateway', 'idle')],
  'no-service-account-token': [
    set('ServiceAccount/gateway', 'automountServiceAccountToken', undefined),
    setPod(gateway, 'automountServiceAccountToken', true),
  ],
  'priority-class-exists': [remove('PriorityClass/serving')],
  'no-secret-with-data': [
    add({ ...meta('key'), apiVersion: 'v1', kind: 'Secret', stringData: { key: 'hunter2' } }),
  ],
  namespace: [set(gateway, 'metadata.namespace', 'default'), set(gateway, 'metadata.namespace', undefined)],
  'namespace-limits': [
    set('Namespace/bourse', 'metadata.labels', { 'pod-security.kubernetes.io/enforce': 'restricted' }),
    remove('ResourceQuota/bourse'),
    remove('LimitRange/bourse'),
  ],
  'roles-are-bound': [remove('RoleBinding/reader')],
  'addresses-reachable': [
    set('ConfigMap/settings', 'data.brokers', 'kafka:9092'),
    set('ConfigMap/settings', 'data.brokers', 'broker.example:9094'),
    set(policySpec, 'spec.egress.1.ports', [{ port: 9098 }, { port: 5432 }]),
    set(policySpec, 'spec.egress.1.ports', [{ port: 9098 }, { port: 6379 }]),
    setContainer(engine, 'env', [{ name: 'BOURSE_URL', value: 'http://gateway' }]),
    setContainer(engine, 'env', [{ name: 'KAFKA_SECURITY', value: 'aws-iam' }]),
  ],
  'api-has-an-entrance': [remove('Ingress/gateway')],
  'dns-reachable': [remove('NetworkPolicy/dns')],
  'api-server-reachable': [setPod('Job/prepare', 'automountServiceAccountToken', true)],
  'scalers-reach-their-sources': [
    set(
      'ScaledObject/matching-engine',
      'spec.triggers.0.metadata.bootstrapServers',
      'postgres.bourse.svc.cluster.local:5432',
    ),
    set('ScaledObject/matching-engine', 'spec.triggers.0.authenticationRef', { name: 'gone' }),
  ],
  'ingress-may-enter': [set('Ingress/gateway', 'spec.ingressClassName', 'alb')],
  'node-port-may-enter': [set('Service/gateway', 'spec.type', 'NodePort')],
  scraped: [
    remove('ServiceMonitor/matching-engine'),
    set('NetworkPolicy/matching-engine', 'spec.ingress.0.from', [{ ipBlock: { cidr: '10.0.0.0/16' } }]),
  ],
  'unique-names': [repeat('Service/gateway')],
  'stable-api-versions': [set('PodDisruptionBudget/gateway', 'apiVersion', 'policy/v1beta1')],
  'wildcard-in-rules': [set('Role/reader', 'rules.0.verbs', ['*'])],
  'access-to-secrets': [set('Role/reader', 'rules.0.resources', ['secrets'])],
  'bindings-exist': [remove('Role/reader'), set('RoleBinding/reader', 'subjects.0.name', 'stranger')],
  'default-deny': [
    remove('NetworkPolicy/default-deny'),
    set('NetworkPolicy/default-deny', 'spec.policyTypes', ['Ingress']),
    set('NetworkPolicy/default-deny', 'spec.egress', [{}]),
  ],
  'non-isolated-pod': [remove('NetworkPolicy/gateway')],
  'network-policy-allows-all': [
    set(policySpec, 'spec.ingress.0.from', []),
    set(policySpec, 'spec.egress.0.to', undefined),
  ],
  'service-port-has-edge': [set(policySpec, 'spec.ingress', [])],
  'edge-has-open-port': [
    set(policySpec, 'spec.ingress.0.ports.0.port', 9090),
    set(policySpec, 'spec.egress.0.ports.0.port', 9090),
    set(policySpec, 'spec.egress.0.to.0.podSelector.matchLabels', { app: 'gone' }),
  ],
  'edge-has-both-ends': [
    set('NetworkPolicy/postgres', 'spec.ingress.0.from.0.podSelector.matchExpressions.0.values', ['prepare']),
    set(policySpec, 'spec.egress', []),
  ],
  'selector-matches': [
    set('Service/gateway', 'spec.selector', { app: 'gone' }),
    set('PodDisruptionBudget/gateway', 'spec.selector', { matchLabels: { app: 'gone' } }),
    set(policySpec, 'spec.podSelector', { matchLabels: { app: 'gone' } }),
  ],
  'target-ports-exist': [set('Service/gateway', 'spec.ports.0.targetPort', 'grpc')],
  'service-monitor-port': [
    set('ServiceMonitor/gateway', 'spec.endpoints.0.port', 'metrics'),
    set('ServiceMonitor/gateway', 'spec.selector.matchLabels', { app: 'gone' }),
  ],
  'ingress-backend': [set('Service/gateway', 'spec.ports.0.name', 'web'), remove('Service/gateway')],
  'ingress-tls': [set('Ingress/gateway', 'spec.tls', undefined)],
  'service-type': [set('Service/gateway', 'spec.type', 'NodePort')],
  'autoscaler-target': [set('HorizontalPodAutoscaler/gateway', 'spec.scaleTargetRef.name', 'gone')],
  'one-autoscaler-per-target': [
    set('ScaledObject/matching-engine', 'spec.scaleTargetRef.name', 'gateway'),
    repeat('HorizontalPodAutoscaler/gateway', 'again'),
  ],
  'autoscaled-replicas': [set(gateway, 'spec.replicas', 2)],
  'replicas-stated': [set(postgres, 'spec.replicas', undefined)],
  'autoscaler-bounds': [
    set('HorizontalPodAutoscaler/gateway', 'spec.minReplicas', 11),
    set('HorizontalPodAutoscaler/gateway', 'spec.minReplicas', 1),
    set('ScaledObject/matching-engine', 'spec.minReplicaCount', undefined),
  ],
  'autoscaler-fallback': [set('ScaledObject/matching-engine', 'spec.fallback', undefined)],
  'engine-replicas': [
    set('ScaledObject/matching-engine', 'spec.maxReplicaCount', 3),
    set('ScaledObject/matching-engine', 'spec.minReplicaCount', 1),
    set('Deployment/gateway', 'spec.template.spec.containers.0.env.3.value', '1'),
  ],
  'database-pools-stated': [setContainer(gateway, 'env.11.name', 'CONNECTIONS')],
  'database-connections': [
    setContainer(gateway, 'env.11.value', '9'),
    set('HorizontalPodAutoscaler/gateway', 'spec.maxReplicas', 11),
    set(gateway, 'spec.strategy.rollingUpdate', { maxSurge: 4 }),
    set(gateway, 'spec.strategy.rollingUpdate', { maxSurge: '31%' }),
    repeat(gateway, 'gateway-green'),
    setContainer(gateway, 'env.5.name', 'DATABASE_URL'),
  ],
  environment: [
    setContainer(gateway, 'env.2.value', 'two'),
    setContainer(gateway, 'env.2', { name: 'RISK_SHARDS', value: '2' }),
    set('ConfigMap/settings', 'data.brokers', 'kafka'),
    setPod(gateway, 'initContainers.0.command.2', 'unprepare'),
  ],
  'grace-period': [
    setPod(gateway, 'terminationGracePeriodSeconds', 26),
    setContainer(gateway, 'lifecycle.preStop.exec.command', ['drain']),
    setContainer(gateway, 'lifecycle.preStop', { sleep: { seconds: 9 } }),
    setContainer(gateway, 'env.11', { name: 'DRAIN_DELAY_MS', value: '4000' }),
  ],
  'spot-warning': [
    setPod(gateway, 'terminationGracePeriodSeconds', 111),
    setPod('Job/prepare', 'terminationGracePeriodSeconds', 600),
  ],
  'region-is-known': [
    setContainer(engine, 'env', [{ name: 'STANDBY_REGION', value: 'true' }]),
    setContainer('Job/prepare', 'env', [{ name: 'STANDBY_REGION', value: 'true' }]),
    set('ScaledObject/matching-engine', 'spec.triggers.0.metadata.consumerGroup', 'risk-engine'),
  ],
  'cut-is-followed': [set(gateway, 'metadata.name', 'cut-follower')],
}

describe('The rules', () => {
  it('find nothing in a sound exchange', () => {
    assert.deepEqual(violations(RULES, soundExchange(), site), [])
  })

  const BY_SITE = ['no-custom-resources', 'balancer-may-enter']
  for (const { name } of RULES.filter((rule) => !BY_SITE.includes(rule.name))) {
    it(`find a fault by ${name}`, () => {
      const faults = FAULTS[name] ?? []
      assert(faults.length > 0, 'a rule that was never seen to fail proves nothing')
      const rule = RULES.filter((each) => each.name === name)
      for (const [index, fault] of faults.entries())
        assert.notDeepEqual(violations(rule, changed(fault), site), [], `fault ${index} was overlooked`)
    })
  }

  it('find custom resources where the cluster has none', () => {
    const rule = RULES.filter(({ name }) => name === 'no-custom-resources')
    assert.equal(violations(rule, soundExchange(), minimal).length, 4)
    assert.deepEqual(violations(rule, soundExchange(), site), [])
  })

  it('take a bound Service for an entrance, and find when its load balancer may not enter', () => {
    const bound = { ...site, boundServices: ['gateway'] }
    const ruled = (name: string) => RULES.filter((rule) => rule.name === name)
    const alone = changed(remove('Ingress/gateway'))
    assert.deepEqual(violations(ruled('api-has-an-entrance'), alone, bound), [])
    const mayEnter = (port: unknown) =>
      changed(
        set(policySpec, 'spec.ingress', [
          { from: [{ ipBlock: { cidr: '10.0.1.0/24' } }], ports: [{ port }] },
        ]),
      )
    const rule = ruled('balancer-may-enter')
    assert.match(
      violations(rule, mayEnter('http'), bound).join(),
      /may not reach Deployment\/gateway on port ops/,
    )
    assert.match(
      violations(rule, mayEnter('ops'), bound).join(),
      /may not reach Deployment\/gateway on port \d+/,
    )
    assert.deepEqual(violations(rule, mayEnter(undefined), bound), [])
    assert.match(violations(rule, changed(remove('Service/gateway')), bound).join(), /is not there/)
  })

  it('count everything at one database that has no reader', () => {
    const rule = RULES.filter(({ name }) => name === 'database-connections')
    const found = (writer: number) =>
      violations(rule, soundExchange(), { ...site, databaseConnections: { writer, reader: null } })
    assert.deepEqual(found(124), [])
    assert.match(
      found(123).join(),
      /may open 104 connections to the database \(gateway 104\), which takes 123/,
    )
  })

  it('leave a pod on nodes of its own the time it needs: those are no Spot nodes', () => {
    const rule = RULES.filter(({ name }) => name === 'spot-warning')
    const slow = setPod(engine, 'terminationGracePeriodSeconds', 300)
    assert.equal(violations(rule, changed(slow), site).length, 1)
    const alone = changed((objects) => {
      slow(objects)
      setPod(engine, 'nodeSelector', { 'bourse.dev/engines': 'true' })(objects)
    })
    assert.deepEqual(violations(rule, alone, site), [])
  })

  it('let a consumer down to one: the log keeps what it has not read', () => {
    const rule = RULES.filter(({ name }) => name === 'autoscaler-bounds')
    const one = set('ScaledObject/matching-engine', 'spec.minReplicaCount', 1)
    const component = (name: string) =>
      changed((objects) => {
        one(objects)
        set(engine, 'spec.template.metadata.labels', { 'app.kubernetes.io/component': name })(objects)
      })
    assert.equal(violations(rule, component('engine'), site).length, 1)
    assert.deepEqual(violations(rule, component('consumer'), site), [])
  })

  it('hold where an exchange follows: it says so, its engines do, and nobody may enter', () => {
    const standby = { ...site, inStandbyRegion: true }
    const found = violations(RULES, soundExchange(), standby).join('\n')
    for (const problem of [
      /Deployment\/matching-engine: serves here and should follow/,
      /Namespace\/bourse: nobody makes the cut/,
      /Namespace\/bourse: has an entrance to what only follows/,
    ])
      assert.match(found, problem)
  })

  it('know no fault of a rule that is not there', () => {
    const names = RULES.map(({ name }) => name)
    assert.deepEqual(
      Object.keys(FAULTS).filter((name) => !names.includes(name)),
      [],
    )
  })
})

describe('A waiver', () => {
  const waiver: Waiver = {
    rule: 'service-type',
    at: /^Service\/gateway$/,
    environments: ['minimal'],
    reason: 'no Ingress',
  }
  const rule = RULES.filter(({ name }) => name === 'service-type')
  const objects = changed(set('Service/gateway', 'spec.type', 'NodePort'))

  it('covers its rule, its object and its environment', () => {
    assert.deepEqual(violations(rule, objects, minimal, [waiver]), [])
    assert.equal(violations(rule, objects, site, [waiver]).length, 1)
    assert.equal(violations(rule, objects, minimal, [{ ...waiver, at: /other/ }]).length, 1)
  })

  it('is idle when nothing needs it', () => {
    assert.deepEqual(idleWaivers(rule, [{ objects, site: minimal }], [waiver]), [])
    assert.deepEqual(idleWaivers(rule, [{ objects: soundExchange(), site: minimal }], [waiver]), [waiver])
  })
})
