#!/usr/bin/env bash
# Pushes the image, tagged with its commit, and prints where it is: <repository>@sha256:… IMAGE=bourse:dev
. "$(dirname "$0")/prelude.sh"
given REPOSITORY 'for example 555555555555.dkr.ecr.us-east-1.amazonaws.com/bourse'
image=${IMAGE:-bourse:dev}
tag=$(docker image inspect "$image" --format '{{index .Config.Labels "org.opencontainers.image.revision"}}')
docker tag "$image" "$REPOSITORY:$tag"
docker push --quiet "$REPOSITORY:$tag" >&2
docker image inspect "$REPOSITORY:$tag" --format '{{range .RepoDigests}}{{println .}}{{end}}' | grep -m 1 "^$REPOSITORY@"
