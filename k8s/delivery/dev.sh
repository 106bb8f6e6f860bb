#!/usr/bin/env bash
# The inner loop: renders the environment of the current context for it, deploys, and copies changed sources into the
# running pods. As in skaffold.yaml a context `minikube` gets `minimal`, which needs no KEDA; ENV=minimal asks for it elsewhere.
. "$(dirname "$0")/prelude.sh"
need skaffold 'https://skaffold.dev/docs/install/'
need kubectl 'https://kubernetes.io/docs/tasks/tools/'
[ "$(kubectl config current-context)" != minikube ] || bare=minimal
synth --environment "${ENV:-${bare:-local}}" --set development=true --output "$PWD/dist/development"
exec skaffold dev -p development "$@"
