"""The document's promises on the real stack: measured, judged, and every check shown to fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness import lanes
from harness.documents import load_documents
from harness.stack.folders import EXPERIMENTS, folders
from tests.acceptance.conftest import Run

pytestmark = pytest.mark.acceptance

CLAIMS = load_documents(EXPERIMENTS).claims
SABOTAGES = {claim.id: claim.sabotage for claim in CLAIMS}
IDS = [claim.id for claim in CLAIMS]


@pytest.mark.parametrize("name", IDS)
def test_the_stack_keeps_the_claim(judged: Run, name: str) -> None:
    """On the healthy stack every trial of every claim keeps its bound, with a number."""
    measured = judged.claim(name)["measured"]

    assert [(t["verdict"], t["reason"]) for t in measured["trials"]] == [
        ("supported", trial["reason"]) for trial in measured["trials"]
    ]
    assert measured["trials"]
    assert measured["value"] is not None
    assert measured["error"] is not None


@pytest.mark.parametrize("name", IDS)
def test_the_sabotage_is_refuted(judged: Run, left_out: frozenset[str], name: str) -> None:
    """Under its planted defect every claim turns red."""
    if SABOTAGES[name] in left_out:
        pytest.skip(f"{SABOTAGES[name]} is run with --every-sabotage")
    sabotage = judged.claim(name)["sabotage"]

    assert (sabotage["verdict"], sabotage["reason"]) == ("refuted", sabotage["reason"])


def test_only_the_providers_own_figures_refute(judged: Run) -> None:
    """RDS failover is refuted by its documentation; what was shown to fail is supported."""
    verdicts = {claim["id"]: claim["verdict"] for claim in judged.document["claims"]}
    shown = {c["id"] for c in judged.document["claims"] if c["sabotage"]["verdict"] == "refuted"}

    expected = {name: "supported" if name in shown else "inconclusive" for name in IDS}
    expected |= {n: "refuted" for n in IDS if n.startswith("database-failover-time-")}
    assert expected == verdicts
    assert judged.document["verdict"] == "refuted"


def test_evidence_can_be_followed(judged: Run) -> None:
    """Every claim names history files that are there and begin with a header."""
    for claim in judged.document["claims"]:
        assert claim["evidence"]
        for path in (*claim["evidence"], *claim["sabotage"]["evidence"]):
            with (judged.folder / path).open() as lines:
                assert json.loads(next(lines))["history"] == 1


def test_judging_again_gives_the_same_bytes(judged: Run, tmp_path: Path) -> None:
    """The stored histories give the same verdict.json byte for byte."""
    copy = tmp_path / judged.folder.name
    shutil.copytree(judged.folder, copy)
    before = (copy / "verdict.json").read_bytes()
    (copy / "verdict.json").unlink()
    lanes.judge_again(copy, folders())

    assert before == (copy / "verdict.json").read_bytes()


def test_the_report_shows_every_claim_and_its_timeline(judged: Run) -> None:
    """The page names every claim, draws pictures, and lists differences and what was not tested."""
    page = (judged.folder / "report.html").read_text()

    assert [name for name in IDS if name not in page] == []
    assert page.count("<svg") >= len({claim.experiment for claim in CLAIMS})
    assert "Differences from production" in page
    assert "Not tested" in page or "not tested" in page
