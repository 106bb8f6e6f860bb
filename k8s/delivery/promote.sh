#!/usr/bin/env bash
# Proposes an image for an environment: its digest in the values, the manifests that follow from it, one commit, one pull
# request. ENV=staging|production, and IMAGE=<repository>@sha256:… or FROM=staging, whose image is then copied,
# signatures and all, into the environment's own registry. COSIGN_PUBLIC_KEY is asked for what nobody signed.
# Gateways that were released on their own have everybody's image again.
. "$(dirname "$0")/prelude.sh"
given ENV 'dev, staging or production'
need git 'https://git-scm.com/downloads'
[ -z "$(git status --porcelain)" ] || fail 'the checkout has changes' 'commit or put them away'

current=$(image_of "$ENV")
image=${IMAGE:-$(image_of "${FROM:?give IMAGE or FROM}")}
if [ -z "${IMAGE:-}" ]; then
  gateways=$(gateway_image_of "$(cat "charts/values/$FROM.yaml")")
  [ "$gateways" = null ] || fail "the gateways of $FROM run $gateways" "promote it to $FROM first, or give IMAGE"
fi
digested "$image"
if [ -n "${COSIGN_PUBLIC_KEY:-}" ]; then IMAGE=$image k8s/delivery/verify-signature.sh; fi
target=${current%%[@:]sha256*}@${image##*@}
[ "$target" != "$current" ] || fail "$ENV has $target already"
if [ "$target" != "$image" ]; then
  need cosign 'https://docs.sigstore.dev/cosign/system_config/installation/'
  cosign copy "$image" "${target%@*}:promoted-${image##*:}"
fi

branch=promote/$ENV/${image##*:}
base=$(git branch --show-current)
git switch --quiet --create "$branch"
set_values "$ENV" "image=$target" gateway.image=null gateway.idle=null
synth
git add charts/values k8s
git commit --quiet --message "Promote ${image##*@} to $ENV" --message "Was: $current" --trailer "Promotes: $ENV"
git show --stat --format='%h %s' HEAD
if [ -z "${DRY_RUN:-}" ]; then
  pull_request "promotion:$ENV" --base "${base:-main}" --head "$branch"
fi
git switch --quiet "${base:--}"
