"""The document's own code is refused for every correction that can be seen in it; infra/ is not."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from harness.audit.judging import Audit, State, judge
from harness.audit.rules import RULES
from harness.audit.sources import Sources, defaults, load
from harness.model.verdict import Verdict
from harness.report.audit_document import message

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "fixtures" / "document"
# The versions and the table of their support are those of this day.
TODAY = date(2026, 11, 25)
_ROW = re.compile(r"^\| ([KTMVP]-\d+) \| (yes|no) \| (.*)$", re.MULTILINE)


def _rows(wanted: str) -> dict[str, str]:
    text = (ROOT / "infra" / "CORRECTIONS.md").read_text(encoding="utf-8")
    return {id: row for id, seen, row in _ROW.findall(text) if seen == wanted}


@pytest.fixture(scope="module")
def document() -> Audit:
    sources = Sources(
        (DOCUMENT / "infrastructure" / "production",),
        (DOCUMENT / "kubernetes" / "production",),
        (DOCUMENT / "kubernetes" / "monitoring",),
        (DOCUMENT / "scripts",),
    )
    return judge(load(sources, None), TODAY)


def test_rows_are_read() -> None:
    """The list of corrections has entries of every part, or this test proves nothing."""
    parts = {id[0] for id in _rows("yes")}

    assert parts >= {"K", "T", "M", "V"}


@pytest.mark.parametrize("id", sorted(_rows("yes")))
def test_document_has_a_finding_for_every_correction(document: Audit, id: str) -> None:
    """Each correction that is marked as seen statically is found, in a file of its row."""
    words = [(rule.id, rule.sees[id]) for rule in RULES if id in rule.sees]
    assert words, f"{id}: no rule says that it sees this correction. Remedy: name it, or mark it no"

    found = [
        defect
        for rule, defect in document.findings
        if id in rule.sees and rule.sees[id] in message(defect)
    ]
    assert found, f"{id}: no finding of {words}"
    row = _rows("yes")[id]
    named = {Path(d.place.file).name for d in found}
    named |= {re.split("[/ .]", d.subject)[-1] for d in found}
    said = re.search(r"[\w-]+\.(tf|yaml|sh)\b", row) is None or any(w in row for w in named)
    assert said, f"{id}: found in {named}, the row says {row}"


def test_rules_see_only_corrections_that_are_there() -> None:
    """No rule claims to see an entry that the list does not have."""
    known = {**_rows("yes"), **_rows("no")}

    assert sorted(id for rule in RULES for id in rule.sees if id not in known) == []


def test_document_is_refuted(document: Audit) -> None:
    """The document as it stands is refused."""
    assert document.verdict is Verdict.REFUTED


def test_infra_has_no_finding() -> None:
    """The project's own infrastructure breaks no rule, and meets every required one."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH: the production overlay cannot be rendered")
    audit = judge(load(defaults(ROOT / "infra"), Path(kubectl)), TODAY)

    assert [f"{d.place}: {r.id}: {message(d)}" for r, d in audit.findings] == []
    assert audit.verdict is Verdict.SUPPORTED, audit.reason


def test_infra_is_judged_where_it_was_corrected(document: Audit) -> None:
    """Rules that the document breaks and infra/ also meets hold there, they are not idle."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH: the production overlay cannot be rendered")
    audit = judge(load(defaults(ROOT / "infra"), Path(kubectl)), TODAY)
    broken = {r.rule.id for r in document.results if r.state is State.BROKEN}
    held = {r.rule.id for r in audit.results if r.state is State.HELD}

    assert len(broken & held) >= 60
