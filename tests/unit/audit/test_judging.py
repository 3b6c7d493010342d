"""One verdict out of all rules, and what is written of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.judging import Audit, State, judge
from harness.audit.resource import Domain, Place
from harness.audit.rule import FINE, Defect, Mark, Rule, Severity, Undecided, rule
from harness.model.verdict import Verdict
from harness.report.audit_document import as_json, as_sarif
from harness.report.audit_tables import as_text
from tests.unit.audit.inputs import TODAY

_DEFECT = Defect(Place("dir/a.tf", 3), "thing", "one", "two", "mend it")
_OPEN = Undecided(Place("dir/a.tf", 4), "thing", "not known")


def _rule(*marks: Mark, severity: Severity = Severity.ERROR, required: bool = False) -> Rule:
    @rule(
        "test-rule",
        promises=("NFR-AVAIL-01",),
        why="because of the test",
        source="this test",
        needs=(Domain.TERRAFORM,),
        severity=severity,
        required=required,
    )
    def found(inventory: Inventory) -> Iterator[Mark]:
        """Yield what the test says."""
        yield from marks

    return found


def _audit(*rules: Rule) -> Audit:
    return judge(Inventory(given=frozenset({Domain.TERRAFORM})), TODAY, rules)


@pytest.mark.parametrize(
    ("rules", "verdict", "state"),
    [
        ((_rule(FINE),), Verdict.SUPPORTED, State.HELD),
        ((_rule(FINE, _DEFECT),), Verdict.REFUTED, State.BROKEN),
        ((_rule(_DEFECT, severity=Severity.WARNING),), Verdict.REFUTED, State.BROKEN),
        ((_rule(_DEFECT, severity=Severity.NOTE), _rule(FINE)), Verdict.SUPPORTED, State.BROKEN),
        ((_rule(), _rule(FINE)), Verdict.SUPPORTED, State.NOTHING),
        ((_rule(required=True), _rule(FINE)), Verdict.INCONCLUSIVE, State.NOTHING),
        ((_rule(_OPEN), _rule(FINE)), Verdict.SUPPORTED, State.UNDECIDED),
        ((_rule(_OPEN, required=True), _rule(FINE)), Verdict.INCONCLUSIVE, State.UNDECIDED),
        ((_rule(_OPEN, required=True), _rule(_DEFECT)), Verdict.REFUTED, State.UNDECIDED),
        ((_rule(),), Verdict.INCONCLUSIVE, State.NOTHING),
    ],
)
def test_verdicts(rules: tuple[Rule, ...], verdict: Verdict, state: State) -> None:
    """Findings refute; required rules that could not judge are inconclusive, never a pass."""
    audit = _audit(*rules)

    assert (audit.verdict, audit.results[0].state) == (verdict, state)


def test_a_rule_that_raises_is_no_pass(caplog: pytest.LogCaptureFixture) -> None:
    """A defect of a rule leaves the others' findings, and is inconclusive by itself."""
    broken = replace(_rule(FINE), judge=lambda inventory: iter([1 // 0]))

    audit = _audit(broken, _rule(FINE))
    assert audit.results[0].state is State.FAILED
    assert audit.verdict is Verdict.INCONCLUSIVE
    assert "ZeroDivisionError" in audit.results[0].undecided[0].why
    assert _audit(broken, _rule(_DEFECT)).verdict is Verdict.REFUTED
    assert "test-rule failed" in caplog.text


def test_rules_without_their_input_are_not_judged() -> None:
    """A rule whose input was not given says so, and holds nothing."""
    audit = judge(Inventory(given=frozenset({Domain.PIPELINE})), TODAY, (_rule(_DEFECT),))

    assert audit.results[0].state is State.NO_INPUT
    assert audit.verdict is Verdict.INCONCLUSIVE


def test_json_has_findings_states_and_what_was_not_judged() -> None:
    """Machines get the finding in parts, and every rule's state."""
    data = as_json(_audit(_rule(_DEFECT, _OPEN)))

    assert data["verdict"] == "refuted"
    assert data["findings"][0]["line"] == 3
    assert data["findings"][0]["next_step"] == "mend it"
    assert data["rules"][0]["state"] == "broken"
    assert data["undecided"][0]["why"] == "not known"


def _required(value: dict[str, Any], *names: str) -> None:
    assert set(names) <= set(value), (names, value.keys())


def test_sarif_has_the_required_shape(tmp_path: Path) -> None:
    """SARIF 2.1.0: version, runs, driver, rules, results with message and physical location."""
    log = as_sarif(_audit(_rule(_DEFECT, _OPEN)), Path.cwd())

    _required(log, "version", "runs", "$schema")
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    _required(run, "tool", "results")
    driver = run["tool"]["driver"]
    _required(driver, "name", "rules")
    for entry in driver["rules"]:
        _required(entry, "id", "shortDescription", "help", "defaultConfiguration")
        assert entry["shortDescription"]["text"]
        assert entry["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    kinds = []
    for found in run["results"]:
        _required(found, "ruleId", "ruleIndex", "kind", "level", "message", "locations")
        assert driver["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
        assert found["message"]["text"]
        # The standard: level is none for every kind but fail.
        assert (found["level"] == "none") is (found["kind"] != "fail")
        physical = found["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "dir/a.tf"
        assert physical["region"]["startLine"] >= 1
        kinds.append(found["kind"])
    assert kinds == ["fail", "open"]


def test_text_names_rule_place_and_what_is_no_pass() -> None:
    """People see the finding, what was undecided, and the verdict last."""
    text = as_text(_audit(_rule(_DEFECT, _OPEN)))

    for words in ("test-rule", "dir/a.tf:3", "expected one", "got two", "mend it", "undecided"):
        assert words in text
    assert text.strip().splitlines()[-1].startswith("refuted: ")


@pytest.mark.parametrize(
    ("name", "cores", "gib"),
    [
        ("t3.xlarge", 4, 16),
        ("db.r6i.2xlarge", 8, 64),
        ("cache.r6g.large", 2, 16),
        ("t3.micro", 2, 1),
    ],
)
def test_machines(name: str, cores: int, gib: int) -> None:
    """Instance classes have the cores and memory of AWS's tables."""
    machine = facts.machine(name)

    assert machine is not None
    assert (machine.cores, machine.memory_bytes) == (cores, gib * facts.GIB)


def test_allocatable_of_a_node() -> None:
    """What pods can ask of a t3.xlarge: 3920m, and 16 GiB without 255 + 11 x 58 + 100 MiB."""
    machine = facts.machine("t3.xlarge")
    assert machine is not None
    cores, memory = facts.allocatable(machine)

    assert cores == pytest.approx(3.92)
    assert memory == (16 * 1024 - 993) * facts.MIB
    assert facts.machine("x9.unknown") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("2", 2), ("1Gi", 1024**3), ("1.5G", 1.5e9), ("many", None), (None, None)],
)
def test_quantities(text: object, value: float | None) -> None:
    """Kubernetes quantities with binary and decimal units."""
    assert facts.quantity(text) == value


# ---- the command ------------------------------------------------------------------------------


def _main(*arguments: str) -> int:
    try:
        return cli.main(["audit", *arguments])
    except SystemExit as error:
        return int(error.code or 0)


def _folder(folder: Path, text: str) -> str:
    folder.mkdir()
    (folder / "main.tf").write_text(text, encoding="utf-8")
    return str(folder)


def test_command_refutes_and_writes_sarif(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding exits with 1; JSON goes to standard output, SARIF to its file."""
    where = _folder(tmp_path / "tf", 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n}\n')
    sarif = tmp_path / "out.sarif"

    assert _main("--terraform", where, "--json", "--sarif", str(sarif)) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "refuted"
    assert data["inputs"] == ["terraform"]
    results = json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (tmp_path / "tf" / "main.tf").as_uri()


def test_command_is_inconclusive_with_nothing_to_judge(tmp_path: Path) -> None:
    """An input in which nothing that is promised exists exits with 2."""
    assert _main("--terraform", _folder(tmp_path / "tf", 'variable "a" {}\n')) == 2


@pytest.mark.parametrize("option", ["--terraform", "--kubernetes", "--monitoring", "--pipeline"])
def test_command_refuses_inputs_that_are_not_there(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing folder exits with 64 and says what was expected, without a traceback."""
    assert _main(option, str(tmp_path / "absent")) == 64
    errors = capsys.readouterr().err
    assert "expected" in errors
    assert "Traceback" not in errors


def test_command_names_all_problems_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Problems of several inputs come in one answer."""
    where = _folder(tmp_path / "tf", "resource {\n")
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "a.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")

    assert _main("--terraform", where, "--kubernetes", str(tmp_path / "k"), "--json") == 64
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert len(problems) == 2


def test_command_refuses_an_unwritable_sarif_file(tmp_path: Path) -> None:
    """A SARIF file in a folder that is not there exits with 64."""
    where = _folder(tmp_path / "tf", 'variable "a" {}\n')

    assert _main("--terraform", where, "--sarif", str(tmp_path / "no" / "out.sarif")) == 64


def test_command_refuses_when_there_is_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without options and without the project's own folders there is nothing to audit: 64."""
    monkeypatch.setattr("harness.audit_lane.INFRA", tmp_path)

    assert _main() == 64


def test_support_ends_with_the_day() -> None:
    """The same version is supported on one day and not on a later one."""
    end = facts.EKS_SUPPORT["1.34"].standard

    assert end >= TODAY
    assert end < date(2026, 12, 3)
