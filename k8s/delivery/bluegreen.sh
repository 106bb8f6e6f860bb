#!/usr/bin/env bash
# Releases the gateways by switching between two slots, without a moment in which neither serves.
#   bluegreen.sh release IMAGE   deploy, verify, switch, verify again, finish; back at the first failure
#   bluegreen.sh deploy IMAGE | verify | switch | back | finish   one step at a time
# ENV=local. MODE=direct changes the cluster; MODE=git commits each step's values and manifests, pushes them, and waits
# until Argo CD has brought them there. Engines and consumers are not touched: they hand over on their own.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
env=${ENV:-local}
mode=${MODE:-direct}
patience=${PATIENCE:-300s}

k() { kubectl -n bourse "$@"; }
active() { k get service gateway -o 'jsonpath={.spec.selector.bourse\.dev/slot}'; }
other() { [ "$1" = blue ] && echo green || echo blue; }
image_in() { k get deployment "gateway-$1" -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
has_idle() { k get service gateway-preview > /dev/null 2>&1; }

# The gateways' part of the manifests, as the charts make it of these values.
apply() {
  if [ "$mode" = git ]; then
    commit "$@"
  else
    local folder sets=()
    folder=$(mktemp -d)
    for value in "$@"; do sets+=(--set "$value"); done
    synth --environment "$env" "${sets[@]}" --output "$folder"
    kubectl apply -f "$folder" -l app.kubernetes.io/name=gateway > /dev/null
    rm -rf "$folder"
  fi
}

commit() {
  set_values "$env" "$@"
  synth --environment "$env"
  git add charts/values "k8s/$env"
  git commit --quiet --message "Gateways of $env: $*"
  git push --quiet
  local revision
  revision=$(git rev-parse HEAD)
  kubectl -n argocd annotate application "bourse-$env" argocd.argoproj.io/refresh=normal --overwrite > /dev/null
  kubectl -n argocd wait application "bourse-$env" --for="jsonpath={.status.sync.revision}=$revision" --timeout="$patience" > /dev/null
  kubectl -n argocd wait application "bourse-$env" --for='jsonpath={.status.sync.status}=Synced' --timeout="$patience" > /dev/null
}

deploy() {
  local slot
  slot=$(active)
  say "deploy: $1 beside $(image_in "$slot") ($slot)"
  apply "gateway.active=$slot" "gateway.image=$(image_in "$slot")" "gateway.idle.image=$1"
  k rollout status "deployment/gateway-$(other "$slot")" --timeout="$patience" > /dev/null
}

verify() { ENV=$env SERVICE=$1 k8s/delivery/smoke.sh; }

# The Service moves in one step; the slot that served stays, with its connections, until `finish`.
switch() {
  has_idle || fail 'nothing stands beside the gateways' 'deploy first'
  local from to
  from=$(active)
  to=$(other "$from")
  k rollout status "deployment/gateway-$to" --timeout="$patience" > /dev/null
  apply "gateway.active=$to" "gateway.image=$(image_in "$to")" "gateway.idle.image=$(image_in "$from")"
  say "switch: $to serves, $from waits"
}

finish() {
  local slot idle
  slot=$(active)
  idle=$(other "$slot")
  apply "gateway.active=$slot" "gateway.image=$(image_in "$slot")" 'gateway.idle=null'
  if [ "$mode" = direct ]; then
    local kinds=deployment,service,configmap,horizontalpodautoscaler,poddisruptionbudget
    [ -z "$(kubectl api-resources --api-group=keda.sh -o name)" ] || kinds=$kinds,scaledobject
    k delete "$kinds" -l "app.kubernetes.io/name=gateway,bourse.dev/slot=$idle" > /dev/null
    say "to keep it: gateway.active=$slot and gateway.image=$(image_in "$slot") in charts/values/$env.yaml, make manifests"
  fi
  say "finish: $slot serves, $idle is gone"
}

release() {
  deploy "$1"
  if ! verify gateway-preview; then
    finish
    fail "$1 does not work" 'nobody was served by it'
  fi
  switch
  if ! verify gateway; then
    switch
    finish
    fail "$1 does not work in its place" 'the Service is back where it was'
  fi
  finish
}

case ${1:-} in
  release | deploy) "$1" "${2:?an image}" ;;
  verify) verify gateway-preview ;;
  switch | finish) "$1" ;;
  back) switch ;;
  *) fail 'which step?' "$(sed -n 's/^#   //p' "$0")" ;;
esac
