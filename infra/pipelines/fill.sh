#!/usr/bin/env bash
# fill.sh MANIFESTS OUTPUTS: fills each ${NAME} of the rendered manifests and prints the result.
# A value comes from OUTPUTS (`terraform output -json`; the output's name in lower case), else from
# the environment. envsubst alone would put nothing where a value is missing: that is refused here.
set -euo pipefail

# grep ends with 1 where nothing matches, and with more where it cannot read.
names=$({ grep -o '\${[A-Z][A-Z0-9_]*}' "$1" || [ $? -eq 1 ]; } | tr -d '${}' | sort -u)
list=''
missing=''
for name in $names; do
  value=$(jq -r --arg name "${name,,}" '.[$name].value // empty' "$2")
  value=${value:-${!name:-}}
  if [ -z "$value" ]; then
    missing="$missing $name"
  fi
  export "$name=$value"
  list="$list \${$name}"
done
if [ -n "$missing" ]; then
  echo "fill.sh: expected a value for each placeholder of $1, got none for:$missing." \
    "Next step: a Terraform output of that name in lower case, or an environment variable" >&2
  exit 64
fi
# The list, also an empty one, keeps envsubst from replacing what only looks like a placeholder.
envsubst "$list" <"$1"
