/**
 * Everything from outside that this app pins, from public documents of November 2026; AWS itself was not asked. One place
 * to raise a version; README, "Day 2", tells the order. Helm charts come from the projects' own repositories.
 */
/** 1.34 leaves standard support on 2026-12-02. The kubectl layer is one minor version behind, as Kubernetes allows. */
export const KUBERNETES_VERSION = '1.35'

/** Add-ons that EKS manages, for the engines' nodes: Auto Mode brings its own to its nodes. */
export const NODE_ADDONS = {
  'vpc-cni': 'v1.21.1-eksbuild.3',
  'kube-proxy': 'v1.35.0-eksbuild.2',
  coredns: 'v1.13.2-eksbuild.1',
  'eks-pod-identity-agent': 'v1.3.10-eksbuild.3',
} as const

/** Add-ons that EKS manages and that run pods on every node. */
export const POD_ADDONS = {
  'aws-efs-csi-driver': 'v2.1.13-eksbuild.1',
  'amazon-cloudwatch-observability': 'v5.3.0-eksbuild.1',
} as const

export const HELM_CHARTS = {
  keda: { repository: 'https://kedacore.github.io/charts', chart: 'keda', version: '2.20.0' },
  externalSecrets: {
    repository: 'https://charts.external-secrets.io',
    chart: 'external-secrets',
    version: '2.0.0',
  },
  metricsServer: {
    repository: 'https://kubernetes-sigs.github.io/metrics-server/',
    chart: 'metrics-server',
    version: '3.13.0',
  },
  prometheus: {
    repository: 'https://prometheus-community.github.io/helm-charts',
    chart: 'kube-prometheus-stack',
    version: '88.6.4',
  },
  collector: {
    repository: 'https://open-telemetry.github.io/opentelemetry-helm-charts',
    chart: 'opentelemetry-collector',
    version: '0.158.3',
  },
  argoCd: { repository: 'https://argoproj.github.io/argo-helm', chart: 'argo-cd', version: '9.0.5' },
} as const

export const AURORA_POSTGRESQL_VERSION = '16.9'
export const REDIS_VERSION = '7.1'
export const KAFKA_VERSION = '3.9.x.kraft'
