"""Running one trial in a child process that may hang, die or be killed at any moment.

The child is ``harness.chaos.worker``. Whatever becomes of it, the undo log is replayed for what
it left pending, and what went wrong first is reported first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness import clock, command, polling
from harness.chaos.journal import TrialStatus
from harness.chaos.undo import UndoLog, UndoResult
from harness.chaos.worker import ENDING, HISTORY, JOURNAL, identity
from harness.clients.recorder import brief
from harness.errors import EnvironmentUnavailable, ExperimentInvalid
from harness.stack.folders import REPOSITORY, folders

if TYPE_CHECKING:
    from subprocess import Popen

LOG = "worker.log"
# Used where an experiment states none; the composed documents all do.
TRIAL_LIMIT_SECONDS = 1800.0
# A stopped child heals first: the slowest undo is a rollout, bounded by its own limit.
HEAL_LIMIT_SECONDS = 300.0
# The kernel ends a killed process at once; more means that it is stuck in the kernel.
KILL_LIMIT_SECONDS = 10.0
_SPACING_SECONDS = 0.1
_LOG_TAIL_CHARACTERS = 800


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended, where its files are, and every problem, the first one first."""

    status: TrialStatus
    journal: Path
    history: Path
    problems: tuple[str, ...]


def run_trial(
    experiment: Path,
    trial_dir: Path,
    *,
    claim: str,
    seed: int,
    report: Callable[[str], None],
    stop: threading.Event | None = None,
) -> TrialOutcome:
    """Run a composed experiment in a child process and return how it ended.

    The child is given ``trial_limit_seconds`` of the experiment's configuration, then, as after
    a request to ``stop``, ``heal_limit_seconds`` to heal, then it is killed. A KeyboardInterrupt
    here does the same and is raised again. Raises ExperimentInvalid for a file that is none,
    EnvironmentUnavailable for a folder that holds an earlier trial.
    """
    limits = _limits(experiment)
    for name in (HISTORY, JOURNAL):
        if (trial_dir / name).exists():
            raise EnvironmentUnavailable(
                f"Trial folder {trial_dir}: expected no {name} of an earlier trial, got one. "
                "Next step: use a fresh results folder."
            )
    trial_dir.mkdir(parents=True, exist_ok=True)
    process = _start(experiment, trial_dir, claim=claim, seed=seed)
    problems: list[str] = []
    stopped = False
    try:
        stopped = _watch(process, limits, problems, stop)
    except BaseException:
        _end(process, limits.heal_seconds, problems)
        command.allow_again()
        _heal(trial_dir, report)
        raise
    if stopped:
        # The request to stop refuses new commands; healing needs them.
        command.allow_again()
    return _conclude(trial_dir, process, problems, report, stopped=stopped)


@dataclass(frozen=True)
class _Limits:
    trial_seconds: float
    heal_seconds: float


def _limits(experiment: Path) -> _Limits:
    try:
        document = yaml.safe_load(experiment.read_text())
        settings: dict[str, Any] = document.get("configuration") or {}
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise ExperimentInvalid(
            f"{experiment}: expected a composed experiment, got {brief(error)}."
        ) from error
    return _Limits(
        float(settings.get("trial_limit_seconds", TRIAL_LIMIT_SECONDS)),
        float(settings.get("heal_limit_seconds", HEAL_LIMIT_SECONDS)),
    )


def _start(experiment: Path, trial_dir: Path, *, claim: str, seed: int) -> Popen[bytes]:
    return command.start(
        [
            sys.executable,
            "-m",
            "harness.chaos.worker",
            "--experiment",
            experiment.resolve(),
            "--trial-dir",
            trial_dir.resolve(),
            "--claim",
            claim,
            "--seed",
            str(seed),
            "--parent",
            str(os.getpid()),
        ],
        log=trial_dir / LOG,
        cwd=REPOSITORY,
    )


def _watch(
    process: Popen[bytes],
    limits: _Limits,
    problems: list[str],
    stop: threading.Event | None,
) -> bool:
    """Wait for the child; return whether it was asked to stop."""
    deadline = clock.monotonic() + limits.trial_seconds
    while process.poll() is None:
        if stop is not None and stop.is_set():
            _end(process, limits.heal_seconds, problems)
            return True
        if clock.monotonic() >= deadline:
            problems.append(
                f"The trial did not end within {limits.trial_seconds:g} s "
                "(trial_limit_seconds of the experiment's configuration); it was stopped."
            )
            _end(process, limits.heal_seconds, problems)
            return False
        polling.pause(_SPACING_SECONDS, stop=stop)
    return False


def _end(process: Popen[bytes], heal_seconds: float, problems: list[str]) -> None:
    """Ask the child to heal and end, kill it when it does not; it is gone afterwards."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        if _gone(process, heal_seconds):
            return
        problems.append(
            f"The worker did not heal within {heal_seconds:g} s after SIGTERM; it was killed."
        )
    finally:
        # Also on a second request to stop: the undo log is replayed from here.
        if process.poll() is None:
            command.kill_tree(process)
            _gone(process, KILL_LIMIT_SECONDS)


def _gone(process: Popen[bytes], limit_seconds: float) -> bool:
    deadline = clock.monotonic() + limit_seconds
    while process.poll() is None:
        if clock.monotonic() >= deadline:
            return False
        polling.pause(_SPACING_SECONDS)
    return True


def _heal(trial_dir: Path, report: Callable[[str], None]) -> list[UndoResult]:
    run, trial = identity(trial_dir)
    log = UndoLog.of(folders())
    return log.replay(report, select=lambda e: e.run == run and e.trial == trial)


def _conclude(
    trial_dir: Path,
    process: Popen[bytes],
    problems: list[str],
    report: Callable[[str], None],
    *,
    stopped: bool,
) -> TrialOutcome:
    status, told = _read_ending(trial_dir, process.returncode)
    if problems and status is TrialStatus.INTERRUPTED:
        status = TrialStatus.FAILED
    problems += told
    unhealed = False
    for result in _heal(trial_dir, report):
        what = result.entry.what if result.entry else "undo log"
        if result.healed:
            problems.append(f"Left behind by the worker and healed afterwards: {what}.")
        else:
            problems.append(f"Not healed: {what}: {result.error}")
            unhealed = True
            status = TrialStatus.FAILED
    if stopped and not unhealed:
        status = TrialStatus.INTERRUPTED
    elif problems and status is TrialStatus.COMPLETED:
        status = TrialStatus.FAILED
    return TrialOutcome(status, trial_dir / JOURNAL, trial_dir / HISTORY, tuple(problems))


def _read_ending(trial_dir: Path, returncode: int) -> tuple[TrialStatus, list[str]]:
    path = trial_dir / JOURNAL
    try:
        ending = json.loads(path.read_text())[ENDING]
        return TrialStatus(ending["status"]), [str(problem) for problem in ending["problems"]]
    except FileNotFoundError:
        how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
        return TrialStatus.FAILED, [
            f"The worker ended with {how} and wrote no journal. "
            f"Last lines of {trial_dir / LOG}: {_tail(trial_dir / LOG)}"
        ]
    except (ValueError, KeyError, TypeError) as error:
        return TrialStatus.FAILED, [f"{path}: expected a journal, got {brief(error)}."]


def _tail(path: Path) -> str:
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return "none"
    return text[-_LOG_TAIL_CHARACTERS:] or "none"
