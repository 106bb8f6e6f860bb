#!/usr/bin/env bash
# Lets Argo CD, in the current context, follow a repository: REPOSITORY=https://…, ENV=local is what this cluster becomes.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
given REPOSITORY 'the address that Argo CD reads'
kubectl apply -f - << Y
apiVersion: v1
kind: Secret
metadata:
  name: in-cluster
  namespace: argocd
  labels: { argocd.argoproj.io/secret-type: cluster, environment: ${ENV:-local}, role: primary }
stringData: { name: in-cluster, server: 'https://kubernetes.default.svc', config: '{"tlsClientConfig":{"insecure":false}}' }
Y
kubectl kustomize k8s/argocd | sed "s#https://git.bourse.example/bourse.git#$REPOSITORY#" | kubectl apply --server-side -f -
