#!/usr/bin/env bash
# Builds the image of all services, for the architecture of this machine; the estate's nodes are arm64.
# IMAGE=bourse:dev, TARGET=runtime|development, BASE=node:20-bookworm-slim, PIN=1 to build from the base image's digest.
# The same commit gives the same layers wherever the builder can rewrite timestamps, as all do but the one inside the
# Docker engine, and as long as Debian serves the same packages.
. "$(dirname "$0")/prelude.sh"
need docker 'https://docs.docker.com/engine/install/'

image=${IMAGE:-bourse:dev}
base=${BASE:-node:20-bookworm-slim}
[ -z "${PIN:-}" ] || base=$base@$(docker buildx imagetools inspect "$base" --format '{{.Manifest.Digest}}')

revision=$(git rev-parse HEAD)
[ -z "$(git status --porcelain -- package.json package-lock.json tsconfig.json services)" ] || revision=$revision-changed
# The packages' layer stays the same until the lock file changes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct -- package-lock.json)
export SOURCE_DATE_EPOCH

arguments=(
  --file services/Dockerfile --target "${TARGET:-runtime}" --tag "$image"
  --build-arg "NODE_IMAGE=$base" --build-arg "REVISION=$revision"
  --build-arg "CREATED=$(git log -1 --format=%cI)" --build-arg "VERSION=$(node -p 'require("./package.json").version')"
)
[ -z "${NO_CACHE:-}" ] || arguments+=(--no-cache)
case $(docker buildx inspect 2> /dev/null | sed -n 's/^Driver: *//p') in
  '') docker build "${arguments[@]}" . ;;
  docker) docker buildx build --load "${arguments[@]}" . ;;
  *) docker buildx build --provenance=false --output type=docker,rewrite-timestamp=true "${arguments[@]}" . ;;
esac
docker image inspect "$image" --format '{{.Size}}' | awk -v image="$image" '{ printf "%s: %.0f MB\n", image, $1 / 1e6 }'
