#!/usr/bin/env bash
# attest.sh RUN_FOLDER PLAN: decides on a run, and signs the decision with the key in
# ATTESTATION_KEY (the content of the file that `python -m harness key` made).
# Exits with 0 admitted, 1 or 2 refused; the attestation is written in all three cases.
set -euo pipefail

: "${ATTESTATION_KEY:?attest.sh: expected the private key in this variable, got nothing}"
private=$(mktemp)
trap 'rm -f "$private"' EXIT
chmod 600 "$private"
printf '%s\n' "$ATTESTATION_KEY" >"$private"
python -m harness attest "$1" --plan "$2" --key "$private"
