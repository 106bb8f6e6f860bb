#!/usr/bin/env bash
# Builds the image twice from nothing and compares its layers.
. "$(dirname "$0")/prelude.sh"
layers() { docker image inspect "$1" --format '{{range .RootFS.Layers}}{{println .}}{{end}}'; }

for build in one two; do NO_CACHE=1 IMAGE=bourse:build-$build k8s/delivery/image.sh; done
diff <(layers bourse:build-one) <(layers bourse:build-two) ||
  fail 'layers differ' 'docker buildx create --use: a builder of its own rewrites timestamps'
say '✓ both builds have the same layers'
