import assert from 'node:assert/strict'
import { Match, type Template } from 'aws-cdk-lib/assertions'
import { flat, resources } from '../testing/resources.ts'
import { environment, everyFeature, pick, template, templates } from '../testing/templates.ts'
import { HELM_CHARTS, KUBERNETES_VERSION, NODE_ADDONS, POD_ADDONS } from '../versions.ts'

const cluster = () => template('production', 'Cluster')
const addons = () => template('production', 'Addons')

describe('Cluster', () => {
  it('answers inside the VPC alone, with access entries alone, and tells everything it does', () => {
    cluster().hasResourceProperties('AWS::EKS::Cluster', {
      Version: KUBERNETES_VERSION,
      AccessConfig: { AuthenticationMode: 'API' },
      ResourcesVpcConfig: Match.objectLike({ EndpointPrivateAccess: true, EndpointPublicAccess: false }),
      EncryptionConfig: [
        Match.objectLike({ Resources: ['secrets'], Provider: { KeyArn: Match.anyValue() } }),
      ],
      Logging: {
        ClusterLogging: {
          EnabledTypes: ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'].map((Type) => ({
            Type,
          })),
        },
      },
      DeletionProtection: true,
      ZonalShiftConfig: { Enabled: true },
      ComputeConfig: Match.objectLike({ Enabled: true }),
    })
  })

  it('makes nobody an administrator but the configured role and its own handler', () => {
    const admins = resources(cluster(), 'AWS::EKS::AccessEntry').filter(({ properties }) =>
      JSON.stringify(properties).includes('ClusterAdminPolicy'),
    )
    const principals = admins.map(({ properties }) => flat(properties['PrincipalArn']))
    assert.equal(principals.length, 2)
    assert(principals.includes('"arn:aws:iam::666666666666:role/platform-admin"'))
    assert(principals.some((principal) => principal.includes('KubectlProviderHandler')))
  })

  it('keeps engines on demand, on racks of their own, a group in each of three zones', () => {
    const groups = resources(cluster(), 'AWS::EKS::Nodegroup')
    assert.equal(groups.length, 3)
    const subnets = new Set(groups.map(({ properties }) => flat(properties['Subnets'])))
    assert.equal(subnets.size, 3)
    for (const { properties } of groups) {
      assert.equal(properties['CapacityType'], 'ON_DEMAND')
      assert.match(
        flat(properties['Taints']),
        /bourse\.dev\/engines.*NO_SCHEDULE|NO_SCHEDULE.*bourse\.dev\/engines/,
      )
      // Graviton, as the images allow it.
      assert.equal(properties['AmiType'], 'AL2023_ARM_64_STANDARD')
    }
    cluster().hasResourceProperties('AWS::EC2::PlacementGroup', { Strategy: 'spread', SpreadLevel: 'rack' })
    for (const { properties } of resources(cluster(), 'AWS::EC2::LaunchTemplate')) {
      const data = flat(properties['LaunchTemplateData'])
      assert.match(data, /"HttpTokens":"required"/)
      assert.match(data, /"HttpPutResponseHopLimit":1/)
      assert.match(data, /"Encrypted":true/)
      assert.match(data, /"GroupName":"\{EnginesSpread/)
    }
  })

  it("tags the engines' machines, their disks and their interfaces", () => {
    const wanted = ['CostCenter', 'DataClassification', 'Environment', 'Project', 'Workload']
    for (const { properties } of resources(cluster(), 'AWS::EC2::LaunchTemplate')) {
      const { TagSpecifications } = properties['LaunchTemplateData'] as {
        TagSpecifications: TagSpecification[]
      }
      const types = TagSpecifications.map(({ ResourceType }) => ResourceType)
      assert.deepEqual(types, ['instance', 'volume', 'network-interface'])
      for (const { Tags } of TagSpecifications) assert.deepEqual(Tags.map(({ Key }) => Key).sort(), wanted)
    }
  })

  // https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html
  it('may put the tags that its node classes and volumes ask for', () => {
    const role = resources(cluster(), 'AWS::IAM::Role').find(({ logicalId }) =>
      logicalId.startsWith('ClusterRole'),
    )
    const attached = [...resources(cluster(), 'AWS::IAM::Policy'), role!].filter(
      ({ properties, logicalId }) =>
        logicalId === role!.logicalId ? true : flat(properties['Roles']).includes(role!.logicalId),
    )
    const allowed = statements(attached.map(({ properties }) => properties))
      .filter(({ Condition }) => flat(Condition ?? {}).includes('aws:RequestTag/eks:eks-cluster-name'))
      .flatMap(({ Action }) => [Action ?? []].flat())
    for (const action of ['CreateFleet', 'RunInstances', 'CreateLaunchTemplate', 'CreateVolume']) {
      assert(allowed.includes(`ec2:${action}`), action)
    }
  })

  it('lets nodes reach the interface endpoints, for private DNS sends them there', () => {
    const rules = resources(cluster(), 'AWS::EC2::SecurityGroupIngress').map(({ properties }) => properties)
    const wanted = rules.find(({ GroupId }) => flat(GroupId).includes('SecurityGroupsendpoints'))
    assert.match(flat(wanted?.['SourceSecurityGroupId']), /ClusterSecurityGroupId/)
    assert.deepEqual([wanted?.['FromPort'], wanted?.['ToPort']], [443, 443])
  })

  it('waits for the network add-on before a node joins', () => {
    const json = cluster().toJSON()['Resources'] as Record<string, { Type: string; DependsOn?: string[] }>
    for (const { Type, DependsOn = [] } of Object.values(json)) {
      if (Type !== 'AWS::EKS::Nodegroup') continue
      assert(DependsOn.some((name) => name.startsWith('Addonvpccni')))
    }
  })

  it('pins every managed add-on', () => {
    const pinned = [cluster(), addons()].flatMap((made) =>
      resources(made, 'AWS::EKS::Addon').map(({ properties }) => [
        properties['AddonName'],
        properties['AddonVersion'],
      ]),
    )
    assert.deepEqual(Object.fromEntries(pinned), { ...NODE_ADDONS, ...POD_ADDONS })
  })

  it('installs what needs a node of the pools only after the pools', () => {
    const json = addons().toJSON()['Resources'] as Record<string, { Type: string; DependsOn?: string[] }>
    const late = Object.values(json).filter(({ Type }) => Type === 'AWS::EKS::Addon')
    assert.equal(late.length, 2)
    for (const { DependsOn = [] } of late) assert(DependsOn.some((name) => name.startsWith('Capacity')))
  })

  it("gives pods addresses of their own range and their security group, on the engines' nodes too", () => {
    const [cni] = resources(cluster(), 'AWS::EKS::Addon').filter(
      ({ properties }) => properties['AddonName'] === 'vpc-cni',
    )
    const values = flat(cni!.properties['ConfigurationValues'])
    for (const zone of ['us-east-1a', 'us-east-1b', 'us-east-1c']) assert(values.includes(zone))
    assert.match(values, /podsSubnet1/)
    assert.match(values, /SecurityGroupspods/)
  })
})

