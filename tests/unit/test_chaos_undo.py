"""The undo log survives what kills its writers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.chaos import undo
from harness.chaos.undo import UndoLog, parse
from harness.errors import FaultFailed

HERE = __name__
CALLS: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def works(**arguments: Any) -> dict[str, Any]:
    CALLS.append(arguments)
    return {"seen": len(CALLS)}


def breaks(**arguments: Any) -> None:
    CALLS.append(arguments)
    raise RuntimeError("the engine is gone")


def plan(log: UndoLog, function: str = "works", **arguments: Any) -> str:
    return log.plan(
        run="run-1",
        trial="trial-1",
        fault="pod_kill",
        what=f"{function} {arguments}",
        provider=f"{HERE}:{function}",
        arguments=arguments,
    )


def test_a_planned_undo_is_on_disk_before_plan_returns(tmp_path: Path) -> None:
    log = UndoLog(tmp_path / "state" / "undo.jsonl")

    id = plan(log, node="worker")

    [line] = (tmp_path / "state" / "undo.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == id
    assert [entry.arguments for entry in log.pending()] == [{"node": "worker"}]


def test_an_entry_marked_healed_is_no_longer_pending(tmp_path: Path) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")
    first, second = plan(log, n=1), plan(log, n=2)

    log.healed(first)

    assert [entry.id for entry in log.pending()] == [second]


def test_a_log_that_is_not_there_has_nothing_pending(tmp_path: Path) -> None:
    assert UndoLog(tmp_path / "undo.jsonl").pending() == []


def test_a_torn_last_line_is_dropped_and_the_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "undo.jsonl"
    log = UndoLog(path)
    first = plan(log, n=1)
    with path.open("ab") as sink:
        sink.write(b'{"id": "torn", "run": "run-1", "tri')

    assert [entry.id for entry in log.pending()] == [first]
    second = plan(log, n=2)
    assert [entry.id for entry in log.pending()] == [first, second]
    assert log.content().damaged == ()


def test_replay_runs_the_newest_first_and_marks_each_healed(tmp_path: Path) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")
    plan(log, n=1)
    plan(log, n=2)

    results = log.replay(lambda line: None)

    assert CALLS == [{"n": 2}, {"n": 1}]
    assert [result.healed for result in results] == [True, True]
    assert [dict(result.evidence) for result in results] == [{"seen": 1}, {"seen": 2}]
    assert log.pending() == []


def test_replaying_again_does_nothing(tmp_path: Path) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")
    plan(log, n=1)
    log.replay(lambda line: None)

    assert log.replay(lambda line: None) == []
    assert CALLS == [{"n": 1}]


def test_a_failed_undo_does_not_keep_the_others_from_running_and_stays_pending(
    tmp_path: Path,
) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")
    plan(log, n=1)
    bad = plan(log, "breaks", n=2)
    plan(log, n=3)
    lines: list[str] = []

    results = log.replay(lines.append)

    assert [call["n"] for call in CALLS] == [3, 2, 1]
    assert [result.error for result in results] == [
        None,
        "RuntimeError: the engine is gone",
        None,
    ]
    assert [entry.id for entry in log.pending()] == [bad]
    assert any("failed" in line for line in lines)


def test_replay_takes_only_what_is_selected(tmp_path: Path) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")
    first = plan(log, n=1)
    plan(log, n=2)

    log.replay(lambda line: None, select=lambda entry: entry.id == first)

    assert CALLS == [{"n": 1}]


def test_a_damaged_line_in_the_middle_is_reported_and_the_rest_healed(tmp_path: Path) -> None:
    path = tmp_path / "undo.jsonl"
    log = UndoLog(path)
    plan(log, n=1)
    path.write_bytes(b"not json\n" + path.read_bytes())

    results = log.replay(lambda line: None)

    assert [result.healed for result in results] == [False, True]
    assert "line 1" in str(results[0].error)


@pytest.mark.parametrize(
    "provider", ["no.such.module:f", f"{HERE}:missing", "nothing", f"{HERE}:HERE", ""]
)
def test_an_undo_that_cannot_run_is_refused_when_it_is_planned(
    tmp_path: Path, provider: str
) -> None:
    log = UndoLog(tmp_path / "undo.jsonl")

    with pytest.raises(FaultFailed, match="Undo"):
        log.plan(run="r", trial="t", fault="f", what="w", provider=provider)

    assert log.pending() == []


def test_every_undo_that_the_product_names_exists() -> None:
    sources = Path(undo.__file__).parent.rglob("*.py")
    providers = {
        word.strip('",')
        for source in sources
        for word in source.read_text().split()
        if word.startswith('undo="harness.chaos')
    }

    assert len(providers) >= 8
    for provider in providers:
        undo.resolve(provider.removeprefix('undo="'))


def test_parse_of_an_empty_log_is_empty() -> None:
    assert parse(b"").pending == []
