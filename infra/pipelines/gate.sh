#!/usr/bin/env bash
# Rehearses everything on the full lane and leaves results/<run>; prints run=<run>.
# Needs a container engine and no AWS credentials: the harness refuses to start beside real ones.
set -euo pipefail

code=0
python -m harness emulate --full --down "$@" >&2 || code=$?
# 0, 1 and 2 are verdicts, on which the attestation decides with the waivers. All else is a failure.
if [ "$code" -gt 2 ]; then
  echo "gate.sh: the rehearsal did not end with a verdict (exit code $code)" >&2
  exit "$code"
fi
echo "run=$(basename "$(readlink -f results/latest)")"
