import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Template } from 'aws-cdk-lib/assertions'
import { columnsOf } from '@bourse/analytics/testing/columns-of'
import { tablesOfOneTrade } from '@bourse/analytics/testing/one-trade'
import { NAMESPACE } from '@bourse/charts/constructs/labels'
import { KUBERNETES_VERSIONS } from '@bourse/charts/gates/kubernetes-schemas'
import { renderEnvironment, type KubernetesObject } from '@bourse/charts/render'
import { loadValues } from '@bourse/charts/values/load'
import { drainSecondsOf, type Values } from '@bourse/charts/values/schema'
import { KEEP_ALIVE_TIMEOUT_MS } from '@bourse/platform/listen'
import { PROMETHEUS } from './cluster/prometheus-values.ts'
import { CLOUDFRONT_IDLE } from './edge/entry.ts'
import { flat, resources } from './testing/resources.ts'
import { environment, template } from './testing/templates.ts'
import { HELM_CHARTS, KUBERNETES_VERSION } from './versions.ts'

/** Of Aurora's instances. */
const MEMORY_GB: Readonly<Record<string, number>> = { 'r6g.large': 16, 't4g.medium': 4 }
const SERVERLESS_UNIT_GB = 2

/** Aurora's default of `max_connections`. */
const connectionsMax = (memoryGb: number): number => Math.min(Math.floor((memoryGb * 1e9) / 9_531_392), 5_000)

