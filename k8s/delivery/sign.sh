#!/usr/bin/env bash
# Signs an image and what is in it. IMAGE=<repository>@sha256:…, COSIGN_KEY=cosign.key|awskms:///alias/bourse-signing
# (`cosign generate-key-pair` makes a key), SBOM=dist/bourse.cdx.json. Nothing goes to a public transparency log:
# who trusts the key needs none, and what an exchange deploys is its own affair.
. "$(dirname "$0")/prelude.sh"
need cosign 'https://docs.sigstore.dev/cosign/system_config/installation/'
given IMAGE '<repository>@sha256:…'
given COSIGN_KEY 'a file, or a key in a KMS: awskms:///alias/bourse-signing'
digested "$IMAGE"
sbom=${SBOM:-dist/bourse.cdx.json}
[ -f "$sbom" ] || fail "$sbom is not there" 'make sbom'
cosign sign --yes --tlog-upload=false --key "$COSIGN_KEY" "$IMAGE"
cosign attest --yes --tlog-upload=false --key "$COSIGN_KEY" --type cyclonedx --predicate "$sbom" "$IMAGE"
