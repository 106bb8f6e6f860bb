#!/usr/bin/env bash
# Makes a cut in the current context, as a Job like the environment's `prepare`:
#   ENV=production k8s/delivery/cut.sh --from-archive s3://bucket/epoch-1 [--open]
#   ENV=production-standby k8s/delivery/cut.sh --alias us-east-1 --open
# One cut at a time writes: where one is followed, that ends first.
# MANIFESTS=DIR: where they were rendered, if not in k8s/. The Job's lines are printed as they come, and kept by the Job.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
given ENV 'ENV=production k8s/delivery/cut.sh --from-archive s3://bucket/epoch-1'
manifests=${MANIFESTS:-k8s/$ENV}

if kubectl -n bourse get deployment cut-follower > /dev/null 2>&1; then
  applied() { kubectl -n argocd get applications -o name 2> /dev/null | grep /bourse-; }
  for _ in {1..15}; do
    applied > /dev/null || break
    sleep 2
  done
  ! applied || fail 'Argo CD would begin the follower again' 'kubectl -n argocd label secret in-cluster role=held --overwrite'
  kubectl -n bourse delete deployment cut-follower --cascade=foreground --wait --timeout=2m > /dev/null
fi

# What it stands on, where nothing of the exchange is yet. Not the operator's own file: its `prepare` would begin another log.
for file in 00-namespace 01-limits 10-network-policies 20-database-authorities 20-external-secrets; do
  [ ! -f "$manifests/$file.yaml" ] || kubectl apply -f "$manifests/$file.yaml" > /dev/null
done
kubectl -n bourse get serviceaccount operator > /dev/null 2>&1 || kubectl -n bourse create serviceaccount operator > /dev/null
until kubectl -n bourse get secret bourse-database > /dev/null 2>&1; do
  say '… waiting for the Secret bourse-database'
  sleep 5
done

kubectl -n bourse delete job cut --ignore-not-found --wait > /dev/null
node --conditions=@bourse/source --import tsx charts/src/delivery/cut-job.ts "$manifests/30-operator.yaml" "$@" |
  kubectl create -f - > /dev/null
outcome() { kubectl -n bourse get job cut -o 'jsonpath={.status.conditions[?(@.status=="True")].type}'; }
kubectl -n bourse wait pod -l app.kubernetes.io/name=cut --for=jsonpath='{.status.phase}'=Running --timeout=5m > /dev/null || true
kubectl -n bourse logs -f job/cut
until [[ $(outcome) =~ Complete|Failed ]]; do sleep 1; done
[[ $(outcome) =~ Complete ]] || fail 'no cut was made'