/** What the charts take for given, and what stands here: neither side knows the other, so only this test does. */
for (const name of ['dev', 'staging', 'production'] as const) {
  describe(`The charts and the estate of ${name}`, () => {
    const estate = environment(name)
    let values: Values
    let objects: readonly KubernetesObject[]
    let text: string
    before(() => {
      values = loadValues(name)
      objects = renderEnvironment(name)
      text = JSON.stringify(objects)
    })

    it('have one way in: the balancer is bound to a Service, and no Ingress waits for one', () => {
      const { text: bindings } = manifest(template(name, 'Edge'), 'Bindings')
      const [, service, port] = /"serviceRef":\{"name":"(gateway)","port":(\d+)\}/.exec(bindings) ?? []
      const ports = named(objects, 'Service', service ?? '').spec['ports'] as { readonly port: number }[]
      same('the port of Service gateway', { estate: Number(port), charts: ports[0]?.port })
      assert.deepEqual(
        objects.filter(({ kind }) => kind === 'Ingress').map(({ metadata }) => metadata.name),
        [],
      )
    })

    it('ask a pod for its readiness at the same place', () => {
      const asked = gatewayGroup(name)
      const [container] = podOf(named(objects, 'Deployment', 'gateway-blue')).containers
      const { path, port } = container?.readinessProbe.httpGet ?? {}
      same('where health is asked', {
        estate: `${asked['HealthCheckPort']}${asked['HealthCheckPath']}`,
        charts: `${port}${path}`,
      })
    })

    it('leave a pod the requests in work as long as it lives', () => {
      const delay = attribute(
        gatewayGroup(name),
        'TargetGroupAttributes',
        'deregistration_delay.timeout_seconds',
      )
      const drain = drainSecondsOf(values.gateway)
      const { terminationGraceSeconds: end } = values.gateway
      assert(
        delay >= drain && delay <= end,
        `the balancer leaves a pod its requests for ${delay} s; it works on them for ${drain} s and ends after ${end} s`,
      )
    })

    it('close idle connections from the front to the back', () => {
      const [loadBalancer] = resources(template(name, 'Edge'), 'AWS::ElasticLoadBalancingV2::LoadBalancer')
      const idle = attribute(
        loadBalancer!.properties,
        'LoadBalancerAttributes',
        'idle_timeout.timeout_seconds',
      )
      const [front, back] = [CLOUDFRONT_IDLE.toSeconds(), KEEP_ALIVE_TIMEOUT_MS / 1000]
      assert(
        front < idle && idle < back,
        `CloudFront closes after ${front} s, the balancer after ${idle} s, the gateway after ${back} s`,
      )
    })

    it('end TLS by one policy, and lead the same paths to the gateway', () => {
      const alb = renderEnvironment(name, {
        ingress: { className: 'alb', host: 'x.example', certificateArn: 'arn:x', tlsSecret: null },
      })
      const ingress = named(alb, 'Ingress', 'gateway')
      const edge = template(name, 'Edge')
      const [listener] = resources(edge, 'AWS::ElasticLoadBalancingV2::Listener')
      same('the TLS policy', {
        estate: listener!.properties['SslPolicy'],
        charts: ingress.metadata.annotations?.['alb.ingress.kubernetes.io/ssl-policy'],
      })
      const rule = resources(edge, 'AWS::ElasticLoadBalancingV2::ListenerRule').find(({ properties }) =>
        flat(properties['Actions']).includes('Entrygateway'),
      )
      const [, path] = /"path":"([^"]+)"/.exec(JSON.stringify(ingress.spec)) ?? []
      same('the path', { estate: /"Values":\["([^"]+)"\]/.exec(flat(rule))?.[1], charts: `${path}/*` })
    })

    it('agree on addresses', () => {
      const { public: front, data } = estate.network.subnets
      same('where clients come from', { estate: front, charts: values.network.clients })
      same('where health is asked from', { estate: front, charts: values.network.healthChecks })
      same('where datastores are', { estate: data, charts: values.network.datastores })
    })

    it('agree on Prometheus: who scrapes, where KEDA asks, and that its custom resources are known', () => {
      const { namespace, service, port } = PROMETHEUS
      same('the namespace that scrapes', { estate: namespace, charts: values.network.monitoring })
      same('where KEDA asks', {
        estate: `http://${service}.${namespace}.svc.cluster.local:${port}`,
        charts: values.prometheusUrl,
      })
      assert(text.includes(String(values.prometheusUrl)))
      const releases = resources(template(name, 'Addons'), 'Custom::AWSCDK-EKS-HelmChart').map(
        ({ properties }) => [properties['Chart'], properties['Namespace']],
      )
      const installed = new Map(releases as [string, string][])
      same('the namespace of the release', {
        estate: installed.get(HELM_CHARTS.prometheus.chart),
        charts: values.network.monitoring,
      })
      same('what the cluster knows', {
        estate: {
          keda: installed.has('keda'),
          prometheusOperator: installed.has(HELM_CHARTS.prometheus.chart),
          externalSecrets: installed.has('external-secrets'),
        },
        charts: values.features,
      })
      const script = readFileSync(new URL('../../k8s/delivery/watch-release.sh', import.meta.url), 'utf8')
      same('where a release is watched', {
        estate: `${namespace}/${service}:${port}`,
        charts: /PROMETHEUS:-([^}]+)\}/.exec(script)?.[1],
      })
    })

    it('count on no more connections than the database takes', () => {
      const [proxy] = resources(template(name, 'Data'), 'AWS::RDS::DBProxyTargetGroup')
      const { MaxConnectionsPercent: percent } = proxy!.properties[
        'ConnectionPoolConfigurationInfo'
      ] as Readonly<Record<string, number>>
      const most = connectionsMax(MEMORY_GB[estate.data.aurora.instanceType] ?? 0)
      const { writer, reader } = values.databaseConnections
      assert(
        writer <= (most * percent!) / 100 && (reader ?? writer) <= most,
        `a ${estate.data.aurora.instanceType} takes ${most}, of which the proxy opens ${percent} %; the charts count on ${writer} and ${reader}`,
      )
    })

    it('agree on secrets and facts, key by key', () => {
      const asked = secretsAndFacts(objects, values, {
        addons: template(name, 'Addons'),
        data: template(name, 'Data'),
      })
      assert(asked >= 7)
    })

    it('agree on where the inputs are archived: in the bucket under lock, where the role may write', () => {
      const { url } = values.archive
      const [, bucket, folder] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url ?? '') ?? []
      const audit = resources(template(name, 'Storage'), 'AWS::S3::Bucket').find(({ logicalId }) =>
        logicalId.startsWith('Audit'),
      )
      same('the bucket', { estate: audit?.properties['BucketName'], charts: bucket })
      const statements = flat(roleOf(name, 'archive'))
      assert(
        statements.includes(`arn:aws:s3:::${bucket}/${folder?.replace(/\d+$/, '*')}/inputs/*`),
        statements,
      )
      assert.equal(
        values.archive.settings['FILE_AGE_MS'],
        undefined,
        'the recovery point counts five minutes',
      )
    })

    it('agree on the tables: the catalogue looks where analytics may write, for the columns that are written', async () => {
      const { url } = values.analytics
      const statements = flat(roleOf(name, 'analytics'))
      const storage = template(name, 'Storage')
      const buckets = resources(storage, 'AWS::S3::Bucket')
      const bucketNames = new Map(
        buckets.map(({ logicalId, properties }) => [logicalId, properties['BucketName']]),
      )
      const declared = resources(storage, 'AWS::Glue::Table').map(
        ({ properties }) => properties['TableInput'] as GlueTable,
      )
      const files = [...(await tablesOfOneTrade(Date.UTC(2026, 10, 30)))]
      assert.equal(declared.length, files.length)
      for (const { Name, StorageDescriptor, PartitionKeys, Parameters } of declared) {
        const [file, bytes] = files.find(([each]) => each.startsWith(`${Name}/`)) ?? ['', Buffer.alloc(0)]
        const place = joined(StorageDescriptor.Location, bucketNames)
        same(`where ${Name} is`, { estate: place, charts: `${url}/${Name}/` })
        const [partition] = PartitionKeys
        assert.deepEqual(partition, { Name: 'day', Type: 'string' })
        assert.equal(Parameters['projection.day.format'], 'yyyy-MM-dd')
        same(`where a day of ${Name} is`, {
          estate: joined(Parameters['storage.location.template'], bucketNames).replace(
            '${day}',
            '2026-11-30',
          ),
          charts: `${url}/${file.replace(/[^/]+$/, '')}`,
        })
        const writable = `${url?.replace('s3://', 'arn:aws:s3:::').replace(/\d+$/, '*')}/${Name}/*`
        assert(statements.includes(`"${writable}"`), `${writable} in ${statements}`)
        same(`the columns of ${Name}`, {
          estate: StorageDescriptor.Columns.map(({ Name: column, Type: type }) => [column, type]),
          charts: columnsOf(bytes),
        })
      }
    })

    it('agree on who pods are: what speaks to MSK has a role', () => {
      same('the namespace', { estate: estate.gitOps.namespace, charts: NAMESPACE })
      const roles = resources(template(name, 'Addons'), 'AWS::EKS::PodIdentityAssociation')
        .filter(({ properties }) => properties['Namespace'] === NAMESPACE)
        .map(({ properties }) => String(properties['ServiceAccount']))
      const accounts = accountsOnKafka(objects)
      assert(accounts.length >= 7)
      assert.deepEqual(
        accounts.filter((account) => !roles.includes(account)),
        [],
        `roles are for ${roles.join(', ')}`,
      )
    })

    it('agree on the log, the region and the image', () => {
      const { kafka, partitions, aws, image } = values
      same('partitions', {
        estate: { risk: estate.data.kafka.riskPartitions, matching: estate.data.kafka.matchingPartitions },
        charts: partitions,
      })
      const [configuration] = resources(template(name, 'Data'), 'AWS::MSK::Configuration')
      const properties = flat(configuration!.properties['ServerProperties'])
      const server = (property: string) => Number(new RegExp(`${property}=(\\d+)`).exec(properties)?.[1])
      same('copies', { estate: server('default.replication.factor'), charts: kafka.replicationFactor })
      same('copies in step', { estate: server('min.insync.replicas'), charts: kafka.minInsyncReplicas })
      same('the region', { estate: estate.primaryRegion, charts: aws?.region })
      same('the repository', {
        estate: fact(name, 'image-repository'),
        charts: image.replace(/(?:@sha256)?:[^:/]+$/, ''),
      })
    })

    it('agree on tokens: Cognito of this region issues them, for a client', () => {
      const { issuer, jwksUrl, audience } = values.tokens
      same('the issuer', {
        estate: `cognito-idp.${estate.primaryRegion}.amazonaws.com`,
        charts: new URL(issuer).host,
      })
      same('its keys', { estate: `${issuer}/.well-known/jwks.json`, charts: jwksUrl })
      // Cognito makes up the names of clients, so what clusters with tokens of their own ask for is none.
      assert.notEqual(audience, loadValues('local').tokens.audience)
    })

    it('agree on nodes: engines find theirs, and pools have what the quota lets pods ask for', () => {
      const groups = resources(template(name, 'Cluster'), 'AWS::EKS::Nodegroup')
      const [label] = Object.keys(groups[0]!.properties['Labels'] as object)
      same('the label of the nodes of engines', { estate: label, charts: values.scheduling.engineNodes })
      const { vcpusMax } = estate.cluster.stateless
      const { cpu } = values.quota
      assert(Number(cpu) <= vcpusMax, `pods may ask for ${cpu} cores, and pools have ${vcpusMax}`)
    })

    it('agree on Kubernetes, and on what Argo CD follows', () => {
      assert(
        KUBERNETES_VERSIONS.includes(KUBERNETES_VERSION),
        `manifests are validated against ${KUBERNETES_VERSIONS.join(', ')}, and the cluster has ${KUBERNETES_VERSION}`,
      )
      for (const file of ['project.yaml', 'applications.yaml']) {
        const followed = readFileSync(new URL(`../../k8s/argocd/${file}`, import.meta.url), 'utf8')
        same(`the repository in ${file}`, {
          estate: estate.gitOps.repositoryUrl,
          charts: /https:\/\/\S+/.exec(followed)?.[0],
        })
      }
    })
  })
}

