"""Commands have a limit, a clean environment, and errors that say what happened."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from harness import clock, command, polling
from harness.errors import CommandFailed, EnvironmentUnavailable, LimitExceeded

PYTHON = sys.executable


def test_output_and_input() -> None:
    """Standard input is passed and both outputs are returned."""
    done = command.run(
        [PYTHON, "-c", "import sys; print(sys.stdin.read().upper()); print('e', file=sys.stderr)"],
        limit_seconds=20,
        stdin="hello",
    )

    assert (done.stdout.strip(), done.stderr.strip(), done.returncode) == ("HELLO", "e", 0)


def test_failure_quotes_the_output() -> None:
    """A non-zero exit raises with code and last output."""
    with pytest.raises(CommandFailed, match="no such volume") as caught:
        command.run([PYTHON, "-c", "raise SystemExit('no such volume')"], limit_seconds=20)

    assert caught.value.returncode == 1


def _ended(pid: int) -> bool:
    """Tell whether the process is gone, or a zombie that its new parent has yet to reap."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state.rsplit(")", 1)[1].split()[0] == "Z"


def test_limit_ends_the_whole_tree(tmp_path: Path) -> None:
    """A command over its limit is killed with its children."""
    pidfile = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pidfile}; wait"
    started = clock.monotonic()
    with pytest.raises(LimitExceeded, match=r"did not end within 0\.5 s"):
        command.run(["sh", "-c", script], limit_seconds=0.5)

    assert clock.monotonic() - started < 10
    child = int(pidfile.read_text())
    # SIGKILL is asynchronous: the kernel ends the child when it next schedules it.
    polling.wait_until(lambda: _ended(child), what="the child's end", limit_seconds=10)


def test_missing_program_names_the_next_step() -> None:
    """A program that is not there is an unavailable environment, with the remedy."""
    with pytest.raises(EnvironmentUnavailable, match="doctor"):
        command.run(["no-such-program-anywhere"], limit_seconds=1)


def test_credentials_and_kubeconfig_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither AWS variables nor a kubeconfig of the person reach a command."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    code = "import os; print([k for k in os.environ if k.startswith(('AWS_', 'KUBE'))])"

    assert command.run([PYTHON, "-c", code], limit_seconds=20).stdout.strip() == "[]"


def test_lines_are_seen_as_they_come_and_logged(tmp_path: Path) -> None:
    """``on_line`` gets each line and ``log`` keeps them."""
    lines: list[str] = []
    log = tmp_path / "log"
    command.run(["printf", "a\\nb\\n"], limit_seconds=10, on_line=lines.append, log=log)

    assert lines == ["a", "b"]
    assert log.read_text() == "a\nb\n"


def test_interrupt_ends_running_commands_and_refuses_new_ones() -> None:
    """After an interrupt nothing runs on and nothing new starts until allowed again."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            command.run(["sleep", "60"], limit_seconds=60)
        except CommandFailed as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        while not command._live:
            os.sched_yield()
        command.interrupt_all()
        thread.join(timeout=10)
        with pytest.raises(CommandFailed, match="interrupted"):
            command.run(["true"], limit_seconds=5)
    finally:
        command.allow_again()

    assert not thread.is_alive()
    assert len(failures) == 1
    assert command.run(["true"], limit_seconds=5).returncode == 0
