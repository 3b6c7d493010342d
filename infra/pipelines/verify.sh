#!/usr/bin/env bash
# verify.sh ATTESTATION PLAN MANIFESTS COMMIT: may exactly these be applied?
# The public key is in ATTESTATION_PUBLIC_KEY. A run older than ATTESTATION_MAX_AGE (24h) is refused.
set -euo pipefail

: "${ATTESTATION_PUBLIC_KEY:?verify.sh: expected the public key in this variable, got nothing}"
public=$(mktemp)
trap 'rm -f "$public"' EXIT
printf '%s\n' "$ATTESTATION_PUBLIC_KEY" >"$public"
python -m harness verify --attestation "$1" --plan "$2" --manifests "$3" --commit "$4" \
  --key "$public" --lane full --max-age "${ATTESTATION_MAX_AGE:-24h}"