describe('Capacity', () => {
  const manifest = () => manifests(addons()).find(({ logicalId }) => logicalId.startsWith('Capacity'))!.text

  it('is on demand up to the base, then Spot with on-demand to fall back on', () => {
    assert.match(manifest(), /"name":"on-demand".*"weight":100,"limits":\{"cpu":"20"\}/)
    assert.match(
      manifest(),
      /"name":"burst".*"weight":10,"limits":\{"cpu":"580"\}.*"values":\["spot","on-demand"\]/,
    )
  })

  it('holds at most 200 pods of two vCPUs and what runs beside them', () => {
    assert(environment('production').cluster.stateless.vcpusMax >= 200 * 2 + 200)
  })

  it('tags every volume of a pod for the daily backup, and encrypts it', () => {
    assert.match(manifest(), /"kind":"StorageClass".*"encrypted":"true".*"Backup=daily"/)
  })

  it('puts nodes into the application tier and pods into theirs', () => {
    assert.match(manifest(), /subnetSelectorTerms.*applicationSubnet1.*podSubnetSelectorTerms.*podsSubnet1/)
  })
})

describe('Add-ons', () => {
  it('are pinned Helm releases', () => {
    const found = resources(addons(), 'Custom::AWSCDK-EKS-HelmChart').map(({ properties }) => [
      properties['Chart'],
      properties['Version'],
    ])
    const pinned = Object.values(HELM_CHARTS).map(({ chart, version }) => [chart, version])
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(pinned))
  })

  it('are there, with their custom resources, before Argo CD applies any', () => {
    const json = addons().toJSON()['Resources'] as Record<string, { Type: string; DependsOn?: string[] }>
    const releases = Object.keys(json).filter((id) => json[id]?.Type === 'Custom::AWSCDK-EKS-HelmChart')
    const gitOps = Object.keys(json).find((id) => id.startsWith('GitOps'))!
    assert.deepEqual(
      releases.filter((id) => !json[gitOps]?.DependsOn?.includes(id)),
      [],
    )
  })

  it('sample traces at 5 % and take personal data out of them', () => {
    const [collector] = resources(addons(), 'Custom::AWSCDK-EKS-HelmChart').filter(
      ({ properties }) => properties['Chart'] === 'opentelemetry-collector',
    )
    const values = flat(collector!.properties['Values'])
    assert.match(values, /sampling_percentage\\":5[,}]/)
    for (const attribute of ['enduser.id', 'client.address', 'http.request.header.authorization']) {
      assert(values.includes(`${attribute}\\",\\"action\\":\\"delete`), attribute)
    }
  })

  it('publish what GitOps must know, as parameters and on the cluster secret', () => {
    const names = resources(addons(), 'AWS::SSM::Parameter').map(({ properties }) =>
      String(properties['Name']),
    )
    for (const fact of ['kafka-brokers', 'database-host', 'redis-host', 'archive-bucket', 'oidc-issuer']) {
      assert(names.includes(`/bourse/production/${fact}`), fact)
    }
    const gitOps = manifests(addons()).find(({ logicalId }) => logicalId.startsWith('GitOps'))!.text
    assert.match(gitOps, /argocd\.argoproj\.io\/secret-type":"cluster".*bourse\.dev\/kafka-brokers/)
    assert.match(gitOps, /"environment":"production"/)
    assert.match(gitOps, /"path":"k8s\/argocd"/)
  })

  it('say which exchange a cluster runs: the one that serves, or the one that follows it', () => {
    const text = (stack: string) =>
      manifests(template('production', stack)).find(({ logicalId }) => logicalId.startsWith('GitOps'))!.text
    assert.match(text('Addons'), /"role":"primary"/)
    assert.match(text('StandbyAddons'), /"role":"standby"/)
  })
})

describe('Prometheus', () => {
  const valuesIn = (stack: string) => {
    const [release] = resources(template('production', stack), 'Custom::AWSCDK-EKS-HelmChart').filter(
      ({ properties }) => properties['Chart'] === 'kube-prometheus-stack',
    )
    return JSON.parse(String(release!.properties['Values'])) as PrometheusValues
  }

  it('is two in two zones, on volumes that keep a fortnight, and asks every namespace what to scrape', () => {
    const { prometheusSpec: spec, podDisruptionBudget } = valuesIn('Addons').prometheus
    assert.equal(spec.replicas, 2)
    assert.equal(spec.podAntiAffinity, 'hard')
    assert.equal(spec.podAntiAffinityTopologyKey, 'topology.kubernetes.io/zone')
    assert.deepEqual(podDisruptionBudget, { enabled: true, minAvailable: 1 })
    assert.equal(spec.retention, '15d')
    const { storageClassName, resources: asked } = spec.storageSpec.volumeClaimTemplate.spec
    assert.match(
      manifests(addons()).find(({ logicalId }) => logicalId.startsWith('Capacity'))!.text,
      classOf(storageClassName),
    )
    const [kept, volume] = [spec.retentionSize, asked.requests.storage].map((size) => Number.parseInt(size))
    assert(kept! <= 0.85 * volume!, `${kept} of ${volume} GiB`)
    for (const kind of ['serviceMonitor', 'rule']) {
      assert.equal(spec[`${kind}SelectorNilUsesHelmValues`], false)
      assert.deepEqual(spec[`${kind}NamespaceSelector`], {})
    }
    assert.equal(spec['serviceName'], undefined)
  })

  it('wakes people through the alarm topic, and tells another one that it could', () => {
    const { route, receivers } = valuesIn('Addons').alertmanager.config
    const topics = Object.fromEntries(
      receivers.map(({ name, sns_configs = [] }) => [name, sns_configs.map(({ topic_arn }) => topic_arn)]),
    )
    const arn = (noun: string) => `arn:aws:sns:us-east-1:666666666666:bourse-production-${noun}`
    assert.deepEqual(topics, { people: [arn('alarms')], heartbeat: [arn('heartbeat')] })
    assert.equal(route.receiver, 'people')
    const names = resources(template('production', 'Observability'), 'AWS::SNS::Topic').map(
      ({ properties }) => properties['TopicName'],
    )
    assert.deepEqual(names.sort(), ['bourse-production-alarms', 'bourse-production-heartbeat'])
  })

  it('may publish to these topics by their key, and nothing else', () => {
    const role = resources(addons(), 'AWS::IAM::Role').find(
      ({ properties }) => properties['RoleName'] === 'bourse-production-alertmanager-us-east-1',
    )
    const allowed = statements(role!.properties).filter(({ Resource }) => Resource !== undefined)
    assert.deepEqual(
      allowed.map(({ Action }) => Action),
      ['sns:Publish', ['kms:Decrypt', 'kms:GenerateDataKey']],
    )
    assert.match(
      flat(allowed[0]!.Resource),
      /^\["[^"*]+:bourse-production-alarms","[^"*]+:bourse-production-heartbeat"\]$/,
    )
    assert.match(flat(allowed[1]!.Condition), /alias\/bourse-production-messages.*sns\.us-east-1/)
    const associated = resources(addons(), 'AWS::EKS::PodIdentityAssociation').map(
      ({ properties }) => `${properties['Namespace']}/${properties['ServiceAccount']}`,
    )
    assert(associated.includes(`observability/${valuesIn('Addons').alertmanager.serviceAccount.name}`))
  })

  it('does so in the region that waits too, with topics of its own, whose silence is an alarm', () => {
    const topics = valuesIn('StandbyAddons')
      .alertmanager.config.receivers.flatMap(({ sns_configs = [] }) => sns_configs)
      .map(({ topic_arn }) => topic_arn)
    const failover = template('production', 'StandbyFailover')
    const made = resources(failover, 'AWS::SNS::Topic').map(({ properties }) => properties['TopicName'])
    assert.deepEqual(made.sort(), ['bourse-production-alarms', 'bourse-production-heartbeat'])
    assert.deepEqual(
      topics.sort(),
      made.map((name) => `arn:aws:sns:us-west-2:666666666666:${name}`),
    )
    const [alarm] = resources(failover, 'AWS::CloudWatch::Alarm')
    assert.equal(alarm?.properties['TreatMissingData'], 'breaching')
    assert.match(flat(alarm?.properties['AlarmActions']), /AlarmsTopic/)
    assert(resources(failover, 'AWS::SNS::Subscription').length >= 2)
  })

  it("names every receiver of its routes, and leaves none of the chart's, which Helm would merge in", () => {
    for (const stack of ['Addons', 'StandbyAddons']) {
      const { route, receivers } = valuesIn(stack).alertmanager.config
      assert(route.routes, stack)
      const names = receivers.map(({ name }) => name)
      const used = [route, ...route.routes].map(({ receiver }) => receiver)
      assert.deepEqual(
        used.filter((receiver) => !names.includes(receiver)),
        [],
        stack,
      )
    }
  })

  it('and Argo CD may be read by whoever watches a release', () => {
    const text = manifests(addons()).find(({ logicalId }) => logicalId.startsWith('ReleaseWatch'))!.text
    assert.match(text, /"resources":\["applications"\],"verbs":\["get","list","watch"\]/)
    assert.match(text, /"services\/proxy"\],"resourceNames":\["prometheus-operated:9090"\],"verbs":\["get"\]/)
    const [group] = /"kind":"Group","name":"([^"]+)"/.exec(text)?.slice(1) ?? []
    cluster().hasResourceProperties('AWS::EKS::AccessEntry', {
      PrincipalArn: 'arn:aws:iam::666666666666:role/platform-viewer',
      KubernetesGroups: [group],
    })
  })
})

