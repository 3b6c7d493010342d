"""Every rule fails on its failing example and holds on its passing one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from harness.audit import kinds
from harness.audit.judging import State
from harness.audit.rules import RULES
from tests.unit.audit import cases_cloud, cases_cluster, cases_monitoring, cases_stores
from tests.unit.audit.inputs import Case, result

CASES: tuple[Case, ...] = (
    *cases_cloud.CASES,
    *cases_stores.CASES,
    *cases_cluster.CASES,
    *cases_monitoring.CASES,
)
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule_finds_its_failing_example(tmp_path: Path, case: Case) -> None:
    """The failing example breaks the rule, at a line of the example."""
    found = result(tmp_path, case.rule, case.fails)

    assert found.state is State.BROKEN, (found.state, found.undecided)
    for defect in found.defects:
        lines = Path(defect.place.file).read_text(encoding="utf-8").count("\n")
        assert 1 <= defect.place.line <= lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule_holds_on_its_passing_example(tmp_path: Path, case: Case) -> None:
    """The passing example is judged and keeps the rule."""
    found = result(tmp_path, case.rule, case.passes)

    assert found.state is State.HELD, (found.state, found.defects, found.undecided)


def test_every_rule_has_an_example() -> None:
    """A rule without a failing and a passing example is not proven to work."""
    counts = Counter(case.rule for case in CASES)

    assert sorted(rule.id for rule in RULES if counts[rule.id] == 0) == []


def test_rules_are_well_formed() -> None:
    """Ids are unique and in kebab case; why and source are said; promises exist."""
    ids = [rule.id for rule in RULES]
    claims = re.findall(
        r"- id: (\S+)", (ROOT / "experiments" / "claims.yaml").read_text(encoding="utf-8")
    )
    free = re.compile(r"^(NFR-|section |objective |R-141|all$)")
    assert len(ids) == len(set(ids))
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id), rule.id
        assert len(rule.why) > 20, rule.id
        assert rule.source, rule.id
        assert rule.promises, rule.id
        for promise in rule.promises:
            prefix = promise.rstrip("*")
            known = any(c.startswith(prefix) if "*" in promise else c == promise for c in claims)
            assert known or free.match(promise), f"{rule.id}: {promise}"


def test_types_that_rules_read_are_listed_as_read() -> None:
    """A Terraform type that a rule names is not reported as one that no rule reads."""
    named = set()
    for path in (ROOT / "harness" / "audit" / "rules").glob("*.py"):
        named |= set(re.findall(r'"((?:aws|kubernetes|helm)_[a-z0-9_]+)"', path.read_text()))
    # Words of other meaning that look like types.
    named -= {"aws_auth_roles", "kubernetes_groups", "kubernetes_sd_configs"}

    assert sorted(named - kinds.READ - kinds.PLAIN) == []
