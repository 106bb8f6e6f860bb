#!/usr/bin/env bash
# Refuses an image that our key has not signed, or whose contents it has not attested.
# IMAGE=<repository>@sha256:…, COSIGN_PUBLIC_KEY=cosign.pub|awskms:///alias/bourse-signing
. "$(dirname "$0")/prelude.sh"
need cosign 'https://docs.sigstore.dev/cosign/system_config/installation/'
given IMAGE '<repository>@sha256:…'
given COSIGN_PUBLIC_KEY 'a file, or a key in a KMS: awskms:///alias/bourse-signing'
digested "$IMAGE"
cosign verify --insecure-ignore-tlog=true --key "$COSIGN_PUBLIC_KEY" "$IMAGE" > /dev/null
cosign verify-attestation --insecure-ignore-tlog=true --key "$COSIGN_PUBLIC_KEY" --type cyclonedx "$IMAGE" > /dev/null
say "✓ $IMAGE is signed"
