"""Monitoring configuration and pipelines are read by their shape; expressions are parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.audit import monitoring, pipeline
from harness.audit.judging import State, judge
from harness.audit.promql import selections
from harness.audit.resource import Domain
from harness.audit.rules import RULES
from harness.audit.rules.disruption import allowed
from harness.audit.rules.names import covers
from harness.audit.rules.shell import options_of
from harness.audit.rules.terraform_house import admits
from harness.audit.sources import Sources, load
from tests.unit.audit.inputs import TODAY, Files, inventory


def _read(folder: Path, text: str) -> tuple[object, list[str]]:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    problems: list[str] = []
    return monitoring.load(folder, problems), problems


def test_each_shape_is_recognised(tmp_path: Path) -> None:
    """Rule objects, rule files, Alertmanager and Prometheus configurations, Helm values."""
    text = """
    apiVersion: monitoring.coreos.com/v1
    kind: PrometheusRule
    metadata: {name: a, namespace: m}
    spec: {groups: [{name: g, rules: [{alert: A, expr: up}]}]}
    ---
    groups:
      - name: g
        rules:
          - record: job:up
            expr: |
              sum(up)
    ---
    route: {receiver: x}
    receivers: [{name: x}]
    ---
    scrape_configs: [{job_name: j}]
    ---
    prometheus: {prometheusSpec: {additionalScrapeConfigs: [{job_name: k}]}}
    alertmanager: {config: {route: {receiver: y}}}
    additionalPrometheusRulesMap: {more: {groups: [{name: h, rules: [{alert: B, expr: up}]}]}}
    """
    found = inventory(tmp_path, Files(monitoring=text))

    assert [rule.name for rule in found.alerts] == ["A", "job:up", "B"]
    assert found.alerts[1].recording
    assert found.alerts[1].expression_line == 11
    assert [job.name for job in found.jobs] == ["j", "k"]
    assert [m.values["route"]["receiver"] for m in found.alertmanagers] == ["x", "y"]
    assert len(found.releases) == 1


def test_rules_among_manifests_are_monitoring_too(tmp_path: Path) -> None:
    """A PrometheusRule in the folder of manifests is judged as an alert."""
    text = (
        "{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: a}, "
        "spec: {groups: [{name: g, rules: [{alert: A, expr: up}]}]}}\n"
    )
    found = inventory(tmp_path, Files(kubernetes=text))

    assert Domain.MONITORING in found.given
    assert len(found.alerts) == 1


@pytest.mark.parametrize("text", ["- a\n", "# nothing\n"])
def test_what_is_no_configuration_is_a_problem(tmp_path: Path, text: str) -> None:
    """A list, or nothing at all, is refused."""
    assert len(_read(tmp_path, text)[1]) == 1


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up == 0", [("up", False)]),
        ("sum(rate(a_total[5m])) by (pod) / b > 1", [("a_total", True), ("b", False)]),
        ("absent(a) or vector(1)", [("a", False)]),
        ("max_over_time(sum(a)[1h:1m])", [("a", True)]),
        ('{__name__="a"}', [("a", False)]),
        ("-(a offset 5m)", [("a", False)]),
        ("histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))", [("a_bucket", True)]),
        ("topk(3, a)", [("a", True)]),
    ],
)
def test_selectors_of_expressions(expression: str, expected: list[tuple[str, bool]]) -> None:
    """Every selector is found, with whether an aggregation is around it."""
    assert [(s.name, s.aggregated) for s in selections(expression)] == expected


def test_workflows_give_scripts_with_lines(tmp_path: Path) -> None:
    """Steps are scripts at their own line, with the environment and options they run under."""
    text = """
    env: {A: "1"}
    jobs:
      one:
        env: {B: "1"}
        steps:
          - name: first
            run: |
              echo "$A"
              echo "$B"
          - run: echo
            shell: bash
    """
    found = inventory(tmp_path, Files(workflow=text))

    first, second = found.scripts
    assert first.lines[1][0].line == 10
    assert first.given == {"A", "B"}
    assert options_of(first) == {"e"}
    assert options_of(second) == {"e", "o"}


def test_pipelines_without_anything_are_a_problem(tmp_path: Path) -> None:
    """A folder without workflow or script is refused."""
    problems: list[str] = []
    pipeline.load(tmp_path, problems)
    pipeline.load(tmp_path / "absent", problems)

    assert len(problems) == 2


def test_a_script_may_rely_on_the_cluster_of_its_caller(tmp_path: Path) -> None:
    """A script is asked about by itself, unless every step that calls it names the cluster."""
    rule = next(r for r in RULES if r.id == "script-cluster-named")
    (tmp_path / "deploy.sh").write_text("kubectl apply -f a\n", encoding="utf-8")
    alone = judge(load(Sources(pipeline=(tmp_path,)), None), TODAY, [rule])
    step = "{jobs: {a: {steps: [{run: ./deploy.sh, env: {KUBECONFIG: a}}]}}}\n"
    (tmp_path / "flow.yaml").write_text(step, encoding="utf-8")
    called = judge(load(Sources(pipeline=(tmp_path,)), None), TODAY, [rule])

    assert alone.results[0].state is State.BROKEN
    assert called.results[0].state is State.HELD


def test_a_single_script_is_an_input(tmp_path: Path) -> None:
    """A file may be named instead of a folder."""
    path = tmp_path / "a.sh"
    path.write_text("echo\n", encoding="utf-8")

    assert len(load(Sources(pipeline=(path,)), None).scripts) == 1


@pytest.mark.parametrize(
    ("constraint", "major", "expected"),
    [
        ("~> 5.30", 6, False),
        ("~> 6.0", 6, True),
        (">= 5.0", 6, True),
        (">= 5.0, < 6.0", 6, False),
        ("5.1.0", 6, False),
        (">= 7.0", 6, False),
        ("<= 6.9", 6, True),
    ],
)
def test_version_constraints(constraint: str, major: int, expected: bool) -> None:
    """A constraint admits a major version, or shuts it out."""
    assert admits(constraint, major) is expected


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("example.org", "example.org", True),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.b.example.org", False),
    ],
)
def test_certificate_names(pattern: str, host: str, expected: bool) -> None:
    """A star stands for one label."""
    assert covers(pattern, host) is expected


@pytest.mark.parametrize(
    ("spec", "replicas", "expected"),
    [
        ("minAvailable: 3", 5, 2),
        ("minAvailable: 3", 3, 0),
        ("minAvailable: 90%", 10, 1),
        ("minAvailable: 100%", 10, 0),
        ("maxUnavailable: 1", 3, 1),
        ("maxUnavailable: 10%", 5, 1),
    ],
)
def test_budgets(tmp_path: Path, spec: str, replicas: int, expected: int) -> None:
    """Percentages are rounded up, as the disruption controller does."""
    head = "apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}"
    text = f"{{{head}, spec: {{{spec}}}}}"
    budget = inventory(tmp_path, Files(kubernetes=text)).objects[0]

    assert allowed(budget, replicas) == expected
