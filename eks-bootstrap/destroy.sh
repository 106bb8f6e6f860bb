#!/usr/bin/env bash
# Usage: npm run destroy -- dev|staging
# Deletes every stack of the stage. Production refuses: its stores and locks are meant to outlive a command.
set -euo pipefail
cd "$(dirname "$0")"

stage=${1:?name a stage: dev or staging}
if [[ $stage == production || $stage == organization ]]; then
  echo "$stage is protected: see README, \"Destroying\"" >&2
  exit 1
fi
export JSII_DEPRECATED=quiet

npx cdk synth --quiet
npx cdk destroy --app cdk.out "$stage/**"
