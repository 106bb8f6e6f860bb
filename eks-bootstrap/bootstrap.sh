#!/usr/bin/env bash
# Usage: npm run bootstrap -- dev|staging|production|organization [stack]
# Prepares both regions of the account once, then deploys, in order, every stack of the stage that belongs to the account
# of your credentials, or the one stack named. An environment is one account; the organization's stacks are in two.
set -euo pipefail
cd "$(dirname "$0")"

stage=${1:?name a stage: dev, staging, production or organization}
account=$(aws sts get-caller-identity --query Account --output text)
export JSII_DEPRECATED=quiet

npx cdk synth --quiet
stacks=$(node -e '
  const [stage, account, only] = process.argv.slice(1)
  const { artifacts } = require(`./cdk.out/assembly-${stage}/manifest.json`)
  const stacks = Object.values(artifacts).filter(({ type }) => type === "aws:cloudformation:stack")
  const accountOf = ({ environment }) => environment.split("/")[2]
  const ours = stacks.filter((stack) => accountOf(stack) === account)
  if (ours.length === 0) {
    const configured = [...new Set(stacks.map(accountOf))].join(" or ")
    console.error(`credentials are for account ${account}, and ${stage} is configured for ${configured}`)
    process.exit(1)
  }
  const names = ours.map(({ displayName }) => displayName)
  console.log(names.filter((name) => !only || name === `${stage}/${only}`).join(" "))
' "$stage" "$account" "${2:-}")

npx cdk bootstrap --app cdk.out "aws://$account/us-east-1" "aws://$account/us-west-2"
# shellcheck disable=SC2086 # One word a stack.
npx cdk deploy --app cdk.out --require-approval broadening --concurrency 3 --exclusively $stacks
