"""The meter's benchmark: what it plants is what it says, and a wrong meter does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import meter_error
from harness.model.finding import Finding, Measurement
from harness.model.verdict import Verdict


def test_a_refusal_is_reported_within_the_stated_error(tmp_path: Path) -> None:
    trial = meter_error.measure("refuse", 0.3, tmp_path, 0.5)

    assert trial.planted >= 0.3
    assert trial.error is not None
    assert trial.stated_error is not None
    assert trial.error <= trial.stated_error


def test_a_meter_that_is_off_by_more_than_it_states_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Measurement(value=0.2, unit="s", error=0.01)
    wrong = Finding(Verdict.SUPPORTED, "planted", measured, ())
    monkeypatch.setattr("harness.checkers.CHECKERS", {"recovery_time": lambda h, c: wrong})

    trial = meter_error.measure("refuse", 0.05, tmp_path, 0.5)

    assert not trial.holds