for (const name of ['production-standby', 'production-recovery'] as const) {
  describe(`The charts of ${name} and the recovery region of production`, () => {
    const estate = environment('production')
    const addons = () => template('production', 'StandbyAddons')
    let values: Values
    let objects: readonly KubernetesObject[]
    before(() => {
      values = loadValues(name)
      objects = renderEnvironment(name)
    })

    it('agree on the region, its image, and where the replicated log comes from', () => {
      same('the region', { estate: estate.recoveryRegion, charts: values.aws?.region })
      const [repository] = resources(addons(), 'AWS::SSM::Parameter').filter(
        ({ properties }) => properties['Name'] === '/bourse/production/image-repository',
      )
      same('the repository', {
        estate: repository?.properties['Value'],
        charts: values.image.replace(/@sha256:.*$/, ''),
      })
      if (values.standbyRegion !== null)
        same('the alias of what is copied', {
          estate: estate.primaryRegion,
          charts: values.standbyRegion.alias,
        })
    })

    it('count on no more connections than the database takes', () => {
      const [cluster] = resources(template('production', 'StandbyData'), 'AWS::RDS::DBCluster').filter(
        ({ properties }) => properties['ServerlessV2ScalingConfiguration'] !== undefined,
      )
      const { MinCapacity: least = 0, MaxCapacity: units = 0 } = cluster!.properties[
        'ServerlessV2ScalingConfiguration'
      ] as Readonly<Record<string, number>>
      assert(least >= 1, 'below one unit it takes 2000, however large it may grow')
      const most = connectionsMax(units * SERVERLESS_UNIT_GB)
      const { writer, reader } = values.databaseConnections
      assert(writer <= most && (reader ?? writer) <= most, `${units} units take ${most}`)
    })

    it('agree on secrets and facts: those of the exchange that follows, not of the copy of the lost one', () => {
      const asked = secretsAndFacts(objects, values, {
        addons: addons(),
        data: template('production', 'StandbyData'),
      })
      assert(asked >= 7)
      assert.doesNotMatch(JSON.stringify(objects), /bourse\/production\/aurora/)
    })

    it('agree on who pods are, and on the groups that they join', () => {
      const joins = new Map(
        resources(addons(), 'AWS::EKS::PodIdentityAssociation')
          .filter(({ properties }) => properties['Namespace'] === NAMESPACE)
          .map(({ properties }) => {
            const account = String(properties['ServiceAccount'])
            return [
              account,
              flat(roleOf('production', account, { stack: 'StandbyAddons', region: 'us-west-2' })),
            ]
          }),
      )
      const accounts = accountsOnKafka(objects)
      assert(accounts.length >= 6)
      assert.deepEqual(
        accounts.filter((account) => !joins.has(account)),
        [],
      )
      for (const { spec, metadata } of objects.filter(({ kind }) => kind === 'ScaledObject') as WithSpec[])
        for (const { metadata: trigger } of spec['triggers'] as { metadata: Record<string, string> }[]) {
          const { consumerGroup: group } = trigger
          if (group !== undefined)
            assert(joins.get(metadata.name)?.includes(`/${group}"`), `${metadata.name} joins ${group}`)
        }
    })

    it('agree on where the next epoch is archived and tabled: in the buckets of that region', () => {
      const buckets = resources(template('production', 'StandbyStorage'), 'AWS::S3::Bucket').map(
        ({ properties }) => properties['BucketName'],
      )
      const before = loadValues('production')
      for (const service of ['archive', 'analytics'] as const) {
        const url = values[service].url ?? ''
        const [, bucket] = /^s3:\/\/([^/]+)\/epoch-\d+$/.exec(url) ?? []
        assert(buckets.includes(bucket), `${service} writes into ${bucket}; there are ${buckets.join(', ')}`)
        assert.notEqual(url.split('/').at(-1), before[service].url?.split('/').at(-1))
      }
    })

    it('agree on nodes and the balancer: what serves here finds what serves there', () => {
      const [group] = resources(template('production', 'StandbyCluster'), 'AWS::EKS::Nodegroup')
      const [label] = Object.keys(group!.properties['Labels'] as object)
      same('the label of the nodes of engines', { estate: label, charts: values.scheduling.engineNodes })
      const { text: bindings } = manifest(template('production', 'StandbyEdge'), 'Bindings')
      if (values.standbyRegion === null) assert.match(bindings, /"serviceRef":\{"name":"gateway"/)
    })
  })
}

/** Everything that the charts ask of stores is there; returns how much that is. */
function secretsAndFacts(
  objects: readonly KubernetesObject[],
  values: Values,
  { addons, data }: { readonly addons: Template; readonly data: Template },
): number {
  const { text: stores } = manifest(addons, 'SecretStores')
  const facts = resources(addons, 'AWS::SSM::Parameter').map(({ properties }) => String(properties['Name']))
  const secrets = new Map(
    resources(data, 'AWS::SecretsManager::Secret').map(({ properties }) => [
      String(properties['Name']),
      flat(properties['GenerateSecretString']),
    ]),
  )
  const external = objects.filter(({ kind }) => kind === 'ExternalSecret')
  for (const { spec } of external as WithSpec[])
    assert.equal(spec['refreshInterval'], '1m', 'passwords rotate, and pods follow within minutes')
  const asked = external.flatMap(askedOf)
  for (const { store, key, property } of asked) {
    assert(stores.includes(`"name":"${store}"`), `no store ${store}`)
    const known = store === values.aws?.parameterStore ? facts : [...secrets.keys()]
    assert(known.includes(key), `the charts ask for ${key}; there are ${known.join(', ')}`)
    // RDS adds the database's own to what was generated.
    if (property !== undefined && property !== 'dbname')
      assert.match(secrets.get(key) ?? '', new RegExp(`\\b${property}\\b`), key)
  }
  return asked.length
}

type Named = { readonly Name: string; readonly Type: string }

type GlueTable = {
  readonly Name: string
  readonly PartitionKeys: readonly Named[]
  readonly Parameters: Readonly<Record<string, unknown>>
  readonly StorageDescriptor: { readonly Location: unknown; readonly Columns: readonly Named[] }
}

/** A template's text, with the names of what it refers to. */
function joined(value: unknown, names: ReadonlyMap<unknown, unknown>): string {
  if (typeof value === 'string') return value
  const { 'Fn::Join': join, Ref: reference } = value as {
    readonly 'Fn::Join'?: readonly [string, readonly unknown[]]
    readonly Ref?: string
  }
  if (join === undefined) return String(names.get(reference))
  return join[1].map((part) => joined(part, names)).join(join[0])
}

type Side = { readonly estate: unknown; readonly charts: unknown }

/** Tells both values where they differ. */
function same(what: string, { estate, charts }: Side): void {
  const [made, expected] = [JSON.stringify(estate), JSON.stringify(charts)]
  assert.equal(made, expected, `${what}: eks-bootstrap has ${made}, the charts have ${expected}`)
}

type WithSpec = KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> }

