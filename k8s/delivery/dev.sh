#!/usr/bin/env bash
# The inner loop: renders k8s/local for it, deploys, and copies changed sources into the running pods.
. "$(dirname "$0")/prelude.sh"
need skaffold 'https://skaffold.dev/docs/install/'
synth --environment local --set development=true --output "$PWD/dist/development"
exec skaffold dev -p development "$@"
