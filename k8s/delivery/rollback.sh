#!/usr/bin/env bash
# Takes the last promotion of an environment back: its values as they were, rendered by today's charts. Argo CD does the
# rest. ENV=staging|production; pushes to the current branch, or with PULL_REQUEST=1 opens a pull request.
. "$(dirname "$0")/prelude.sh"
given ENV 'dev, staging or production'
[ -z "$(git status --porcelain)" ] || fail 'the checkout has changes' 'commit or put them away'

promotion=$(git log -1 --format=%H --extended-regexp --grep "^Promotes: $ENV\$" -- "charts/values/$ENV.yaml")
[ -n "$promotion" ] || fail "no promotion of $ENV was found" 'is the whole history here? git fetch --unshallow'
bad=$(image_of "$ENV")
before=$(git show "$promotion^:charts/values/$ENV.yaml")
good=$(sed -n 's/^image: *//p' <<< "$before")
[ "$good" != "$bad" ] || fail "$ENV has $good already"

if [ -n "${PULL_REQUEST:-}" ]; then git switch --quiet --create "rollback/$ENV/$(git rev-parse --short "$promotion")"; fi
set_values "$ENV" "image=$good" "gateway.image=$(gateway_image_of "$before")" gateway.idle=null
synth
git add charts/values k8s
git commit --quiet --message "Roll $ENV back to ${good##*@}" --message "Was: $bad, by $promotion" --trailer "Rolls-back: $ENV"
git show --stat --format='%h %s' HEAD
[ -z "${DRY_RUN:-}" ] || exit 0
if [ -n "${PULL_REQUEST:-}" ]; then pull_request "rollback:$ENV"; else git push --quiet --set-upstream origin HEAD; fi
