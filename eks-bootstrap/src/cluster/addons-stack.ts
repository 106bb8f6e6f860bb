import { Duration, Tags } from 'aws-cdk-lib'
import * as ssm from 'aws-cdk-lib/aws-ssm'
import { type Construct, type IDependable } from 'constructs'
import * as eks from '../eks.ts'
import { type NetworkStack } from '../network/network-stack.ts'
import { BourseStack, type DataClassification, mandatoryTags, type SiteProps } from '../stack.ts'
import { HELM_CHARTS, POD_ADDONS } from '../versions.ts'
import { type ClusterStack } from './cluster-stack.ts'
import { collectorValues } from './collector-values.ts'
import { nodeClass, nodePools, storageClass } from './node-pools.ts'
import { PROMETHEUS, prometheusValues } from './prometheus-values.ts'
import { releaseWatch } from './release-watch.ts'
import { WorkloadIdentity } from './workload-identity.ts'

/** What GitOps has to know of the estate, by name. */
export type Facts = Readonly<Record<string, string>>

type AddonsStackProps = SiteProps & {
  readonly network: NetworkStack
  readonly cluster: ClusterStack
  readonly facts: Facts
}

const CLASSIFICATION: DataClassification = 'internal'
const CHART_TIMEOUT = Duration.minutes(15)

/** What a bare cluster lacks: capacity pools, operators, identities, and Argo CD, which brings everything else. */
export class AddonsStack extends BourseStack {
  readonly #cluster: eks.Cluster

  constructor(scope: Construct, props: AddonsStackProps) {
    super(scope, 'Addons', {
      ...props,
      description: 'Capacity pools, operators, workload identities and GitOps',
      dataClassification: CLASSIFICATION,
    })
    this.#cluster = props.cluster.cluster
    this.#publish(props.facts)
    const identity = new WorkloadIdentity(this, 'Identity', {
      place: { environment: this.config, region: this.regionName },
      clusterName: this.#cluster.clusterName,
      namespace: this.config.gitOps.namespace,
    })
    const pools = this.#capacity(props)
    this.#podAddons([identity, ...pools])
    const releases = this.#releases([identity, ...pools])
    this.#secretStores(releases)
    this.#manifest('ReleaseWatch', releaseWatch()).node.addDependency(...releases)
    this.#gitOps(props.facts, releases)
  }

