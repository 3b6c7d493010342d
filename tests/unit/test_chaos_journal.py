"""A journal is judged by what happened, not by chaoslib's own word for it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.chaos.journal import TrialStatus, judge


def run(
    kind: str = "action", status: str | None = "succeeded", output: Any = None
) -> dict[str, Any]:
    result: dict[str, Any] = {"activity": {"type": kind, "name": "x"}, "output": output}
    if status is not None:
        result["status"] = status
    if status == "failed":
        result["exception"] = ["Traceback\n", "harness.errors.FaultFailed: not proven\n"]
    return result


GOOD = run(output={"targets": ["pod-1"]})


def journal(**changes: Any) -> dict[str, Any]:
    return {
        "status": "completed",
        "experiment": {"rollbacks": [{}]},
        "steady_states": {"before": {"steady_state_met": True, "probes": []}},
        "run": [GOOD],
        "rollbacks": [run(output={"targets": []})],
        **changes,
    }


CASES = {
    "all well": (journal(), TrialStatus.COMPLETED, ""),
    "a failed action": (journal(run=[run(status="failed")]), TrialStatus.FAILED, "not proven"),
    "an action cut short": (journal(run=[run(status=None)]), TrialStatus.FAILED, "no status"),
    "an action without a target": (
        journal(run=[run(output={"targets": []})]),
        TrialStatus.FAILED,
        "at least one target",
    ),
    "an action that says nothing": (journal(run=[run()]), TrialStatus.FAILED, "target"),
    "a stock action that returns its targets": (
        journal(run=[run(output=["pod-1"])]),
        TrialStatus.COMPLETED,
        "",
    ),
    "a probe needs no target": (journal(run=[run("probe", output=5)]), TrialStatus.COMPLETED, ""),
    "a failed rollback": (journal(rollbacks=[run(status="failed")]), TrialStatus.FAILED, "rollb"),
    "a rollback that did not run": (journal(rollbacks=[]), TrialStatus.FAILED, "expected 1 to run"),
    "a steady state that did not hold": (
        journal(
            run=[],
            steady_states={
                "before": {
                    "steady_state_met": False,
                    "probes": [
                        {
                            "activity": {"name": "pods Ready", "tolerance": 5},
                            "status": "succeeded",
                            "output": 4,
                        }
                    ],
                }
            },
        ),
        TrialStatus.ABORTED,
        "'pods Ready': expected 5, got 4",
    ),
    "interrupted": (journal(status="interrupted"), TrialStatus.INTERRUPTED, ""),
    "aborted by chaoslib": (journal(status="aborted"), TrialStatus.FAILED, "aborted"),
}


@pytest.mark.parametrize("name", CASES)
def test_status_and_reason(name: str) -> None:
    document, status, reason = CASES[name]

    ending = judge(document)

    assert status is ending.status
    assert reason in " ".join(ending.problems)


def test_problems_of_the_session_make_a_completed_trial_failed() -> None:
    ending = judge(journal(), problems=["the watchers did not start"])

    assert TrialStatus.FAILED is ending.status


def test_a_trial_that_was_asked_to_stop_is_interrupted_whatever_it_left_undone() -> None:
    ending = judge(journal(run=[run(status="failed")]), stopped=True)

    assert TrialStatus.INTERRUPTED is ending.status
    assert "not proven" in ending.problems[0]
