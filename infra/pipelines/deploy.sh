#!/usr/bin/env bash
# deploy.sh MANIFESTS: applies filled manifests, waits for every Deployment, and rolls all of them
# back when one does not become available. KUBECONFIG names the cluster.
set -euo pipefail

limit=${ROLLOUT_LIMIT:-10m}
# The API server checks every object before the first one is changed. Conflicts are not forced: a
# replica count in the manifests would take back what the autoscaler decided under load.
if ! kubectl apply --server-side --dry-run=server -f "$1"; then
  echo "deploy.sh: refused by the API server before anything was changed. Next step: mend $1; on a" \
    "conflict over .spec.replicas, leave that field out where an autoscaler owns it" >&2
  exit 1
fi
kubectl apply --server-side -f "$1"
deployments=$(kubectl get -f "$1" -o name | grep '^deployment.apps/' || true)
if [ -z "$deployments" ]; then
  echo "deploy.sh: expected Deployments in $1, got none" >&2
  exit 64
fi
names='{range .items[?(@.kind=="Deployment")]}{.metadata.namespace}{"\n"}{end}'
namespace=$(kubectl get -f "$1" -o "jsonpath=$names" | sort -u)
failed=''
for each in $deployments; do
  kubectl -n "$namespace" rollout status "$each" --timeout "$limit" || failed="$failed $each"
done
if [ -z "$failed" ]; then
  exit 0
fi
echo "deploy.sh: not available within $limit:$failed; rolling back" >&2
for each in $deployments; do
  kubectl -n "$namespace" rollout undo "$each" ||
    echo "deploy.sh: $each could not be rolled back; a first rollout has nothing before it" >&2
done
for each in $deployments; do
  kubectl -n "$namespace" rollout status "$each" --timeout "$limit" || true
done
exit 1