  #capacity({ network, cluster }: AddonsStackProps): IDependable[] {
    const subnetIds = (tier: string) => network.vpc.selectSubnets({ subnetGroupName: tier }).subnetIds
    const tags = mandatoryTags({ ...this.config, dataClassification: CLASSIFICATION })
    const manifests = [
      // Turns the enforcement of network policies on; without it they would be comments.
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'amazon-vpc-cni', namespace: 'kube-system' },
        data: { 'enable-network-policy-controller': 'true' },
      },
      nodeClass({
        nodeRoleName: cluster.nodeRole.roleName,
        nodeSubnetIds: subnetIds('application'),
        podSubnetIds: subnetIds('pods'),
        clusterSecurityGroupId: this.#cluster.clusterSecurityGroupId,
        podSecurityGroupId: network.securityGroups.pods.securityGroupId,
        tags,
      }),
      ...nodePools(this.config.cluster.stateless),
      storageClass(tags),
    ]
    return [this.#manifest('Capacity', manifests)]
  }

  /** Add-ons with pods of their own: without the pools nothing would run them, and EKS would wait in vain. */
  #podAddons(after: readonly IDependable[]): void {
    for (const [addonName, addonVersion] of Object.entries(POD_ADDONS)) {
      const addon = new eks.Addon(this, `Addon-${addonName}`, {
        cluster: this.#cluster,
        addonName,
        addonVersion,
      })
      Tags.of(addon).add('Name', addonName)
      addon.node.addDependency(...after)
    }
  }

  #releases(after: readonly IDependable[]): IDependable[] {
    const release = (id: keyof typeof HELM_CHARTS, namespace: string, values: Record<string, unknown>) => {
      const chart = new eks.HelmChart(this, id, {
        cluster: this.#cluster,
        ...HELM_CHARTS[id],
        release: HELM_CHARTS[id].chart,
        namespace,
        createNamespace: true,
        values,
        wait: true,
        timeout: CHART_TIMEOUT,
      })
      chart.node.addDependency(...after)
      return chart
    }
    const twoReplicas = { replicaCount: 2, podDisruptionBudget: { minAvailable: 1 } }
    return [
      release('keda', 'keda', {
        operator: { replicaCount: 2 },
        metricsServer: { replicaCount: 2 },
        serviceAccount: { operator: { name: 'keda-operator' } },
        podDisruptionBudget: { operator: { minAvailable: 1 }, metricServer: { minAvailable: 1 } },
      }),
      release('externalSecrets', 'external-secrets', {
        replicaCount: 2,
        leaderElect: true,
        serviceAccount: { name: 'external-secrets' },
        podDisruptionBudget: { enabled: true, minAvailable: 1 },
      }),
      release('metricsServer', 'kube-system', {
        replicas: 2,
        podDisruptionBudget: { enabled: true, minAvailable: 1 },
      }),
      // Its custom resources are there before Argo CD applies any.
      release(
        'prometheus',
        PROMETHEUS.namespace,
        prometheusValues({ environment: this.config, region: this.regionName }),
      ),
      release('collector', 'observability', {
        ...twoReplicas,
        ...collectorValues(this.config, this.regionName),
      }),
      release('argoCd', 'argocd', {
        dex: { enabled: false },
        notifications: { enabled: false },
        server: { replicas: 2, service: { type: 'ClusterIP' } },
        repoServer: { replicas: 2 },
        configs: { cm: { 'admin.enabled': false, 'application.resourceTrackingMethod': 'annotation' } },
      }),
    ]
  }

  #secretStores(after: readonly IDependable[]): void {
    const store = (name: string, service: string) => ({
      apiVersion: 'external-secrets.io/v1',
      kind: 'ClusterSecretStore',
      metadata: { name },
      spec: { provider: { aws: { service, region: this.regionName } } },
    })
    this.#manifest('SecretStores', [
      store('aws-secrets', 'SecretsManager'),
      store('aws-parameters', 'ParameterStore'),
    ]).node.addDependency(...after)
  }

  /**
   * Argo CD knows this cluster with its facts as annotations. What it runs follows from the labels: `k8s/argocd` gives a
   * cluster the folder of its environment and role. A standby follows, until an operator changes the label.
   */
  #gitOps(facts: Facts, after: readonly IDependable[]): void {
    const { repositoryUrl, revision } = this.config.gitOps
    const annotations = Object.fromEntries(
      Object.entries(facts).map(([fact, value]) => [`bourse.dev/${fact}`, value]),
    )
    const server = 'https://kubernetes.default.svc'
    this.#manifest('GitOps', [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'in-cluster',
          namespace: 'argocd',
          labels: {
            'argocd.argoproj.io/secret-type': 'cluster',
            environment: this.config.name,
            role: this.role,
          },
          annotations,
        },
        stringData: { name: 'in-cluster', server, config: '{"tlsClientConfig":{"insecure":false}}' },
      },
      {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Application',
        metadata: { name: 'delivery', namespace: 'argocd' },
        spec: {
          project: 'default',
          source: { repoURL: repositoryUrl, targetRevision: revision, path: 'k8s/argocd' },
          destination: { server, namespace: 'argocd' },
          syncPolicy: { automated: { prune: true, selfHeal: true } },
        },
      },
    ]).node.addDependency(...after)
  }

  #publish(facts: Facts): void {
    for (const [fact, stringValue] of Object.entries(facts)) {
      new ssm.StringParameter(this, `Fact-${fact}`, {
        parameterName: `/bourse/${this.config.name}/${fact}`,
        stringValue,
        description: 'Read by the cluster through External Secrets',
      })
    }
  }

  #manifest(id: string, manifest: Record<string, unknown>[]): eks.KubernetesManifest {
    return new eks.KubernetesManifest(this, id, { cluster: this.#cluster, manifest, prune: false })
  }
}