function named(objects: readonly KubernetesObject[], kind: string, name: string): WithSpec {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  assert(found, `the charts make no ${kind} ${name}`)
  return found as WithSpec
}

type PodSpec = {
  readonly serviceAccountName: string
  readonly containers: readonly {
    readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } }
  }[]
}

function podOf({ spec }: WithSpec): PodSpec {
  const { template } = (spec['jobTemplate'] as { spec: WithSpec['spec'] } | undefined)?.spec ?? spec
  return (template as { spec: PodSpec }).spec
}

/** Accounts of pods that wait for the log. */
/** Of pods that are told the brokers, in their own environment or by a ConfigMap. */
function accountsOnKafka(objects: readonly KubernetesObject[]): string[] {
  const maps = objects
    .filter((object) => object.kind === 'ConfigMap' && JSON.stringify(object).includes('KAFKA_BROKERS'))
    .map(({ metadata }) => `"configMapRef":{"name":"${metadata.name}"}`)
  return objects
    .filter(({ kind }) => ['Deployment', 'Job', 'CronJob'].includes(kind))
    .map((object) => podOf(object as WithSpec))
    .filter((pod) => ['KAFKA_BROKERS', ...maps].some((sign) => JSON.stringify(pod).includes(sign)))
    .map(({ serviceAccountName }) => serviceAccountName)
}

