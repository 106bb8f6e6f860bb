#!/usr/bin/env bash
# What a kind cluster lacks for k8s/local, into the current context, by Helm: metrics-server, KEDA and Traefik on the
# node ports that cluster.yaml maps. NAMES='metrics-server keda traefik argocd'
set -euo pipefail
install() {
  local name=$1 namespace=$2 repository=$3 version=$4
  shift 4
  helm upgrade --install "$name" "$name" --repo "$repository" --version "$version" \
    --namespace "$namespace" --create-namespace --wait --timeout 5m "$@"
}
# Beside the control plane: the exchange does not share a worker with them, and a worker's drain does not start them anew,
# all at once and on the node that everything moves to.
selector='nodeSelector={"node-role.kubernetes.io/control-plane":""}'
tolerations='tolerations=[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists"}]'
for name in ${NAMES:-metrics-server keda traefik}; do
  case $name in
    metrics-server) install metrics-server kube-system https://kubernetes-sigs.github.io/metrics-server 3.13.0 \
      --set 'args={--kubelet-insecure-tls}' --set-json "$selector" --set-json "$tolerations" ;;
    keda) install keda keda https://kedacore.github.io/charts 2.20.0 \
      --set-json "$selector" --set-json "$tolerations" ;;
    # Argo CD waits until an Ingress has an address, which a NodePort gives to none.
    traefik) install traefik traefik https://traefik.github.io/charts 37.0.0 \
      --set service.type=NodePort --set ports.web.nodePort=30080 --set ports.websecure.nodePort=30443 \
      --set providers.kubernetesIngress.publishedService.enabled=false \
      --set 'additionalArguments={--providers.kubernetesingress.ingressendpoint.ip=127.0.0.1}' ;;
    argocd) install argo-cd argocd https://argoproj.github.io/argo-helm 9.0.5 \
      --set-json "global.$selector" --set-json "global.$tolerations" ;;
    *) echo "$name: metrics-server, keda, traefik or argocd" >&2 && exit 1 ;;
  esac
done
