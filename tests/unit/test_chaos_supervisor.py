"""A trial in a real child process: whatever becomes of the child, its faults are healed."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import polling
from harness.chaos import supervisor
from harness.chaos.journal import TrialStatus
from harness.chaos.supervisor import TrialOutcome
from harness.chaos.undo import UndoLog
from harness.errors import EnvironmentUnavailable
from harness.model import history
from harness.stack.folders import folders

# Harmless faults: a file that is there is the fault, and taking it away is its undo.
FAULTS = """
import os, signal
from pathlib import Path
from harness.chaos import session as sessions
from harness.model.history import Phase

def fault(path):
    now = sessions.current()
    now.begin("harmless", what=f"file {path}", undo="tiny_faults:remove", arguments={"path": path})
    Path(path).touch()
    now.prove("harmless", lambda: {"there": True} if Path(path).exists() else None,
              what="the file", limit_seconds=5)
    return {"targets": [path]}

def remove(path):
    Path(path).unlink(missing_ok=True)
    return {"path": path}

def fault_without_undo(path):
    sessions.current().begin("harmless", what="stuck", undo="tiny_faults:refuse", arguments={})
    return {"targets": [path]}

def refuse():
    raise RuntimeError("cannot be undone")

def hold(seconds):
    now = sessions.current()
    now.wait_until(lambda: False, what="a signal", limit_seconds=seconds)
    return {"targets": ["x"]}

def hang(seconds):
    import time
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
    return {"targets": ["x"]}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def nothing():
    return {"targets": []}

def steady():
    return True

def unsteady():
    return False

def fails():
    raise RuntimeError("rollback broke")

def follows(path):
    Path(path).touch()
    return {"targets": [path]}
"""


def activity(func: str, kind: str = "action", **arguments: Any) -> dict[str, Any]:
    provider = {"type": "python", "module": "tiny_faults", "func": func, "arguments": arguments}
    return {"name": func, "type": kind, "provider": provider}


HEAL = {
    "name": "heal",
    "type": "action",
    "provider": {"type": "python", "module": "harness.chaos.trial.actions", "func": "heal"},
}


class Trial:
    """One trial folder with its experiment; ``mark`` is the harmless fault's file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = folder / "fault"
        self.trial_dir = folder / "results" / "run-1" / "claim-1" / "trial-1"

    def run(
        self,
        *method: dict[str, Any],
        rollbacks: tuple[dict[str, Any], ...] = (HEAL,),
        steady: str = "steady",
        trial_limit_seconds: float = 40,
        heal_limit_seconds: float = 20,
        stop: threading.Event | None = None,
    ) -> TrialOutcome:
        control = {"type": "python", "module": "harness.chaos.control"}
        probe = {**activity(steady, "probe"), "tolerance": True}
        document = {
            "title": "tiny",
            "description": "tiny",
            "configuration": {
                "trial_limit_seconds": trial_limit_seconds,
                "heal_limit_seconds": heal_limit_seconds,
                "spacing_seconds": 0.02,
            },
            "controls": [{"name": "history", "provider": control}],
            "steady-state-hypothesis": {"title": "steady", "probes": [probe]},
            "method": list(method),
            "rollbacks": list(rollbacks),
        }
        path = self.folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(document))
        return supervisor.run_trial(
            path,
            self.trial_dir,
            claim="claim-1",
            seed=7,
            report=lambda line: None,
            stop=stop,
        )

    @property
    def fault(self) -> dict[str, Any]:
        return activity("fault", path=str(self.mark))

    @property
    def history(self) -> history.History:
        return history.parse((self.trial_dir / "history.jsonl").read_text().splitlines())

    @property
    def phases(self) -> list[str]:
        return [fault.phase.value for fault in self.history.faults]


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "tiny_faults.py").write_text(FAULTS)
    monkeypatch.syspath_prepend(modules)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return Trial(tmp_path)


def pending() -> list[str]:
    return [entry.what for entry in UndoLog.of(folders()).pending()]


def stop_when(path: Path) -> threading.Event:
    """Return an event that is set once ``path`` exists."""
    stop = threading.Event()

    def watch() -> None:
        polling.wait_until(path.exists, what=str(path), limit_seconds=30, interval_seconds=0.05)
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return stop


def test_a_trial_injects_proves_heals_and_is_completed(trial: Trial) -> None:
    outcome = trial.run(trial.fault)

    assert (outcome.status, outcome.problems) == (TrialStatus.COMPLETED, ())
    assert trial.phases == ["injected", "proven", "healed"]
    assert not trial.mark.exists()
    assert pending() == []
    [steady] = trial.history.observations("steady")
    assert steady.value["holds"] is True


