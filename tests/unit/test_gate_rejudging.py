"""Verdicts are compared with what the histories say; the run's folder stays as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.gate import rejudging
from harness.judge import judge_run
from harness.model.claim import Trials
from harness.model.history import Outcome, header_line, to_line
from harness.report.stored import read_run
from tests.unit.histories import claim, fault, history, operations

FAILOVER = claim("recovery_time", "below", 60, id="failover", trials=Trials(2, 5))
OUTAGE = claim("unavailability", "at_most", 86.4, id="outage")
CLAIMS = (FAILOVER, OUTAGE)


def write(folder: Path, seconds: float) -> None:
    recorded = history(
        operations(90, 100),
        fault(),
        operations(100, 100 + seconds, Outcome.FAILED),
        operations(100 + seconds, 102 + seconds),
    )
    folder.mkdir(parents=True)
    lines = [header_line(recorded.header), *map(to_line, recorded.records)]
    (folder / "history.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """One claim that holds, one that is refuted, both with their sabotage."""
    folder = tmp_path / "run-1"
    for name, seconds in (("trial-1", 20), ("trial-2", 31), ("sabotage", 70)):
        write(folder / "failover" / name, seconds)
    write(folder / "outage" / "trial-1", 90)
    write(folder / "outage" / "sabotage", 95)
    facts = {"run": "run-1", "lane": "quick", "claims": ["failover", "outage"]}
    (folder / "run.json").write_text(json.dumps(facts))
    judge_run(folder, CLAIMS, None)
    return folder


def problems(folder: Path) -> list[str]:
    return rejudging.contradictions(folder, read_run(folder), CLAIMS)


def test_an_honest_run_has_none_and_stays_as_it_is(run: Path) -> None:
    """Nothing is written into the run, and the links do not lead to a change either."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    assert problems(run) == []
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_moved_run_is_judged_by_its_own_name(run: Path) -> None:
    """A pipeline may unpack a run into a folder of another name."""
    moved = run.rename(run.parent / "unpacked")

    assert problems(moved) == []


def support_outage(document: dict[str, Any]) -> None:
    outage = document["claims"][1]
    outage["verdict"] = document["verdict"] = "supported"
    outage["measured"]["value"] = outage["measured"]["trials"][0]["value"] = 10.0
    outage["measured"]["trials"][0]["verdict"] = "supported"


def better_value(document: dict[str, Any]) -> None:
    document["claims"][0]["measured"]["value"] = 1.0


def another_trial(document: dict[str, Any]) -> None:
    trials = document["claims"][0]["measured"]["trials"]
    trials.append({**trials[0], "trial": "trial-3"})


def sabotage_not_caught(document: dict[str, Any]) -> None:
    document["claims"][0]["sabotage"]["verdict"] = "supported"


def left_out(document: dict[str, Any]) -> None:
    del document["claims"][1]


@pytest.mark.parametrize(
    ("change", "claim_id", "words"),
    [
        (support_outage, "outage", "verdict supported, judged again refuted; value 10.0 ±"),
        (
            better_value,
            "failover",
            "histories say: value 1.0 ± 0.1",
        ),
        (another_trial, "failover", "histories say: trials ["),
        (sabotage_not_caught, "failover", "say: sabotage supported, judged again refuted. Next"),
        (left_out, "outage", "verdict.json does not have it"),
    ],
)
def test_an_edited_verdict_is_named(
    run: Path, change: Callable[[dict[str, Any]], None], claim_id: str, words: str
) -> None:
    """Also one that agrees with itself in every place."""
    path = run / "verdict.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    (problem,) = problems(run)

    assert problem.startswith(f"Claim {claim_id}: ")
    assert words in problem


def test_evidence_that_is_gone_is_named(run: Path) -> None:
    """Each missing history, and that the claim is no longer what it was."""
    shutil.rmtree(run / "failover" / "trial-2")
    found = problems(run)

    assert "failover/trial-2/history.jsonl is not in the run's folder" in found[0]
    assert "does not say what its histories say" in found[1]


def test_evidence_that_is_all_gone_is_named(run: Path) -> None:
    """A verdict.json alone proves nothing."""
    for name in ("failover", "outage"):
        shutil.rmtree(run / name)

    assert len(problems(run)) == 5


def test_histories_that_cannot_be_judged_are_a_problem(run: Path) -> None:
    """A line in the middle that is no record; the message names the run's own folder."""
    path = run / "failover" / "trial-1" / "history.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], "{", *lines[5:]]) + "\n")
    (problem,) = problems(run)

    assert problem.startswith("The histories cannot be judged again: ")
    assert str(path) in problem


def test_histories_of_a_claim_that_is_unknown_are_a_problem(run: Path) -> None:
    """They belong to other claims than those of this commit."""
    (problem,) = rejudging.contradictions(run, read_run(run), CLAIMS[:1])

    assert "'outage'" in problem
