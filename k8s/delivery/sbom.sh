#!/usr/bin/env bash
# Writes what is in the image as CycloneDX: npm's packages from the lock file, Debian's and Node.js from the image.
# IMAGE=bourse:dev, SBOM=dist/bourse.cdx.json
. "$(dirname "$0")/prelude.sh"
need docker 'https://docs.docker.com/engine/install/'
need jq 'https://jqlang.org/download/'

image=${IMAGE:-bourse:dev}
sbom=${SBOM:-dist/bourse.cdx.json}
mkdir -p "$(dirname "$sbom")"
services=()
for service in analytics archive gateway market-data matching-engine operator risk-engine settlement; do
  services+=(--workspace "@bourse/$service")
done
npm_packages() { npx --no-install cyclonedx-npm --package-lock-only --omit dev "${services[@]}" --flatten-components --output-reproducible; }
debian_packages() {
  # shellcheck disable=SC2016 # dpkg-query fills these in.
  docker run --rm --network none --entrypoint dpkg-query "$image" -W -f '${Package}\t${Version}\t${Architecture}\n'
}
node_version() { docker run --rm --network none --entrypoint node "$image" -p process.versions.node; }

npm_packages | jq --arg node "$(node_version)" --arg debian "$(debian_packages)" '
  def debian: [$debian | split("\n")[] | split("\t") | "pkg:deb/debian/\(.[0])@\(.[1] | @uri)?arch=\(.[2])&distro=debian-12" as $purl
    | { type: "library", "bom-ref": $purl, name: .[0], version: .[1], purl: $purl }];
  def node: { type: "platform", "bom-ref": "node@\($node)", name: "node", version: $node,
    cpe: "cpe:2.3:a:nodejs:node.js:\($node):*:*:*:lts:*:*:*", purl: "pkg:generic/node@\($node)" };
  .components += debian + [node]' > "$sbom"
say "$sbom: $(jq '.components | length' "$sbom") components"