describe('Workload identity', () => {
  it('has a role for each service account, and none shared', () => {
    const associations = resources(addons(), 'AWS::EKS::PodIdentityAssociation')
    const roles = associations.map(({ properties }) => flat(properties['RoleArn']))
    assert(associations.length >= 12)
    assert.equal(new Set(roles).size, roles.length)
  })

  it('lets a service write the topics of its arrows and no other', () => {
    assert.deepEqual(topics('gateway', 'WriteData'), ['risk.in'])
    assert.deepEqual(topics('matching-engine', 'ReadData'), ['orders.in'])
    assert.deepEqual(topics('risk-engine', 'ReadData'), ['risk.in'])
    assert.deepEqual(topics('settlement', 'ReadData').sort(), ['orders.out', 'risk.out'])
    assert.deepEqual(topics('market-data', 'WriteData'), [])
    assert.deepEqual(topics('archive', 'ReadData').sort(), ['orders.in', 'risk.in'])
    assert.deepEqual(topics('archive', 'WriteData'), [])
    assert.deepEqual(topics('analytics', 'ReadData').sort(), ['orders.out', 'risk.out'])
    assert.deepEqual(topics('analytics', 'WriteData'), [])
    assert.deepEqual(topics('settlement', 'WriteData'), [])
    // Each log begins with a record that names it: who creates a topic writes it.
    assert.deepEqual(topics('operator', 'WriteData').sort(), [
      'orders.in',
      'orders.out',
      'risk.in',
      'risk.out',
    ])
    for (const name of [
      'gateway',
      'risk-engine',
      'matching-engine',
      'settlement',
      'market-data',
      'archive',
      'analytics',
    ]) {
      assert.deepEqual(topics(name, 'CreateTopic'), [], name)
    }
    assert(topics('operator', 'CreateTopic').includes('risk.in'))
    // In the second region it cuts what the replicator has copied.
    assert(topics('operator', 'ReadData').includes('*.orders.in'))
  })

  it('lets archive and analytics write what is theirs and nothing else, and the operator read the inputs, in both regions', () => {
    for (const [stack, region] of [
      ['Addons', 'us-east-1'],
      ['StandbyAddons', 'us-west-2'],
    ] as const) {
      const made = template('production', stack)
      const bucketOf = (noun: string) => `arn:aws:s3:::bourse-production-${noun}-666666666666-${region}`
      const bucket = bucketOf('audit')
      const allowed = (service: string) => {
        const role = resources(made, 'AWS::IAM::Role').find(
          ({ properties }) => properties['RoleName'] === `bourse-production-${service}-${region}`,
        )
        return statements(role!.properties).flatMap(({ Action, Resource }) =>
          [Action ?? []]
            .flat()
            .filter((action) => action.startsWith('s3:'))
            .flatMap((action) => [Resource].flat().map((resource) => `${action} ${String(resource)}`)),
        )
      }
      const reads = [`s3:GetObject ${bucket}/epoch-*/inputs/*`, `s3:ListBucket ${bucket}`]
      assert.deepEqual(allowed('operator').sort(), reads)
      const writes = [...reads, `s3:PutObject ${bucket}/epoch-*/inputs/*`]
      assert.deepEqual(allowed('archive').sort(), writes)
      const tables = ['events', 'trades'].map((table) => `${bucketOf('archive')}/epoch-*/${table}/*`)
      assert.deepEqual(allowed('analytics').sort(), [
        ...tables.map((table) => `s3:GetObject ${table}`),
        `s3:ListBucket ${bucketOf('archive')}`,
        ...tables.map((table) => `s3:PutObject ${table}`),
      ])
    }
  })

  it('serves the service accounts that the charts make, in their namespace', () => {
    const found = resources(addons(), 'AWS::EKS::PodIdentityAssociation').map(
      ({ properties }) => `${properties['Namespace']}/${properties['ServiceAccount']}`,
    )
    for (const name of SERVICES) assert(found.includes(`bourse/${name}`), name)
  })

  it('lets every service see whether the topics are there, which it awaits before it starts', () => {
    for (const name of SERVICES) {
      const seen = topics(name, 'DescribeTopic')
      for (const topic of ['risk.in', 'orders.in', 'orders.out', 'risk.out', 'replies']) {
        assert(seen.includes(topic), `${name} ${topic}`)
      }
    }
  })

  it('lets a service act for its own consumer group alone', () => {
    const groups = ['risk-engine', 'matching-engine', 'settlement', 'market-data', 'archive', 'analytics']
    for (const name of groups) {
      assert.deepEqual(topics(name, 'AlterGroup'), [name])
      // Followers outside the group still ask who coordinates their name.
      assert.deepEqual(topics(name, 'DescribeGroup'), [`${name}*`])
    }
    assert.deepEqual(topics('gateway', 'AlterGroup'), [])
    assert.deepEqual(topics('gateway', 'DescribeGroup'), ['gateway*'])
  })

  it('lets in the region that waits who follows write the inputs, and engines join groups of their own there', () => {
    const allowed = (stack: string, service: string, action: string) => {
      const region = stack === 'Addons' ? 'us-east-1' : 'us-west-2'
      const role = resources(template('production', stack), 'AWS::IAM::Role').find(
        ({ properties }) => properties['RoleName'] === `bourse-production-${service}-${region}`,
      )
      return statements(role?.properties ?? {})
        .filter(({ Action }) => [Action ?? []].flat().includes(`kafka-cluster:${action}`))
        .flatMap(({ Resource }) => [Resource].flat().map((arn) => String(arn).split('/').at(-1)!))
        .sort()
    }
    const inputs = ['orders.in', 'risk.in']
    assert.deepEqual(allowed('StandbyAddons', 'cut-follower', 'WriteData'), inputs)
    assert.deepEqual(allowed('StandbyAddons', 'cut-follower', 'CreateTopic'), inputs)
    assert.deepEqual(
      allowed('StandbyAddons', 'cut-follower', 'ReadData'),
      [...inputs, '*.orders.in', '*.risk.in'].sort(),
    )
    assert.deepEqual(allowed('StandbyAddons', 'cut-follower', 'DescribeGroup'), ['operator*'])
    assert.deepEqual(allowed('Addons', 'cut-follower', 'WriteData'), [])
    for (const name of ['risk-engine', 'matching-engine']) {
      assert.deepEqual(allowed('Addons', name, 'AlterGroup'), [name])
      assert.deepEqual(allowed('StandbyAddons', name, 'AlterGroup'), [name, `${name}-standby-region`])
    }
  })

  for (const [flag, service, action] of [
    ['dax', 'gateway', 'dax:Query'],
    ['eventBus', 'market-data', 'events:PutEvents'],
    ['orderQueue', 'gateway', 'sqs:DeleteMessage'],
    ['tradeStream', 'archive', 'kinesis:PutRecords'],
    ['openSearch', 'archive', 'es:ESHttpPut'],
  ] as const) {
    it(`lets ${service} use what the flag ${flag} makes, and only where it is on`, () => {
      assert(actionsOf(pick(everyFeature(), 'Addons'), service).includes(action))
      assert(!actionsOf(addons(), service).includes(action))
    })
  }

  it('never allows every action, in any stack', () => {
    for (const [id, made] of [...templates('production'), ...templates('organization')]) {
      for (const { logicalId, properties } of resources(made)) {
        for (const statement of statements(properties)) {
          if (statement.Effect !== 'Allow' || statement.Principal !== undefined) continue
          const actions = [statement.Action ?? []].flat()
          assert(!actions.includes('*'), `${id}/${logicalId} allows *`)
          const whole = actions.filter((action) => /^[a-z0-9-]+:\*$/.test(action))
          assert.deepEqual(whole, [], `${id}/${logicalId}`)
        }
      }
    }
  })

  it('changes nothing on every resource', () => {
    const reading =
      /^(xray:(Put|Get)|cloudwatch:PutMetricData|ec2:Describe|secretsmanager:GetRandomPassword|logs:|compute-optimizer:)/
    for (const [id, made] of templates('production')) {
      for (const { logicalId, properties, type } of resources(made)) {
        if (!type.startsWith('AWS::IAM::')) continue
        for (const { Effect, Action, Resource } of statements(properties)) {
          if (Effect !== 'Allow' || Resource !== '*') continue
          const actions = [Action ?? []].flat().filter((action) => !reading.test(action))
          assert.deepEqual(actions, [], `${id}/${logicalId}`)
        }
      }
    }
  })

  function roleOf(made: Template, service: string) {
    const roles = resources(made, 'AWS::IAM::Role')
    return roles.find(
      ({ properties }) => properties['RoleName'] === `bourse-production-${service}-us-east-1`,
    )!
  }

  function actionsOf(made: Template, service: string): string[] {
    return statements(roleOf(made, service).properties).flatMap(({ Action }) => [Action ?? []].flat())
  }

  function topics(service: string, verb: string): string[] {
    const allowed = statements(roleOf(addons(), service).properties).filter(({ Action }) =>
      [Action].flat().includes(`kafka-cluster:${verb}`),
    )
    return allowed.flatMap(({ Resource }) => [Resource].flat().map((arn) => String(arn).split('/').at(-1)!))
  }
})