def test_what_a_killed_child_left_is_healed_by_the_supervisor(trial: Trial) -> None:
    outcome = trial.run(trial.fault, activity("die"))

    assert TrialStatus.FAILED is outcome.status
    assert "signal 9" in outcome.problems[0]
    assert any("healed afterwards" in problem for problem in outcome.problems)
    assert not trial.mark.exists()
    assert pending() == []


def test_a_stop_during_an_action_is_interrupted_and_rolled_back(trial: Trial) -> None:
    later = trial.folder / "later"

    outcome = trial.run(
        trial.fault,
        activity("hold", seconds=30),
        activity("follows", path=str(later)),
        stop=stop_when(trial.mark),
    )

    assert TrialStatus.INTERRUPTED is outcome.status
    assert "healed" in trial.phases
    assert not trial.mark.exists()
    assert not later.exists(), "no activity may follow the request to stop"
    document = json.loads(outcome.journal.read_text())
    assert document["rollbacks"][0]["status"] == "succeeded"


def test_a_child_that_does_not_heal_in_time_is_killed_and_healed_from_outside(
    trial: Trial,
) -> None:
    outcome = trial.run(
        trial.fault,
        activity("hang", seconds=60),
        heal_limit_seconds=1,
        stop=stop_when(trial.mark),
    )

    assert "did not heal within 1 s" in outcome.problems[0]
    assert not trial.mark.exists()
    assert pending() == []


def test_a_trial_beyond_its_limit_is_stopped_and_failed(trial: Trial) -> None:
    outcome = trial.run(trial.fault, activity("hold", seconds=60), trial_limit_seconds=6)

    assert TrialStatus.FAILED is outcome.status
    assert "did not end within 6 s" in outcome.problems[0]
    assert not trial.mark.exists()


def test_a_failed_rollback_is_seen_although_chaoslib_completes(trial: Trial) -> None:
    outcome = trial.run(trial.fault, rollbacks=(HEAL, activity("fails")))

    assert TrialStatus.FAILED is outcome.status
    assert "rollback broke" in " ".join(outcome.problems)


def test_a_missing_rollback_is_made_good_by_the_undo_log(trial: Trial) -> None:
    outcome = trial.run(trial.fault, rollbacks=())

    assert TrialStatus.COMPLETED is outcome.status
    assert not trial.mark.exists()


def test_an_undo_that_fails_stays_pending_and_is_reported(trial: Trial) -> None:
    outcome = trial.run(activity("fault_without_undo", path="x"), rollbacks=())

    assert TrialStatus.FAILED is outcome.status
    assert "cannot be undone" in " ".join(outcome.problems)
    assert pending() == ["stuck"]


def test_a_fault_without_a_target_fails_the_trial(trial: Trial) -> None:
    outcome = trial.run(activity("nothing"))

    assert TrialStatus.FAILED is outcome.status
    assert "at least one target" in " ".join(outcome.problems)


def test_nothing_follows_a_failed_action(trial: Trial) -> None:
    later = trial.folder / "later"

    outcome = trial.run(activity("fails"), activity("follows", path=str(later)))

    assert TrialStatus.FAILED is outcome.status
    assert not later.exists()


def test_nothing_is_broken_when_the_steady_state_does_not_hold(trial: Trial) -> None:
    outcome = trial.run(trial.fault, steady="unsteady")

    assert TrialStatus.ABORTED is outcome.status
    assert trial.phases == []
    assert not trial.mark.exists()


def test_a_child_whose_supervisor_is_killed_heals_itself(trial: Trial) -> None:
    child = os.fork()
    if child == 0:
        try:
            trial.run(trial.fault, activity("hold", seconds=60))
        finally:
            os._exit(0)
    polling.wait_until(trial.mark.exists, what="the fault", limit_seconds=30)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    polling.wait_until(
        lambda: not trial.mark.exists() and not pending(),
        what="the orphan to heal",
        limit_seconds=20,
    )
    polling.wait_until(
        (trial.trial_dir / "journal.json").exists, what="its journal", limit_seconds=20
    )
    assert "healed" in trial.phases


def test_a_second_trial_never_writes_into_the_first_ones_history(trial: Trial) -> None:
    trial.run(trial.fault)
    before = (trial.trial_dir / "history.jsonl").read_text()

    with pytest.raises(EnvironmentUnavailable, match="fresh results folder"):
        trial.run(trial.fault)

    assert before == (trial.trial_dir / "history.jsonl").read_text()
