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
synth() { npm run --silent synth -w @bourse/charts -- "$@"; }
set_values() { node --conditions=@bourse/source --import tsx charts/src/delivery/set-values.ts "$@"; }
