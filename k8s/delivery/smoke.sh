#!/usr/bin/env bash
# Runs the smoke test in the current context: SERVICE=gateway|gateway-preview, with the image that serves there.
# ENV=local|minimal trade; elsewhere, where others issue the tokens, it reads what is public.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
service=${SERVICE:-gateway}
slot=$(kubectl -n bourse get service "$service" -o 'jsonpath={.spec.selector.bourse\.dev/slot}')
of_gateway() { kubectl -n bourse get deployment "gateway-$slot" -o "jsonpath={.spec.template.spec.containers[0].$1}"; }
image=$(of_gateway image)
policy=$(of_gateway imagePullPolicy)
edits="s|image: .*|image: $image|; s|imagePullPolicy: .*|imagePullPolicy: $policy|; s|//gateway:|//$service:|"
[[ ${ENV:-local} =~ ^(local|minimal)$ ]] || edits="$edits; /SIGNING_KEY_FILE/d"

kubectl -n bourse delete job smoke --ignore-not-found --wait > /dev/null
sed "$edits" k8s/delivery/smoke-job.yaml | kubectl create -f - > /dev/null
outcome() { kubectl -n bourse get job smoke -o 'jsonpath={.status.conditions[?(@.status=="True")].type}'; }
until [[ $(outcome) =~ Complete|Failed ]]; do sleep 1; done
kubectl -n bourse logs job/smoke | sed "s/^/  $service ($slot): /"
[[ $(outcome) =~ Complete ]] || fail "the smoke test of $service failed"
