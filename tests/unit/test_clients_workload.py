"""Pacing: a fixed grid, bounded in every direction, unique ids, two records for an operation."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness import clock, polling
from harness.clients.recorder import Recorder
from harness.clients.workload import OK, Attempt, PacedWorkload, failed, next_slot
from harness.errors import HarnessError, LimitExceeded
from harness.model.history import History, Outcome, parse


class Steps(PacedWorkload):
    """Attempts that do what ``act`` says."""

    def __init__(self, recorder: Recorder, act=lambda deadline: OK, **settings) -> None:
        super().__init__(recorder, client="sql-0", op="insert", **settings)
        self.act = act
        self.disconnected = 0

    def attempt(self, id: str, deadline: float) -> Attempt:
        return self.act(deadline)

    def disconnect(self) -> None:
        self.disconnected += 1


def run(tmp_path: Path, seconds: float, **settings) -> tuple[Steps, History]:
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.02) as recorder:
        workload = Steps(recorder, **settings)
        workload.start()
        polling.pause(seconds)
        workload.stop()
        workload.stop()
    return workload, parse(path.read_text().splitlines())


def invoked_at(history: History) -> list[float]:
    return [o.at for o in history.operations if o.outcome is Outcome.INVOKED]


@pytest.mark.parametrize(
    ("started", "now", "spacing", "expected"),
    [
        (0.0, 0.005, 0.02, 0.015),
        (0.0, 0.02, 0.02, 0.02),
        (0.0, 1.013, 0.02, 0.007),  # a hang skips its slots instead of making them up
        (100.0, 100.0, 0.5, 0.5),
        (0.0, 5.0, 0.0, 0.0),
    ],
)
def test_the_next_slot_is_the_next_free_point_of_the_grid(
    started: float, now: float, spacing: float, expected: float
) -> None:
    assert next_slot(started, now, spacing) == pytest.approx(expected, abs=1e-9)


def test_operations_are_paced_and_numbered_and_have_two_records(tmp_path: Path) -> None:
    workload, history = run(tmp_path, 0.5, spacing_seconds=0.02)

    times = invoked_at(history)
    ids = [o.id for o in history.operations]

    # The grid sets the upper end; a busy machine may skip slots.
    assert 3 <= len(times) <= 27
    assert ids[:4] == ["sql-0-000000", "sql-0-000000", "sql-0-000001", "sql-0-000001"]
    assert [o.outcome for o in history.operations[:2]] == [Outcome.INVOKED, Outcome.OK]
    assert workload.disconnected == 1


def test_a_hanging_operation_is_not_made_up_for_in_a_burst(tmp_path: Path) -> None:
    hang = threading.Event()

    def act(deadline: float) -> Attempt:
        if hang.is_set():
            return OK
        hang.set()
        polling.pause(deadline - clock.monotonic())
        return failed("silent")

    _, history = run(tmp_path, 0.5, act=act, spacing_seconds=0.02, deadline_seconds=0.3)
    times = invoked_at(history)

    assert times[1] - times[0] >= 0.3
    assert len(times) <= 13


def test_the_number_of_operations_is_bounded(tmp_path: Path) -> None:
    _, history = run(tmp_path, 0.3, spacing_seconds=0.0, operations_max=7)

    assert len(invoked_at(history)) == 7


def test_the_duration_is_bounded(tmp_path: Path) -> None:
    _, history = run(tmp_path, 0.4, spacing_seconds=0.02, duration_seconds_max=0.1)

    assert len(invoked_at(history)) <= 7


def test_an_unpaced_client_that_fails_at_once_does_not_spin(tmp_path: Path) -> None:
    _, history = run(tmp_path, 0.2, act=lambda _: failed("refused"), spacing_seconds=0.0)

    assert len(invoked_at(history)) <= 25


def test_a_breakdown_is_recorded_as_indeterminate_and_raised_by_stop(tmp_path: Path) -> None:
    def act(deadline: float) -> Attempt:
        raise ZeroDivisionError("planted")

    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.02) as recorder:
        workload = Steps(recorder, act=act)
        workload.start()
        polling.wait_until(workload.finished, what="the breakdown", limit_seconds=5)
        with pytest.raises(HarnessError, match="planted"):
            workload.stop()

    operations = parse(path.read_text().splitlines()).operations

    assert [o.outcome for o in operations] == [Outcome.INVOKED, Outcome.INDETERMINATE]


def test_stop_is_bounded_when_an_operation_outlives_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.clients.workload._STOP_GRACE_SECONDS", 0.1)
    release = threading.Event()

    def act(deadline: float) -> Attempt:
        release.wait(10)
        return OK

    with Recorder(tmp_path / "history.jsonl", claim="c", spacing_seconds=0.02) as recorder:
        workload = Steps(recorder, act=act, deadline_seconds=0.1)
        workload.start()
        with pytest.raises(LimitExceeded, match="did not stop"):
            workload.stop()
        release.set()


def test_a_workload_is_started_once(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history.jsonl", claim="c", spacing_seconds=0.02) as recorder:
        workload = Steps(recorder)
        workload.start()
        with pytest.raises(HarnessError, match="twice"):
            workload.start()
        workload.stop()
