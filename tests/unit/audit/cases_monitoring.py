"""Examples for the rules on alerts, scraping, shell and workflows."""

from __future__ import annotations

from tests.unit.audit.inputs import Case, Files


def alert(expression: str) -> str:
    """Return a rule file with one alert."""
    return f"""
groups:
  - name: test
    rules:
      - alert: Test
        expr: '{expression}'
        for: 5m
---
prometheus: {{prometheusSpec: {{replicas: 2}}}}
"""


def manager(route: str, receiver: str = "", top: str = "") -> str:
    """Return an Alertmanager configuration with receivers ``quiet`` and ``loud``."""
    return f"""
global: {{{top}}}
route:
  {route}
receivers:
  - name: quiet
  - name: loud
    {receiver}
"""


def script(body: str) -> str:
    """Return a script that stops at the first error."""
    return f"#!/bin/bash\nset -euo pipefail\n{body}\n"


def workflow(steps: str, more: str = "") -> str:
    """Return a workflow with one job."""
    return f"""
on: push
{more}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
{steps}
"""


def _scripts(rule: str, bad: str, good: str) -> Case:
    return Case(rule, Files(script=script(bad)), Files(script=script(good)))


def _alerts(rule: str, bad: str, good: str) -> Case:
    return Case(rule, Files(monitoring=alert(bad)), Files(monitoring=alert(good)))


_RULES = """
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {{name: rules, namespace: monitoring, labels: {labels}}}
spec: {{groups: [{{name: a, rules: [{{alert: Up, expr: "up == 0"}}]}}]}}
"""
_STATIC = """
scrape_configs:
  - job_name: cache
    static_configs: [{targets: ["redis-exporter.monitoring:9121"]}]
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: monitoring}
"""
_PODS = """
scrape_configs:
  - job_name: web
    kubernetes_sd_configs: [{{role: pod}}]
    relabel_configs: [{relabel}]
"""
_BOARD = "grafana: {{dashboards: {{all: {{one: {{gnetId: {id}}}}}}}}}\n"
_KEEP = """
prometheus:
  prometheusSpec:
    retentionSize: {size}GB
    storageSpec: {{volumeClaimTemplate: {{spec: {{resources: {{requests: {{storage: 100Gi}}}}}}}}}}
"""
_PINNED = "      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567"
_APPLY = "      - run: kubectl apply -f ."
_KEY = "      - run: env\n        env: {KEY: '${{ secrets.AWS_SECRET_ACCESS_KEY }}'}"

CASES = (
    _alerts("alert-expression-valid", "sum(up", "sum(up) > 1"),
    Case(
        "alert-rules-selected",
        Files(monitoring=_RULES.format(labels="{}")),
        Files(monitoring=_RULES.format(labels="{release: monitoring}")),
    ),
    _alerts("alert-series-exist", "container_spec_cpu_quota > 1", "node_load1 > 1"),
    _alerts(
        "alert-sums-containers",
        "sum(container_memory_working_set_bytes) by (pod) > 1",
        'sum(container_memory_working_set_bytes{container!=""}) by (pod) > 1',
    ),
    _alerts(
        "alert-sums-parts", "pg_stat_activity_count > 400", "sum(pg_stat_activity_count) > 400"
    ),
    _alerts(
        "alert-ready-of-running",
        "kube_pod_status_ready == 0",
        "kube_pod_status_ready == 0 unless on (pod) kube_pod_status_phase == 1",
    ),
    Case(
        "alert-receiver-exists",
        Files(monitoring=manager("receiver: absent")),
        Files(monitoring=manager("receiver: quiet")),
    ),
    Case(
        "alert-default-quiet",
        Files(
            monitoring=manager(
                "receiver: loud\n  routes: [{matchers: [severity=critical], receiver: loud}]"
            )
        ),
        Files(
            monitoring=manager(
                "receiver: quiet\n  routes: [{matchers: [severity=critical], receiver: loud}]"
            )
        ),
    ),
    Case(
        "alert-matchers-current",
        Files(monitoring=manager("receiver: quiet\n  routes: [{match: {a: b}, receiver: loud}]")),
        Files(monitoring=manager("receiver: quiet\n  routes: [{matchers: [a=b], receiver: loud}]")),
    ),
    Case(
        "alert-pagerduty-one-api",
        Files(
            monitoring=manager(
                "receiver: quiet", "pagerduty_configs: [{service_key: a, severity: critical}]"
            )
        ),
        Files(
            monitoring=manager(
                "receiver: quiet", "pagerduty_configs: [{routing_key: a, severity: critical}]"
            )
        ),
    ),
    Case(
        "monitoring-placeholder-filled",
        Files(monitoring=manager("receiver: quiet", top="slack_api_url: '${SLACK}'")),
        Files(monitoring=manager("receiver: quiet", top="slack_api_url_file: /etc/slack")),
    ),
    Case(
        "scrape-target-exists",
        Files(monitoring=_STATIC.replace("NAME", "other")),
        Files(monitoring=_STATIC.replace("NAME", "redis-exporter")),
    ),
    Case(
        "scrape-port-declared",
        Files(monitoring=_PODS.format(relabel="{action: keep, regex: web}")),
        Files(monitoring=_PODS.format(relabel="{target_label: __address__}")),
    ),
    Case(
        "dashboard-has-component",
        Files(monitoring=_BOARD.format(id=9614)),
        Files(monitoring=_BOARD.format(id=6417)),
    ),
    Case(
        "monitoring-retention-fits",
        Files(monitoring=_KEEP.format(size=150)),
        Files(monitoring=_KEEP.format(size=50)),
    ),
    _scripts("script-variables-given", 'echo "$MISSING"', 'GIVEN=1\necho "$GIVEN ${OTHER:-}"'),
    _scripts(
        "script-bucket-found",
        'B=$(aws s3api head-bucket --bucket a 2>&1)\n[ -z "$B" ]',
        "if aws s3api head-bucket --bucket a >/dev/null; then echo there; fi",
    ),
    _scripts("script-cluster-named", "kubectl get nodes", "kubectl --context prod get nodes"),
    _scripts("script-counts-survive", "N=0\n((N++))", "N=0\nN=$((N + 1))"),
    _scripts(
        "script-grep-counts-once",
        "N=$(cat a | grep -c x || echo 0)",
        "N=$(cat a | grep -c x || true)",
    ),
    _scripts(
        "script-ready-is-ready",
        "kubectl --context a get nodes | grep -c Ready",
        "kubectl --context a get nodes | grep -cw Ready-and-well",
    ),
    _scripts(
        "script-running-is-not-ready",
        "kubectl get pods | grep -c Running",
        "kubectl wait --for=condition=Ready pod -l app=web",
    ),
    _scripts(
        "script-errors-shown",
        'S=$(aws rds describe-db-instances 2>/dev/null || echo "NOT_FOUND")',
        "S=$(aws rds describe-db-instances)",
    ),
    Case(
        "workflow-needs-exist",
        Files(workflow=workflow(_PINNED) + "    needs: absent\n"),
        Files(workflow=workflow(_PINNED) + "    needs: test\n  test:\n    steps: []\n"),
    ),
    Case(
        "workflow-actions-pinned",
        Files(workflow=workflow("      - uses: actions/checkout@v4")),
        Files(workflow=workflow(_PINNED)),
    ),
    Case(
        "workflow-keys-short-lived",
        Files(workflow=workflow(_KEY)),
        Files(workflow=workflow(_PINNED)),
    ),
    Case(
        "workflow-one-at-a-time",
        Files(workflow=workflow(_APPLY)),
        Files(workflow=workflow(_APPLY, "concurrency: production")),
    ),
)
