"""The process that runs one trial: ``python -m harness.chaos.worker``.

WARNING: it injects faults. It is started and watched by ``harness.chaos.supervisor``, which
heals what this process leaves behind; it stops, healing, when its parent is gone.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from chaoslib.exceptions import InterruptExecution
from chaoslib.experiment import run_experiment
from chaoslib.types import Strategy

from harness import polling
from harness.chaos import control
from harness.chaos import session as sessions
from harness.chaos.journal import Ending, TrialStatus, judge
from harness.chaos.undo import UndoLog
from harness.clients.recorder import Recorder, brief
from harness.errors import EnvironmentUnavailable, ExitCode
from harness.stack.folders import folders

JOURNAL = "journal.json"
HISTORY = "history.jsonl"
# The key of our own judgement in the journal.
ENDING = "harness"

EXIT_CODES = {
    TrialStatus.COMPLETED: ExitCode.SUPPORTED,
    TrialStatus.FAILED: ExitCode.INTERNAL,
    TrialStatus.ABORTED: ExitCode.INCONCLUSIVE,
    TrialStatus.INTERRUPTED: ExitCode.INTERRUPTED,
}

_PR_SET_PDEATHSIG = 1
_PARENT_SPACING_SECONDS = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one trial and return its exit code."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    trial_dir: Path = arguments.trial_dir
    experiment: dict[str, Any] = yaml.safe_load(arguments.experiment.read_text())
    spacing = float(experiment.get("configuration", {}).get("spacing_seconds", 0))
    run, trial = identity(trial_dir)
    with Recorder(trial_dir / HISTORY, claim=arguments.claim, spacing_seconds=spacing) as recorder:
        session = sessions.Session(
            recorder=recorder,
            undo=UndoLog.of(folders()),
            run=run,
            trial=trial,
            seed=arguments.seed,
        )
        sessions.activate(session)
        control.handle_signals()
        _follow_parent(session, arguments.parent)
        journal, ending = run_trial(session, experiment)
    _write_journal(trial_dir / JOURNAL, journal, ending)
    return int(EXIT_CODES[ending.status])


def run_trial(
    session: sessions.Session, experiment: dict[str, Any]
) -> tuple[dict[str, Any], Ending]:
    """Run an experiment under chaoslib with rollbacks always; return journal and judgement."""
    journal: dict[str, Any] = {}
    try:
        journal = run_experiment(
            experiment,
            settings={"runtime": {"rollbacks": {"strategy": "always"}}},
            # What follows the method is judged from the history, not by a second hypothesis,
            # which would run while the fault is still there.
            strategy=Strategy.BEFORE_METHOD,
        )
    except (InterruptExecution, SystemExit) as error:
        session.stop.set()
        session.problems.append(f"Interrupted before the method: {brief(error)}")
    # The edge of foreign code: the journal and the undo log must still be dealt with.
    except Exception as error:
        session.problems.append(f"Chaos Toolkit broke down: {brief(error)}")
    finally:
        session.healing = True
        control.stop_all()
    _heal_rest(session)
    return journal, judge(journal, problems=session.problems, stopped=session.stop.is_set())


def identity(trial_dir: Path) -> tuple[str, str]:
    """Return the run's and the trial's name, from where the trial is stored."""
    parts = trial_dir.resolve().parts
    return parts[-3] if len(parts) > 3 else "run", "/".join(parts[-3:])


def _heal_rest(session: sessions.Session) -> None:
    try:
        session.heal()
    # Kept with the other problems; the supervisor tries once more.
    except Exception as error:
        session.problems.append(brief(error))


def _write_journal(path: Path, journal: dict[str, Any], ending: Ending) -> None:
    document = {
        **journal,
        ENDING: {"status": ending.status.value, "problems": list(ending.problems)},
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1, default=str, ensure_ascii=False))
    partial.replace(path)


def _follow_parent(session: sessions.Session, parent: int) -> None:
    """Ask for SIGTERM when the parent dies, and look for it as well where that is not there."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            polling.pause(_PARENT_SPACING_SECONDS)
        session.stop.set()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.chaos.worker")
    parser.add_argument("--experiment", type=Path, required=True, help="composed experiment")
    parser.add_argument("--trial-dir", type=Path, required=True, help="where results are written")
    parser.add_argument("--claim", required=True, help="claim that the history is recorded for")
    parser.add_argument("--seed", type=int, required=True, help="seed of every random choice")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="process to follow")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EnvironmentUnavailable as error:
        logging.getLogger(__name__).error("%s", error)
        sys.exit(int(error.exit_code))
