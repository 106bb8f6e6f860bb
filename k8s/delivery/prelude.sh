# shellcheck shell=bash
# Sourced by every script here: they run from the top of the repository and tell what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "✗ $1"
  [ -z "${2:-}" ] || say "  → $2"
  exit 1
}
need() { command -v "$1" > /dev/null || fail "$1 is not installed" "$2"; }
given() { [ -n "${!1:-}" ] || fail "$1 is not given" "$2"; }

# A promotion, a signature and a roll back speak of one image for ever: its digest, not a tag.
digested() { [[ $1 =~ @sha256:[0-9a-f]{64}$ ]] || fail "$1 has no digest" 'give <repository>@sha256:…'; }

# What runs in an environment, as git says it.
image_of() { sed -n 's/^image: *//p' "charts/values/$1.yaml"; }
# What the gateways of values were given for themselves, or null.
gateway_image_of() { node -p 'require("yaml").parse(process.argv[1]).gateway?.image ?? null' "$1"; }
synth() { npm run --silent synth -w @bourse/charts -- "$@"; }
set_values() { node --conditions=@bourse/source --import tsx charts/src/delivery/set-values.ts "$@"; }

# Pushes the current branch and proposes it, under a label that need not be there: pull_request LABEL [what else gh takes]
pull_request() {
  local label=$1
  shift
  need gh 'https://cli.github.com'
  git push --quiet --set-upstream origin HEAD
  gh label create "$label" --color ededed --force
  gh pr create --fill --label "$label" "$@"
}
