#!/usr/bin/env bash
# Looks for known vulnerabilities in the image; a critical one fails. Needs grype or trivy, and the database that they
# fetch: a closed network brings its own (GRYPE_DB_CACHE_DIR, TRIVY_CACHE_DIR). IMAGE=bourse:dev
. "$(dirname "$0")/prelude.sh"
image=${IMAGE:-bourse:dev}
if command -v grype > /dev/null; then
  grype "$image" --fail-on critical
elif command -v trivy > /dev/null; then
  trivy image --severity CRITICAL --exit-code 1 "$image"
else
  fail 'neither grype nor trivy is installed, so nothing was scanned' 'https://github.com/anchore/grype#installation'
fi
