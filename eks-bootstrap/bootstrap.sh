#!/usr/bin/env bash
# Usage: npm run bootstrap -- dev|staging|production|organization
# Prepares both regions of the account once, then deploys every stack of the stage, in order.
set -euo pipefail
cd "$(dirname "$0")"

stage=${1:?name a stage: dev, staging, production or organization}
account=$(aws sts get-caller-identity --query Account --output text)
export JSII_DEPRECATED=quiet

npx cdk synth --quiet
expected=$(node -e '
  const { artifacts } = require(`./cdk.out/assembly-${process.argv[1]}/manifest.json`)
  const stacks = Object.values(artifacts).filter(({ type }) => type === "aws:cloudformation:stack")
  console.log([...new Set(stacks.map(({ environment }) => environment.split("/")[2]))].join(" "))
' "$stage")
if [[ $stage != organization && $expected != "$account" ]]; then
  echo "credentials are for account $account, and $stage is configured for $expected" >&2
  exit 1
fi

npx cdk bootstrap --app cdk.out "aws://$account/us-east-1" "aws://$account/us-west-2"
npx cdk deploy --app cdk.out --require-approval broadening --concurrency 3 "$stage/**"
