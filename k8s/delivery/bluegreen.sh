#!/usr/bin/env bash
# Releases the gateways by switching between two slots, without a moment in which neither serves.
#   bluegreen.sh release IMAGE   deploy, verify, switch, verify again, finish; back at the first failure
#   bluegreen.sh deploy IMAGE | verify | switch | back | finish   one step at a time
# ENV=local. MODE=direct changes the cluster; MODE=git commits each step's values and manifests, pushes them, and waits
# until Argo CD has brought them there. Engines and consumers are not touched: they hand over on their own.
# Nobody is sent to a slot with fewer pods than serve now. REPLICAS=10: so many are enough. PATIENCE=300: seconds to wait for them.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
env=${ENV:-local}
mode=${MODE:-direct}
patience=${PATIENCE:-300}
[ "$mode" = direct ] || [ -n "$(image_of "$env")" ] || fail "$env has the images of what it lies over" 'MODE=direct'

k() { kubectl -n bourse "$@"; }
active() { k get service gateway -o 'jsonpath={.spec.selector.bourse\.dev/slot}'; }
other() { [ "$1" = blue ] && echo green || echo blue; }
image_in() { k get deployment "gateway-$1" -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
has_idle() { k get service gateway-preview > /dev/null 2>&1; }
# What serves now, as its autoscaler has it.
replicas_in() { echo "${REPLICAS:-$(k get deployment "gateway-$1" -o 'jsonpath={.spec.replicas}')}"; }
ready_in() {
  local ready
  ready=$(k get deployment "gateway-$1" -o 'jsonpath={.status.readyReplicas}')
  echo "${ready:-0}"
}
# Of the slot alone, as long as it differs from everybody's.
own() { [ "$1" = "$(image_of "$env")" ] && echo null || echo "$1"; }

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

# Every environment is rendered: what lies over this one, as production's recovery region, has its values too.
commit() {
  set_values "$env" "$@"
  synth
  git add charts/values k8s
  git diff --cached --quiet || git commit --quiet --message "Gateways of $env: $*"
  git push --quiet
  local revision
  revision=$(git rev-parse HEAD)
  kubectl -n argocd annotate application "bourse-$env" argocd.argoproj.io/refresh=normal --overwrite > /dev/null
  kubectl -n argocd wait application "bourse-$env" --for="jsonpath={.status.sync.revision}=$revision" --timeout="${patience}s" > /dev/null
  kubectl -n argocd wait application "bourse-$env" --for='jsonpath={.status.sync.status}=Synced' --timeout="${patience}s" > /dev/null
}

# Which slot serves with which image, and what waits in the other. Both have at least so many pods, until `finish`.
slots() {
  local slot=$1 serving=$2 waiting=$3 replicas=$4
  apply "gateway.active=$slot" "gateway.image=$(own "$serving")" "gateway.idle.image=$waiting" "gateway.idle.minReplicas=$replicas"
}

# A new Deployment begins with one pod, and its autoscaler makes them more.
until_ready() {
  local end=$((SECONDS + patience)) advice='PATIENCE=… waits longer, REPLICAS=… goes with fewer, finish takes the slot away'
  k rollout status "deployment/gateway-$1" --timeout="${patience}s" > /dev/null || fail "gateway-$1 is not ready" "$advice"
  until (($(ready_in "$1") >= $2)); do
    ((SECONDS < end)) || fail "gateway-$1 has $(ready_in "$1") of $2 pods" "$advice"
    sleep 2
  done
}

deploy() {
  local slot replicas
  slot=$(active)
  replicas=$(replicas_in "$slot")
  say "deploy: $1 beside $(image_in "$slot") ($slot), $replicas pods each"
  slots "$slot" "$(image_in "$slot")" "$1" "$replicas"
  until_ready "$(other "$slot")" "$replicas"
}

verify() { ENV=$env SERVICE=$1 k8s/delivery/smoke.sh; }

# The Service moves in one step; the slot that served stays, with its connections and its pods, until `finish`.
switch() {
  has_idle || fail 'nothing stands beside the gateways' 'deploy first'
  local from to replicas
  from=$(active)
  to=$(other "$from")
  # More may serve by now than when the other slot was made.
  replicas=$(replicas_in "$from")
  (($(ready_in "$to") >= replicas)) || slots "$from" "$(image_in "$from")" "$(image_in "$to")" "$replicas"
  until_ready "$to" "$replicas"
  slots "$to" "$(image_in "$to")" "$(image_in "$from")" "$replicas"
  say "switch: $to serves, $from waits, with at least $replicas pods each"
}

finish() {
  local slot idle
  slot=$(active)
  idle=$(other "$slot")
  apply "gateway.active=$slot" "gateway.image=$(own "$(image_in "$slot")")" 'gateway.idle=null'
  if [ "$mode" = direct ]; then
    local kinds=deployment,service,configmap,horizontalpodautoscaler,poddisruptionbudget
    [ -z "$(kubectl api-resources --api-group=keda.sh -o name)" ] || kinds=$kinds,scaledobject
    k delete "$kinds" -l "app.kubernetes.io/name=gateway,bourse.dev/slot=$idle" > /dev/null
    say "to keep it: gateway.active=$slot and gateway.image=$(own "$(image_in "$slot")") in charts/values/$env.yaml, make manifests"
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
    # As many wait as served a moment ago. Who is served badly does not wait for more.
    REPLICAS=$(ready_in "$(other "$(active)")") switch
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
