"""The recorder: one file, in time order, whole lines, soon on disk, never silently incomplete."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from harness import clock, command, polling
from harness.clients.recorder import FLUSH_SECONDS, Recorder, brief
from harness.errors import EnvironmentUnavailable
from harness.model.history import Observation, Operation, Outcome, Phase, parse


def read(path: Path):
    return parse(path.read_text().splitlines())


def test_every_kind_of_record_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "trial-1" / "history.jsonl"
    with Recorder(path, claim="pdb", spacing_seconds=0.02) as recorder:
        recorder.operation("sql-0", "insert", "sql-0-000000", Outcome.INVOKED)
        recorder.operation("sql-0", "insert", "sql-0-000000", Outcome.FAILED, "refused\nhere")
        recorder.fault("drain", Phase.INJECTED, {"node": "worker"})
        recorder.observe("ready_backends", 5)
        recorder.final_read("read_all", Outcome.OK, ["a", "b"])

    history = read(path)

    assert (history.header.claim, history.header.spacing_seconds) == ("pdb", 0.02)
    assert [o.error for o in history.operations] == [None, "refused\nhere"]
    assert history.faults[0].evidence == {"node": "worker"}
    assert history.observations("ready_backends")[0].value == 5
    assert history.final_read is not None
    assert history.final_read.ids == ("a", "b")


def test_lines_are_in_time_order_from_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.0) as recorder:

        def record(client: str) -> None:
            for number in range(2000):
                recorder.operation(client, "set", f"{client}-{number}", Outcome.OK)

        threads = [threading.Thread(target=record, args=(f"c{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    lines = path.read_text().splitlines()[1:]
    times = [r.at for r in read(path).records]

    assert len(lines) == 8000
    assert times == sorted(times)


def test_a_record_is_on_disk_soon_without_close(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.0) as recorder:
        recorder.observe("probe", "here")
        started = clock.monotonic()
        polling.wait_until(
            lambda: "here" in path.read_text(),
            what="the record",
            limit_seconds=5,
            interval_seconds=0.005,
        )
        waited = clock.monotonic() - started

    # The flush interval and what a busy machine adds to it.
    assert waited < FLUSH_SECONDS + 2.0


def test_a_killed_recorder_leaves_a_history_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    program = (
        "import itertools, pathlib, sys\n"
        "from harness.clients.recorder import Recorder\n"
        "r = Recorder(pathlib.Path(sys.argv[1]), claim='c', spacing_seconds=0)\n"
        "for n in itertools.count():\n"
        "    r.observe('n', n)\n"
        "    if n % 50 == 0: r._closing.wait(0.001)\n"
    )
    process = command.start(
        [sys.executable, "-c", program, str(path)], log=tmp_path / "log", cwd=Path.cwd()
    )
    try:
        polling.wait_until(
            lambda: path.exists() and path.stat().st_size > 20_000,
            what="records of the child",
            limit_seconds=20,
            interval_seconds=0.01,
        )
    finally:
        command.kill_tree(process, signal.SIGKILL)
        process.wait()

    values = [r.value for r in read(path).records if isinstance(r, Observation)]

    assert values == list(range(len(values)))
    assert len(values) > 100


def test_an_existing_history_is_never_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("old")

    with pytest.raises(EnvironmentUnavailable, match="new file"):
        Recorder(path, claim="c", spacing_seconds=0.0)

    assert path.read_text() == "old"


def test_a_failed_write_is_raised_by_every_further_call(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl", claim="c", spacing_seconds=0.0)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, recorder._file)
    os.close(full)
    recorder.observe("probe", 1)
    polling.wait_until(
        lambda: recorder._failure is not None, what="the failed write", limit_seconds=5
    )

    with pytest.raises(EnvironmentUnavailable, match="incomplete"):
        recorder.observe("probe", 2)
    with pytest.raises(EnvironmentUnavailable, match="No space left"):
        recorder.close()


def test_records_after_close_are_counted_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    recorder = Recorder(path, claim="c", spacing_seconds=0.0)
    recorder.close()
    recorder.close()
    recorder.operation("http-0", "request", "http-0-000000", Outcome.OK)

    assert recorder.late == 1
    assert read(path).records == ()


def test_a_given_time_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.0) as recorder:
        recorder.operation("a", "set", "a-1", Outcome.OK, at=12.5)

    assert read(path).records == (Operation(12.5, "a", "set", "a-1", Outcome.OK),)


def test_errors_become_one_short_line() -> None:
    assert brief(ValueError("a\n  b")) == "ValueError: a b"
    assert len(brief("x" * 1000)) == 300