const classOf = (name: string) =>
  new RegExp(`"kind":"StorageClass","metadata":\\{"name":"${name}".*"type":"gp3"`)

type PrometheusValues = {
  readonly prometheus: {
    readonly podDisruptionBudget: unknown
    readonly prometheusSpec: Readonly<Record<string, unknown>> & {
      readonly replicas: number
      readonly podAntiAffinity: string
      readonly podAntiAffinityTopologyKey: string
      readonly retention: string
      readonly retentionSize: string
      readonly storageSpec: {
        readonly volumeClaimTemplate: {
          readonly spec: {
            readonly storageClassName: string
            readonly resources: { readonly requests: { readonly storage: string } }
          }
        }
      }
    }
  }
  readonly alertmanager: {
    readonly serviceAccount: { readonly name: string }
    readonly config: {
      readonly route: {
        readonly receiver: string
        readonly routes?: readonly { readonly receiver: string }[]
      }
      readonly receivers: readonly {
        readonly name: string
        readonly sns_configs?: readonly { readonly topic_arn: string }[]
      }[]
    }
  }
}

type TagSpecification = { readonly ResourceType: string; readonly Tags: readonly { readonly Key: string }[] }

const SERVICES = [
  'gateway',
  'risk-engine',
  'matching-engine',
  'settlement',
  'market-data',
  'operator',
  'archive',
  'analytics',
] as const

type Statement = {
  readonly Effect: string
  readonly Condition?: unknown
  readonly Action?: string | readonly string[]
  readonly Resource?: unknown
  readonly Principal?: unknown
}

/** Every policy statement anywhere inside a resource. */
function statements(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) return []
  if ('Effect' in value) return [value as Statement]
  return Object.values(value).flatMap(statements)
}

/** Kubernetes manifests that a stack applies, as one text each. */
function manifests(from: Template): { logicalId: string; text: string }[] {
  return resources(from, 'Custom::AWSCDK-EKS-KubernetesResource').map(({ logicalId, properties }) => ({
    logicalId,
    text: flat(properties['Manifest']).replaceAll('\\"', '"'),
  }))
}