type Asked = { readonly store: string; readonly key: string; readonly property?: string }

function askedOf(object: KubernetesObject): Asked[] {
  const { secretStoreRef, data } = (object as WithSpec).spec as {
    readonly secretStoreRef: { readonly name: string }
    readonly data: readonly {
      readonly remoteRef: { readonly key: string; readonly property?: string }
      readonly sourceRef?: { readonly storeRef: { readonly name: string } }
    }[]
  }
  return data.map(({ remoteRef, sourceRef }) => ({
    store: (sourceRef?.storeRef ?? secretStoreRef).name,
    ...remoteRef,
  }))
}

function manifest(from: Template, id: string): { readonly text: string } {
  const found = resources(from, 'Custom::AWSCDK-EKS-KubernetesResource').find(({ logicalId }) =>
    logicalId.startsWith(id),
  )
  assert(found, `no manifest ${id}`)
  return { text: flat(found.properties['Manifest']).replaceAll('\\"', '"') }
}

function gatewayGroup(name: Parameters<typeof template>[0]): Readonly<Record<string, unknown>> {
  const found = resources(template(name, 'Edge'), 'AWS::ElasticLoadBalancingV2::TargetGroup').find(
    ({ properties }) => properties['Name'] === `bourse-${name}-gateway`,
  )
  assert(found)
  return found.properties
}

function attribute(properties: Readonly<Record<string, unknown>>, list: string, key: string): number {
  const found = (properties[list] as { readonly Key: string; readonly Value: string }[]).find(
    ({ Key }) => Key === key,
  )
  return Number(found?.Value)
}

/** The role of a service account, with what it may do. */
function roleOf(
  name: 'dev' | 'staging' | 'production',
  account: string,
  { stack, region } = { stack: 'Addons', region: environment(name).primaryRegion as string },
): unknown {
  const roleName = `bourse-${name}-${account}-${region}`
  const roles = resources(template(name, stack), 'AWS::IAM::Role')
  return roles.find(({ properties }) => properties['RoleName'] === roleName)?.properties
}

function fact(name: Parameters<typeof template>[0], noun: string): unknown {
  const found = resources(template(name, 'Addons'), 'AWS::SSM::Parameter').find(
    ({ properties }) => properties['Name'] === `/bourse/${name}/${noun}`,
  )
  return found?.properties['Value']
}
