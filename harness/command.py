"""The one place that starts processes.

Commands run without a shell, with a limit, in their own session so that a limit ends the
whole tree, and with an environment that carries no AWS credentials and no kubeconfig but
the harness's own.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import clock
from harness.errors import CommandFailed, EnvironmentUnavailable, LimitExceeded

_STRIPPED_PREFIXES = ("AWS_", "KUBE")
_TAIL_CHARACTERS = 2000

# Each running command with the seconds it gets to end by itself after a Ctrl-C.
_live: dict[subprocess.Popen[bytes], float] = {}
_interrupted = threading.Event()


@dataclass(frozen=True)
class Completed:
    """What a finished command printed, and how long it took in seconds."""

    stdout: str
    stderr: str
    returncode: int
    seconds: float


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the process environment without anything that could reach a real account."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(_STRIPPED_PREFIXES)}
    return {**base, **(extra or {})}


def run(
    argv: Sequence[str | Path],
    *,
    limit_seconds: float,
    stdin: str | bytes | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    grace_seconds: float = 0,
) -> Completed:
    """Run ``argv`` to its end and return its output (text, UTF-8 with replacement).

    ``log`` appends standard output and error to a file as they come; ``on_line`` is called with
    each line of either (then ``stderr`` is empty: the two are merged). ``grace_seconds`` is the
    time that a Ctrl-C leaves the command to end by itself, after SIGINT, before it is killed.
    Raises CommandFailed for a non-zero exit when ``check``, LimitExceeded after the limit,
    EnvironmentUnavailable when the program is not there.
    """
    words = [str(word) for word in argv]
    if _interrupted.is_set():
        message = f"Not started, the run was interrupted: {words[0]}"
        raise CommandFailed(message, returncode=-2, output="")
    streaming = log is not None or on_line is not None
    started = clock.monotonic()
    process = _spawn(words, stdin is not None, streaming, environment, cwd)
    _live[process] = grace_seconds
    data = stdin.encode() if isinstance(stdin, str) else stdin
    timed_out = threading.Event()

    def expire() -> None:
        timed_out.set()
        kill_tree(process)

    timer = threading.Timer(limit_seconds, expire)
    timer.start()
    try:
        if streaming:
            out, err = _stream(process, data, log, on_line), b""
        else:
            out, err = process.communicate(data)
        process.wait()
    except BaseException:
        _end(process, grace_seconds)
        raise
    finally:
        timer.cancel()
        _live.pop(process, None)
    text, errors = out.decode(errors="replace"), (err or b"").decode(errors="replace")
    elapsed = clock.monotonic() - started
    if timed_out.is_set():
        raise LimitExceeded(
            f"Command {shlex.join(words)[:300]} did not end within {limit_seconds:g} s. "
            f"Last output: {(text + errors)[-_TAIL_CHARACTERS:].strip() or 'none'}"
        )
    if check and process.returncode != 0:
        tail = (text + errors)[-_TAIL_CHARACTERS:].strip() or "nothing printed"
        raise CommandFailed(
            f"Command {shlex.join(words)[:300]} exited with {process.returncode}: {tail}",
            returncode=process.returncode,
            output=text + errors,
        )
    return Completed(text, errors, process.returncode, elapsed)


def interrupt_all() -> None:
    """End every running command and refuse new ones: the person asked to stop.

    Commands run in sessions of their own, so a Ctrl-C at the terminal does not reach them.
    """
    _interrupted.set()
    for process, grace_seconds in tuple(_live.items()):
        if grace_seconds:
            _ask_to_end(process)
        else:
            kill_tree(process)


def allow_again() -> None:
    """Accept commands again after ``interrupt_all``, for the clean-up that follows."""
    _interrupted.clear()


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` in the background in its own session, output appended to ``log``."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=clean_environment(environment),
            cwd=cwd,
            start_new_session=True,
        )


def kill_tree(process: subprocess.Popen[bytes], signal_number: int = signal.SIGKILL) -> None:
    """Send a signal to the process's whole session; a process that is gone is fine."""
    try:
        os.killpg(process.pid, signal_number)
    except ProcessLookupError:
        return


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    # The process alone, not its session: Terraform ends its providers itself once what they are
    # doing is done.
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)


def _end(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """End a command whose caller gave up: at once, or after it had its time."""
    if grace_seconds:
        if not _interrupted.is_set():
            _ask_to_end(process)
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            process.communicate(timeout=grace_seconds)
    kill_tree(process)
    process.wait()


def _spawn(
    words: list[str],
    with_input: bool,
    streaming: bool,
    environment: Mapping[str, str] | None,
    cwd: Path | None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if streaming else subprocess.PIPE,
            env=clean_environment(environment),
            cwd=cwd,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise EnvironmentUnavailable(
            f"Program {words[0]!r} was not found on PATH (needed for: {shlex.join(words)[:200]}). "
            "Next step: python -m harness doctor"
        ) from error


def _stream(
    process: subprocess.Popen[bytes],
    data: bytes | None,
    log: Path | None,
    on_line: Callable[[str], None] | None,
) -> bytes:
    assert process.stdout is not None
    if data is not None and process.stdin is not None:
        process.stdin.write(data)
        process.stdin.close()
    lines: list[bytes] = []
    sink = log.open("ab") if log is not None else None
    try:
        for line in process.stdout:
            lines.append(line)
            if sink is not None:
                sink.write(line)
                sink.flush()
            if on_line is not None:
                on_line(line.decode(errors="replace").rstrip())
    finally:
        if sink is not None:
            sink.close()
    return b"".join(lines)
