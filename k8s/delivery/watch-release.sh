#!/usr/bin/env bash
# Watches an environment after a promotion; fails at the first sign of harm, and then it should be rolled back.
# ENV=staging, MINUTES=15. Health is Argo CD's; alarms are Prometheus' alerts of severity `critical`, and CloudWatch's where the
# AWS CLI is signed in; local and minimal have none.
. "$(dirname "$0")/prelude.sh"
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
need jq 'https://jqlang.org/download/'
given ENV 'dev, staging or production'
prometheus=${PROMETHEUS:-observability/prometheus-operated:9090}
PENDING_MAX_S=${PENDING_MAX_S:-600}

application() { kubectl -n argocd get application "bourse-$ENV" -o json; }
alerts() {
  local query='ALERTS%7Balertstate%3D%22firing%22%2Cseverity%3D%22critical%22%2Cnamespace%3D%22bourse%22%7D'
  kubectl get --raw "/api/v1/namespaces/${prometheus%/*}/services/${prometheus#*/}/proxy/api/v1/query?query=$query" |
    jq -r '.data.result[].metric.alertname'
}
alarms() {
  [[ ! $ENV =~ ^(local|minimal)$ ]] && command -v aws > /dev/null || return 0
  aws cloudwatch describe-alarms --alarm-name-prefix "bourse-$ENV-" --state-value ALARM \
    --query "MetricAlarms[?!ends_with(AlarmName, 'DailyDrill')].AlarmName" --output text
}

end=$((SECONDS + ${MINUTES:-15} * 60))
pending_since=$SECONDS
while ((SECONDS < end)); do
  state=$(application | jq -r '"\(.status.sync.status) \(.status.health.status) \(.status.operationState.phase)"')
  case $state in
    *Degraded* | *Missing* | *Failed* | *Error*) fail "bourse-$ENV is $state" "make rollback ENV=$ENV" ;;
    'Synced Healthy '*) pending_since=$SECONDS ;;
    *) ((SECONDS - pending_since < PENDING_MAX_S)) || fail "bourse-$ENV is still $state" "make rollback ENV=$ENV" ;;
  esac
  firing=$(alerts) || fail 'the alerts cannot be read'
  raised=$(alarms) || fail 'the alarms cannot be read'
  [ -z "$firing$raised" ] || fail "alarm: $firing $raised" "make rollback ENV=$ENV"
  sleep 10
done
say "✓ bourse-$ENV is healthy, and no alarm was raised"
