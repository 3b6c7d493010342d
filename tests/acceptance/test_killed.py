"""The harness is killed in the middle of each experiment, and nothing stays broken."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.chaos.compose import experiment_names
from harness.chaos.kube import Kube
from harness.chaos.undo import UndoLog
from harness.errors import ExitCode
from harness.polling import wait_until
from harness.stack import cache, database, deployment, engine, layout
from harness.stack.containers import find
from harness.stack.context import Context
from harness.stack.folders import REPOSITORY, folders

pytestmark = pytest.mark.acceptance

# The longest way to a fault is the steady state of the autoscaler's experiment.
FAULT_LIMIT_SECONDS = 300
# A killed node comes back, and five pods get Ready after 30 s each way.
STEADY_LIMIT_SECONDS = 300
RECOVER_LIMIT_SECONDS = 400


def _harness(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness", *arguments]


def _start(name: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        return subprocess.Popen(
            _harness("run", "--only", name, "--sabotages", "none", "--seed", "1"),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    others = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return sorted({*map(int, text.split()), *others})


def _wait_for_fault(process: subprocess.Popen[bytes], log: Path) -> None:
    def injected() -> bool:
        assert process.poll() is None, log.read_text()
        return bool(UndoLog.of(folders()).pending())

    wait_until(injected, what="a fault to be injected", limit_seconds=FAULT_LIMIT_SECONDS)


def _succeed(*arguments: str) -> None:
    done = subprocess.run(
        _harness(*arguments),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RECOVER_LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def _assert_as_before(stack: Context) -> None:
    assert UndoLog.of(folders()).pending() == []
    for name in layout.all_containers():
        container = find(stack, name)
        assert container is not None, name
        assert (name, container.status) == (name, "running")
    nodes = Kube(folders()).get("/api/v1/nodes")["items"]
    cordoned = [n["metadata"]["name"] for n in nodes if n["spec"].get("unschedulable")]
    assert cordoned == []
    checks: tuple[Callable[[], bool], ...] = (
        lambda: not database.replication_problems(database.members(stack)),
        lambda: not cache.group_problems(cache.sentinel_views(stack)),
    )
    for check in checks:
        wait_until(
            check,
            what="databases and caches to be whole",
            limit_seconds=STEADY_LIMIT_SECONDS,
            ignore=(Exception,),
        )
    deployment.wait_available(stack, STEADY_LIMIT_SECONDS)


@pytest.mark.parametrize("name", experiment_names())
def test_sigkill_in_the_middle_is_healed(stack: Context, name: str, tmp_path: Path) -> None:
    """Harness and worker are killed with the fault in place; ``recover`` heals it."""
    log = tmp_path / "log"
    process = _start(name, log)
    try:
        _wait_for_fault(process, log)
        workers = _children(process.pid)
    finally:
        process.kill()
        process.wait()
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    _succeed("recover")

    _assert_as_before(stack)


def test_sigterm_in_the_middle_heals_by_itself(stack: Context, tmp_path: Path) -> None:
    """A polite stop heals the fault, says so, and exits with 130."""
    log = tmp_path / "log"
    process = _start("cache-primary-kill", log)
    _wait_for_fault(process, log)
    process.terminate()

    assert process.wait(timeout=RECOVER_LIMIT_SECONDS) == 130, log.read_text()
    assert "interrupted" in log.read_text()
    _assert_as_before(stack)


def test_a_dead_engine_is_told_and_the_next_up_heals(stack: Context, tmp_path: Path) -> None:
    """The engine is killed with a fault in place: the run says so, and ``up`` mends all."""
    where = folders()
    if not engine.is_ours(where):
        pytest.skip("the engine is not the harness's own, so it is not killed")
    log = tmp_path / "log"
    process = _start("cache-primary-kill", log)
    try:
        _wait_for_fault(process, log)
        os.kill(int((where.cache / "engine" / "dockerd.pid").read_text()), signal.SIGKILL)
        code = process.wait(timeout=RECOVER_LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait()

    assert code in {ExitCode.INCONCLUSIVE, ExitCode.UNAVAILABLE}, log.read_text()
    assert "Not healed" in log.read_text()
    assert UndoLog.of(where).pending()
    _succeed("up")
    _assert_as_before(stack)
